"""Starting Keras in a process: threads and devices are settled before the backend is imported."""

import importlib
import os
import sys


def start(threads: int) -> None:
    """Holds this process to its CPU threads; call it before the first import of Keras.

    Args:
        threads: CPU threads that one trial may use, >= 1.
    """
    for name in ("OMP_NUM_THREADS", "TF_NUM_INTRAOP_THREADS"):
        os.environ[name] = str(threads)
    os.environ["TF_NUM_INTEROP_THREADS"] = "1"
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    if os.environ.get("KERAS_BACKEND") == "jax":
        # XLA on the CPU takes its pool from this flag alone.
        flags = f"--xla_cpu_multi_thread_eigen={'true' if threads > 1 else 'false'}"
        os.environ["XLA_FLAGS"] = f"{os.environ.get('XLA_FLAGS', '')} {flags}".strip()


def import_keras() -> None:
    """Imports Keras with its backend; what TensorFlow says on standard error meanwhile is held back.

    TensorFlow reports its processor's features and missing GPU drivers before its log level takes effect.
    """
    sys.stderr.flush()
    kept = os.dup(2)
    nowhere = os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nowhere, 2)
        importlib.import_module("keras")
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(nowhere)


def device() -> str:
    """Returns what Keras computes on here: `cpu`, or the name of the first accelerator."""
    import keras

    accelerators = [name for name in keras.distribution.list_devices() if not name.startswith("cpu")]
    return str(accelerators[0]) if accelerators else "cpu"
