"""What a result was measured on, but no machine's name: cores, processor, memory, GPU, load, commit."""

import os
import re
import subprocess
from pathlib import Path

from tests.conftest import ROOT


def _said(*command: str) -> str:
    """What a command prints; nothing where there is no such command."""
    try:
        return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=30).stdout.strip()
    except (OSError, subprocess.TimeoutExpired):
        return ""


def _cpuinfo() -> str:
    return Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace")


def commit() -> str:
    """The commit that is checked out, and whether files differ from it."""
    head = _said("git", "rev-parse", "--short", "HEAD") or "unknown"
    return f"{head} with changes" if _said("git", "status", "--porcelain", "--untracked-files=no") else head


def precision() -> str:
    """The fastest `training.mixed_precision` here: bfloat16 where the processor multiplies matrices of it."""
    return "bfloat16" if re.search(r"^flags\b.*\bamx_bf16\b", _cpuinfo(), flags=re.M) else "none"


def described() -> str:
    """One line: cores, processor, memory, GPU, and how busy the machine was with other work."""
    model = re.search(r"^model name\s*:\s*(.+)$", _cpuinfo(), flags=re.M)
    memory_gib = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    gpu = _said("nvidia-smi", "--query-gpu=name", "--format=csv,noheader").replace("\n", ", ") or "no GPU"
    return (
        f"{len(os.sched_getaffinity(0))} cores ({model[1].strip() if model else 'unknown processor'}), "
        f"{memory_gib:.0f} GiB, {gpu}; load {os.getloadavg()[0]:.1f} before"
    )
