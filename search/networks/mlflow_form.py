"""A deciding model as MLflow keeps models, where MLflow is installed."""

import os
import warnings
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray


def write(model: Any, path: Path) -> None:
    """Writes the `model.onnx` beside a path as an MLflow model of MLflow's own flavour for ONNX.

    Whoever loads it runs no code of ours and needs none: MLflow, onnxruntime and NumPy.

    Args:
        model: the deciding model, for the signature.
        path: the folder.
    """
    mlflow = _mlflow()
    import onnx
    from mlflow.models import ModelSignature
    from mlflow.types import Schema, TensorSpec

    (takes,) = model.inputs
    shape, dtype = tuple(takes.shape[1:]), np.dtype(takes.dtype)
    told = {name: model.output[name] for name in ("score", "probability", "label") if name in model.output}
    outputs = [TensorSpec(np.dtype(one.dtype), (-1, *one.shape[1:]), name) for name, one in told.items()]
    mlflow.onnx.save_model(
        onnx.load(str(path.with_name("model.onnx"))),
        str(path),
        signature=ModelSignature(
            Schema([TensorSpec(dtype, (-1, *shape))]),
            Schema(outputs),
        ),
        input_example=np.zeros((1, *shape), dtype),  # no row of the data goes into a bundle
        pip_requirements=[f"{name}=={version(name)}" for name in ("onnxruntime", "onnx", "numpy")],
        onnx_execution_providers=["CPUExecutionProvider"],
        save_as_external_data=False,
    )


def read(path: Path) -> Any:
    """Returns a function from rows to outputs, as MLflow loads it."""
    loaded = _mlflow().pyfunc.load_model(str(path))

    def run(x: NDArray[Any]) -> Any:
        return loaded.predict(x)

    return run


def _mlflow() -> Any:
    """Imports MLflow, and keeps it from reporting its use to its makers unless the environment says so."""
    os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
    with warnings.catch_warnings():
        # It warns of type hints of its own.
        warnings.filterwarnings("ignore", ".*Any type hint is inferred as AnyType", UserWarning)
        import mlflow.onnx
        import mlflow.pyfunc
    return mlflow
