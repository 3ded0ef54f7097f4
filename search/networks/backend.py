"""Starts Keras in a process: threads, GPU memory, precision, and the host's processor."""

import gc
import hashlib
import importlib
import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from spaces.errors import one_line

_MEMORY_RAN_OUT = (
    "ResourceExhaustedError", "RESOURCE_EXHAUSTED", "OutOfMemoryError", "MemoryError", "OOM when allocating",
    "CUDA_ERROR_OUT_OF_MEMORY", "STATUS_ALLOC_FAILED",
)  # fmt: skip
"""What TensorFlow, XLA, numpy and CUDA's libraries say where memory ran out, by type or by message."""
_BFLOAT16_SINCE = 8
"""The first major compute capability whose tensor cores multiply in bfloat16."""


def start(
    threads: int, gpu_share: float | None = None, gpu_memory: str = "share", cache: str | None = None
) -> None:
    """Holds this process to its CPU threads and its GPU memory; call it before the first import of Keras.

    Args:
        threads: CPU threads that one trial may use, >= 1.
        gpu_share: GPUs that one trial holds; below 1 its memory is limited, whole GPUs are its own, and at 0
            there are none to be seen: Ray leaves those of the host visible. None leaves all as it is.
        gpu_memory: `share` takes that share of the GPU's memory at once, `grow` takes memory as it is needed.
        cache: a folder for what JAX compiles, so that no process compiles it again; left alone where its
            parent is not there, as on another host.
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
        if cache is not None:
            keep_compiled(cache)
    if gpu_share == 0:
        os.environ["CUDA_VISIBLE_DEVICES"] = "-1"
        os.environ["JAX_PLATFORMS"] = "cpu"
    if gpu_share is not None and 0 < gpu_share < 1:
        os.environ.pop(
            "XLA_CLIENT_MEM_FRACTION", None
        )  # JAX refuses to start where both of its names are set
        os.environ.update(environment(gpu_share, total_mib() if gpu_memory == "share" else None))


def keep_compiled(folder: str) -> None:
    """Makes JAX keep what it compiles in a folder, small programs among it, and look there first.

    To be called before anything is compiled. Left alone where the folder's parent is not there, as on
    another host.
    """
    if not Path(folder).parent.is_dir():
        return
    settings = cache_settings(folder)
    os.environ.update({name.upper(): str(value) for name, value in settings.items()})
    if (jax := sys.modules.get("jax")) is not None:
        for name, value in settings.items():
            jax.config.update(name, value)


def cache_settings(folder: str) -> dict[str, str | int]:
    """Returns the settings by which JAX keeps all that it compiles in a folder; as variables, in capitals."""
    return {
        # What is compiled for one processor may end a process on another.
        "jax_compilation_cache_dir": str(Path(folder) / (cpu_flags() or "unknown")),
        "jax_persistent_cache_min_compile_time_secs": 0,
        "jax_persistent_cache_min_entry_size_bytes": -1,
    }


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
    with standard_error_held():
        keras = importlib.import_module("keras")
        if keras.config.backend() == "tensorflow":
            _settle_tensorflow()


@contextmanager
def standard_error_held() -> Iterator[None]:
    """Holds back what compiled code says on standard error, which no level of logging reaches."""
    sys.stderr.flush()
    kept = os.dup(2)
    nowhere = os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nowhere, 2)
        yield
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

    JAX keeps nothing, and Keras' own `clear_session` would take the values from under a network that another
    thread is tracing: what is compiled then trains nothing, without an error.
    """
    import keras

    if keras.config.backend() != "tensorflow":
        return
    keras.utils.clear_session()
    from tensorflow.python.framework import ops

    registered = ops.gradient_registry._registry
    for name in [name for name in registered if name.startswith("CustomGradient-")]:
        del registered[name]


def device() -> str:
    """Returns what Keras computes on here: `cpu`, or the name of the first accelerator."""
    if chosen() == "jax":  # without Keras, whose import takes seconds
        import jax

        names = [f"{device.platform}:{device.id}" for device in jax.devices()]
    else:
        import keras

        names = keras.distribution.list_devices()
    accelerators = [name for name in names if not name.startswith("cpu")]
    return str(accelerators[0]) if accelerators else "cpu"


def precision(setting: str) -> str:
    """Returns the Keras dtype policy to train under here; see `policy_of`."""
    if setting != "auto":
        return policy_of(setting, "", None)
    found = device()
    return policy_of(setting, found, None if found == "cpu" else _compute_capability())


def policy_of(setting: str, device_name: str, compute_capability: int | None) -> str:
    """Returns the Keras dtype policy that `training.mixed_precision` means here.

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
    return (memory_advice(error) or one_line(error, 500, named=True))[:500]


CONTEXT_MIB = 1024
"""What a process holds on a GPU besides its tensors: the CUDA context and the libraries' kernels.

TensorFlow leaves 500 to 1,800 MiB of a whole GPU to it, by compute capability (`MinSystemMemory` in its
gpu_device.cc).
"""
SMALLEST_MIB = 256
"""Less than this is no use to a network."""
LIMIT = "HEADSEARCH_GPU_MEMORY_MIB"
"""Where `backend.start` leaves the limit for TensorFlow, which takes it from no variable of its own."""


def limit_mib(share: float, total_mib: int) -> int | None:
    """Returns the MiB of tensors that a share of a GPU allows; None where CUDA itself would not fit.

    Args:
        share: of one GPU, in (0, 1].
        total_mib: memory of the GPU.
    """
    limit = int(share * total_mib) - CONTEXT_MIB
    return limit if limit >= SMALLEST_MIB else None


def environment(share: float, total_mib: int | None) -> Mapping[str, str]:
    """Returns the environment that holds TensorFlow or JAX to a share of a GPU.

    Args:
        share: of one GPU, in (0, 1).
        total_mib: memory of the GPU; None lets memory grow as it is needed.
    """
    # Ray and nvidia-smi number GPUs by bus, CUDA by speed unless it is told to.
    settings = {"CUDA_DEVICE_ORDER": "PCI_BUS_ID"}
    limit = None if total_mib is None else limit_mib(share, total_mib)
    if limit is None or total_mib is None:
        return settings | {"TF_FORCE_GPU_ALLOW_GROWTH": "true", "XLA_PYTHON_CLIENT_PREALLOCATE": "false"}
    return settings | {
        # All of it at once: what is too much then shows at the start, and not when a neighbour has grown.
        "TF_FORCE_GPU_ALLOW_GROWTH": "false",
        LIMIT: str(limit),
        "XLA_PYTHON_CLIENT_PREALLOCATE": "true",
        "XLA_PYTHON_CLIENT_MEM_FRACTION": f"{limit / total_mib:.4f}",
    }


def total_mib() -> int | None:
    """Returns the memory of the GPU that this process sees; None where the driver does not say."""
    visible = os.environ.get("CUDA_VISIBLE_DEVICES", "").split(",")[0]
    command = ["nvidia-smi", "--query-gpu=memory.total", "--format=csv,noheader,nounits"]
    try:
        said = subprocess.run(
            [*command, *([f"--id={visible}"] if visible else [])], capture_output=True, text=True, timeout=60
        )
        return int(said.stdout.split()[0]) if said.returncode == 0 else None
    except (OSError, ValueError, IndexError, subprocess.TimeoutExpired):
        return None  # a slice of a GPU, or one of another maker


_CPUINFO = Path("/proc/cpuinfo")
_OF_ARITHMETIC = re.compile(r"(s?sse|avx|fma|f16c|amx|bmi|vnni|asimd|fphp|sve|sme|i8mm|bf16)\w*")
"""Processor flags by which numeric libraries choose their kernels; all others are left out."""
_LEVELS = ("amx_tile", "avx512f", "avx2", "avx", "sse4_2", "sve2", "sve", "asimd")
"""From the best to the plainest: the first that is there names the processor."""


def cpu_flags(cpuinfo: Path = _CPUINFO) -> str | None:
    """Returns a processor's level of vector arithmetic and a digest of its flags, such as `avx512f-1b2c3d4e`.

    Two processors of one text choose the same kernels. None where the system does not say.
    """
    try:
        text = cpuinfo.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return None
    line = re.search(r"^(?:flags|Features)\s*:(.*)$", text, flags=re.M)
    if line is None:
        return None
    flags = sorted({flag for flag in line[1].split() if _OF_ARITHMETIC.fullmatch(flag)})
    level = next((name for name in _LEVELS if name in flags), "scalar")
    return f"{level}-{hashlib.sha256(' '.join(flags).encode()).hexdigest()[:8]}"


def onednn() -> str | None:
    """Returns whether TensorFlow was told to compute with oneDNN: `on`, `off`, or `default`; None without it.

    The default depends on the processor's flags and on TensorFlow's version.
    """
    if chosen() != "tensorflow":
        return None
    said = os.environ.get("TF_ENABLE_ONEDNN_OPTS", "").strip().lower()
    return {"": "default", "1": "on", "true": "on", "0": "off", "false": "off"}.get(said, "default")
