"""Peak memory of a command with everything it starts: `python memory.py COMMAND...`, sampled twice a second.

Two sums over the command and all that descends from it: PSS, the memory that would be freed if all of them
ended (shared pages counted once), and anonymous memory, which leaves out mapped files that the kernel may
drop at any time. Also the largest anonymous memory of one trial worker. From /proc/PID/smaps_rollup.
"""

import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any


def descendants(root: int) -> list[int]:
    """The process `root` and all below it."""
    parents = {}
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            text = path.read_text()
        except OSError:
            continue
        parents[int(text.split(" ", 1)[0])] = int(text.rpartition(")")[2].split()[1])
    found = [root]
    for process in found:
        found += [child for child, parent in parents.items() if parent == process]
    return found


def memory(process: int) -> tuple[int, int, str]:
    """PSS and anonymous memory of a process in bytes, and its command; zeros once it is gone."""
    try:
        text = Path(f"/proc/{process}/smaps_rollup").read_text()
        command = Path(f"/proc/{process}/cmdline").read_text().replace("\0", " ")
    except OSError:
        return 0, 0, ""
    sizes = {
        line.split(":")[0]: int(line.split()[1]) * 1024 for line in text.splitlines() if line.endswith("kB")
    }
    return sizes.get("Pss", 0), sizes.get("Anonymous", 0), command


@dataclass(frozen=True)
class Peaks:
    """The largest sums of bytes that were seen, and the exit code."""

    pss: int
    anonymous: int
    worker_anonymous: int
    code: int


def watched(command: list[str], **how: Any) -> Peaks:
    """Runs a command, with further arguments of `subprocess.Popen`, and looks at it twice a second."""
    driver = subprocess.Popen(command, **how)
    pss = anonymous = worker = 0
    while driver.poll() is None:
        found = [memory(process) for process in descendants(driver.pid)]
        pss = max(pss, sum(one for one, _, _ in found))
        anonymous = max(anonymous, sum(one for _, one, _ in found))
        worker = max([worker, *(one for _, one, name in found if "Trainable" in name)])
        time.sleep(0.5)
    return Peaks(pss, anonymous, worker, driver.returncode)


def main(command: list[str]) -> int:
    """Runs the command and prints its peaks."""
    peaks = watched(command)
    print(
        f"peak PSS {peaks.pss / 1e6:.0f} MB, anonymous {peaks.anonymous / 1e6:.0f} MB, "
        f"one worker's anonymous {peaks.worker_anonymous / 1e6:.0f} MB"
    )
    return peaks.code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
