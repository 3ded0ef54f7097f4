"""The memory of a GPU that several trials share: each holds its share, less what CUDA itself takes."""

import os
import subprocess
from collections.abc import Mapping

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
