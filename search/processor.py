"""What of a processor and its libraries moves the last digits of a float32 sum, as it stands in every row."""

import hashlib
import os
import re
from pathlib import Path

from search import backend

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

    What the default comes to is decided by the processor's flags and TensorFlow's version.
    """
    if backend.chosen() != "tensorflow":
        return None
    said = os.environ.get("TF_ENABLE_ONEDNN_OPTS", "").strip().lower()
    return {"": "default", "1": "on", "true": "on", "0": "off", "false": "off"}.get(said, "default")
