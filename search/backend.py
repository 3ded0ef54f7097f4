"""Starting Keras in a process: threads, GPU memory and float32 are settled before anything computes."""

import gc
import importlib
import json
import os
import sys
from pathlib import Path
from typing import Any

from search.gpu_memory import LIMIT, environment, total_mib

_MEMORY_RAN_OUT = (
    "ResourceExhaustedError", "RESOURCE_EXHAUSTED", "OutOfMemoryError", "MemoryError", "OOM when allocating",
    "CUDA_ERROR_OUT_OF_MEMORY", "STATUS_ALLOC_FAILED",
)  # fmt: skip
"""What TensorFlow, XLA, numpy and CUDA's libraries say where memory ran out, by type or by message."""
_BFLOAT16_SINCE = 8
"""The first major compute capability whose tensor cores multiply in bfloat16."""


def start(threads: int, gpu_share: float | None = None, gpu_memory: str = "share") -> None:
    """Holds this process to its CPU threads and its GPU memory; call it before the first import of Keras.

    Args:
        threads: CPU threads that one trial may use, >= 1.
        gpu_share: GPUs that one trial holds; below 1 its memory is limited, whole GPUs are its own, and at 0
            there are none to be seen: Ray leaves those of the host visible. None leaves all as it is.
        gpu_memory: `share` takes that share of the GPU's memory at once, `grow` what comes to be needed.
    """
    for name in ("OMP_NUM_THREADS", "TF_NUM_INTRAOP_THREADS"):
        os.environ[name] = str(threads)
    os.environ["TF_NUM_INTEROP_THREADS"] = "1"
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    os.environ["JAX_DEFAULT_MATMUL_PRECISION"] = "float32"  # see _settle_tensorflow
    if chosen() == "jax":
        # XLA on the CPU takes its pool from this flag alone.
        flags = f"--xla_cpu_multi_thread_eigen={'true' if threads > 1 else 'false'}"
        os.environ["XLA_FLAGS"] = f"{os.environ.get('XLA_FLAGS', '')} {flags}".strip()
    if gpu_share == 0:
        os.environ["CUDA_VISIBLE_DEVICES"] = "-1"
        os.environ["JAX_PLATFORMS"] = "cpu"
    if gpu_share is not None and 0 < gpu_share < 1:
        os.environ.pop(
            "XLA_CLIENT_MEM_FRACTION", None
        )  # JAX refuses to start where both of its names are set
        os.environ.update(environment(gpu_share, total_mib() if gpu_memory == "share" else None))


def chosen() -> str:
    """Returns what Keras computes with, or will once it is imported: `tensorflow`, `jax` or `torch`.

    As Keras itself looks it up: `KERAS_BACKEND`, else its own file of settings.
    """
    if named := os.environ.get("KERAS_BACKEND"):
        return named
    home = Path(os.environ.get("KERAS_HOME") or "~/.keras").expanduser()
    try:
        settings = json.loads((home / "keras.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return "tensorflow"
    return str(settings.get("backend", "tensorflow")) if isinstance(settings, dict) else "tensorflow"


def import_keras(*, as_guest: bool = False) -> None:
    """Imports Keras with its backend; what TensorFlow says on standard error meanwhile is held back.

    TensorFlow reports its processor's features and missing GPU drivers before its log level takes effect.
    Keras wraps scikit-learn where there is one, which is a quarter of what its import takes; here there is
    none meanwhile. What the import leaves behind stays, so collections of garbage, of which every trial
    begins with one, need not look at it: a quarter of a second each.

    Args:
        as_guest: in a process that is not ours, such as a notebook: scikit-learn is wrapped, and garbage
            collected, as ever.
    """
    if "keras" in sys.modules:
        return
    if as_guest:
        _import_keras()
        return
    imported = sys.modules.get("sklearn")
    sys.modules["sklearn"] = imported  # type: ignore[assignment]  # None is a module that cannot be imported
    try:
        _import_keras()
    finally:
        if imported is None:
            del sys.modules["sklearn"]
    gc.collect()
    gc.freeze()


def _import_keras() -> None:
    sys.stderr.flush()
    kept = os.dup(2)
    nowhere = os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nowhere, 2)
        keras = importlib.import_module("keras")
        if keras.config.backend() == "tensorflow":
            _settle_tensorflow()
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(nowhere)


def _settle_tensorflow() -> None:
    """Settles what TensorFlow takes from nothing but calls, and only before its first operation."""
    import tensorflow as tf

    # Else float32 products are rounded to ten bits on GPUs from compute capability 8 on: scores would not be
    # those of the bundle elsewhere, and the proof of the decode is finer than that.
    tf.config.experimental.enable_tensor_float_32_execution(False)
    if limit_mib := os.environ.get(LIMIT):
        for gpu in tf.config.list_physical_devices("GPU"):
            limit = tf.config.LogicalDeviceConfiguration(memory_limit=int(limit_mib))
            tf.config.set_logical_device_configuration(gpu, [limit])


def forget() -> None:
    """Lets go of the networks that this process trained before.

    TensorFlow keeps, by name and for good, the gradient of every operation that defines its own. One is in
    Keras' training step: were it kept, the graph of the whole step would stay with it, 6 MB a trial.
    """
    import keras

    keras.utils.clear_session()
    if keras.config.backend() == "tensorflow":
        from tensorflow.python.framework import ops

        registered = ops.gradient_registry._registry
        for name in [name for name in registered if name.startswith("CustomGradient-")]:
            del registered[name]


def device() -> str:
    """Returns what Keras computes on here: `cpu`, or the name of the first accelerator."""
    import keras

    accelerators = [name for name in keras.distribution.list_devices() if not name.startswith("cpu")]
    return str(accelerators[0]) if accelerators else "cpu"


def precision(setting: str) -> str:
    """Returns the Keras dtype policy to train under here; see `policy_of`."""
    if setting != "auto":
        return policy_of(setting, "", None)
    found = device()
    return policy_of(setting, found, None if found == "cpu" else _compute_capability())


def policy_of(setting: str, device_name: str, compute_capability: int | None) -> str:
    """Returns the Keras dtype policy that `training.mixed_precision` comes to.

    Args:
        setting: `auto`, `none`, `bfloat16` or `float16`.
        device_name: see `device`.
        compute_capability: its major number; None for what is no GPU of NVIDIA's.

    Returns:
        `float32`, `mixed_bfloat16` or `mixed_float16`; on an accelerator that is not known, `float32`.
    """
    if setting != "auto":
        return "float32" if setting == "none" else f"mixed_{setting}"
    if device_name.startswith("tpu"):
        return "mixed_bfloat16"
    if device_name == "cpu" or compute_capability is None:
        return "float32"
    return "mixed_bfloat16" if compute_capability >= _BFLOAT16_SINCE else "mixed_float16"


def _compute_capability() -> int | None:
    """Returns the major compute capability of the first GPU; None where its maker knows no such thing."""
    import keras

    if keras.config.backend() == "jax":
        import jax

        found = getattr(jax.local_devices()[0], "compute_capability", None)  # `8.0`; `gfx90a` on AMD's
        major = str(found).partition(".")[0]
        return int(major) if major.isdecimal() else None
    import tensorflow as tf

    details = tf.config.experimental.get_device_details(tf.config.list_physical_devices("GPU")[0])
    capability: Any = details.get("compute_capability")
    return None if capability is None else int(capability[0])


def compiles(setting: str | bool) -> bool:
    """Says whether networks are compiled with XLA here: as `training.xla` says; `auto` where it pays.

    On a CPU, TensorFlow is 2 to 4 times slower with XLA for these networks; without it, JAX runs every
    operation by itself.
    """
    if isinstance(setting, bool):
        return setting
    import keras

    return bool(keras.config.backend() == "jax" or device() != "cpu")


def memory_advice(error: BaseException) -> str | None:
    """Returns what to do about an error that says that memory ran out, as one line; None for any other."""
    said = f"{type(error).__name__}: {error}"
    if not any(sign in said for sign in _MEMORY_RAN_OUT):
        return None
    first = " ".join(said.split())[:200]
    return (
        "a trial must fit into the memory of its device, but that ran out; try a smaller batch_size or "
        f"trunk.width, or a larger resources.gpus ({first})"
    )


def failure(error: BaseException) -> str:
    """Returns what to write down of an error that ended some work: advice if there is any, on one line."""
    return (memory_advice(error) or " ".join(f"{type(error).__name__}: {error}".split()))[:500]
