"""`python -m tests.versions`: the forms of a bundle in older Keras, TensorFlow and onnxruntime.

Installs each version in a temporary folder of its own. Prints a table, and fails where a version that
`search/networks/format_compatibility.py` promises does not give the scores of the model.
"""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

from search.networks import backend
from search.networks.format_compatibility import LIBRARIES, MEASURED
from tests.conftest import ROOT
from tests.helpers.toys import LOSS_OF, measured
from tests.search.networks.test_trunks import CASES

TRIED = {
    "model.keras": ("3.3.3", "3.4.0", "3.4.1", "3.6.0", "3.8.0", "3.10.0", "3.12.0", "3.14.1", "3.15.1"),
    "saved_model": ("2.12.1", "2.13.1", "2.15.1", "2.16.2", "2.18.1", "2.20.0"),
    "model.onnx": ("1.15.0", "1.16.0", "1.18.0", "1.20.0", "1.23.2"),
    "model.tflite": ("1.0.1", "1.1.2", "1.2.0", "1.4.0", "2.1.6", "2.3.0"),
}
"""Versions that Python 3.11 can install, the oldest first."""
BESIDE = {
    "model.keras": ("jax[cpu]<0.7", "numpy<2.3", "packaging"),
    "saved_model": ("setuptools<81",),
    "model.onnx": ("numpy<2",),
    "model.tflite": ("numpy<2.3",),
}
"""What else an old version is to find: Keras a backend, and onnxruntime before 1.19 a NumPy that it knows."""
WITHOUT = {"model.tflite": ("lstm", "bilstm")}
"""Trunks that a form cannot hold; bundles of these come without it."""
PACKAGES = {**LIBRARIES, "saved_model": "tensorflow-cpu"}
READ = """
import os, sys
import numpy as np
form, root = sys.argv[1:]
for name in sorted(os.listdir(root)):
    folder = os.path.join(root, name)
    x, path = np.load(folder + "/x.npy"), folder + "/" + form
    if not os.path.exists(path):
        continue
    if form == "model.keras":
        import keras
        said = keras.saving.load_model(path, compile=False, safe_mode=True).predict(x, verbose=0)
    elif form == "saved_model":
        import tensorflow as tf
        model = tf.saved_model.load(path)
        said = {name: values.numpy() for name, values in model.serve(x).items()}
    elif form == "model.tflite":
        from ai_edge_litert.interpreter import Interpreter
        interpreter = Interpreter(path)
        said = interpreter.get_signature_runner()(x=x)
    else:
        import onnxruntime
        session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
        names = ["label", "probability", "score"]
        said = dict(zip(names, session.run(names, {"x": x})))
    with np.load(folder + "/said.npz") as expected:
        np.testing.assert_allclose(said["score"], expected["score"], rtol=1e-4, atol=1e-4)
        np.testing.assert_allclose(said["probability"], expected["probability"], atol=1e-5)
        np.testing.assert_array_equal(said["label"], expected["label"])
"""


def write_models(root: Path) -> None:
    """Writes a deciding model of every trunk of ours in every form, with rows and what it says of them."""
    from search.networks import export, model
    from search.networks.trunks import TRUNKS

    rng = np.random.default_rng(0)
    for number, trunk in enumerate(TRUNKS):
        shape = CASES[trunk].usual
        for dtype in ("float32", "uint8") if CASES[trunk].pixels else ("float32",):
            head = list(LOSS_OF)[number % len(LOSS_OF)]
            record = measured(trunk, head, 0.0)
            weights = model.build(record.ask.config, shape, dtype, pretrained=False).get_weights()
            decider = export.deciding_model(record, weights, shape, dtype)
            x = rng.normal(size=(64, *shape)).astype(np.float32)
            x.flat[0] = np.nan
            if dtype == "uint8":
                x = rng.integers(0, 256, size=x.shape, dtype=np.uint8)
            folder = root / f"{trunk}-{dtype}"
            folder.mkdir()
            export.save(decider, folder / "model.keras")
            for form in (one for one in export.FORMATS if one.name in LIBRARIES):
                if trunk not in WITHOUT.get(form.name, ()):
                    form.write(decider, folder / form.name)
            np.save(folder / "x.npy", x)
            np.savez(folder / "said.npz", **decider.predict_on_batch(x))


def reads(form: str, version: str, models: Path, place: Path) -> str:
    """Installs a version and reads a form of all models with it; returns why that fails, if it does."""
    uv, python = ROOT / ".venv/bin/uv", place / "bin/python"
    subprocess.run([uv, "venv", "--quiet", "--python", sys.executable, place], check=True)
    subprocess.run(
        [uv, "pip", "install", "--quiet", "--python", python, f"{PACKAGES[form]}=={version}", *BESIDE[form]],
        check=True,
    )
    read = subprocess.run(
        [python, "-I", "-W", "ignore", "-c", READ, form, models],
        env={**os.environ, "KERAS_BACKEND": "jax"},
        capture_output=True,
        text=True,
        cwd=place,
    )
    return "" if read.returncode == 0 else " ".join(read.stderr.strip().splitlines()[-1].split())[-120:]


def main() -> int:
    backend.import_keras()
    broken = 0
    with tempfile.TemporaryDirectory(prefix="versions-") as folder:
        models = Path(folder) / "models"
        models.mkdir()
        write_models(models)
        print("| form | version | reads it |\n|---|---|---|")
        for form, versions in TRIED.items():
            promised = False
            for version in versions:
                promised = promised or version == MEASURED.least[form]
                with tempfile.TemporaryDirectory(dir=folder) as place:
                    why = reads(form, version, models, Path(place) / "venv")
                broken += bool(why) and promised
                print(f"| {form} | {PACKAGES[form]} {version} | {why or 'yes'} |", flush=True)
    print(f"{broken} of the versions that are promised fail")
    return bool(broken)


if __name__ == "__main__":
    sys.exit(main())
