"""Peak memory of a command with everything it starts: `python memory.py COMMAND...`, sampled twice a second.

Two sums over the command and all that descends from it: PSS, the memory that would be freed if all of them
ended (shared pages counted once), and anonymous memory, which leaves out mapped files that the kernel may
drop at any time. Also the largest anonymous memory of one trial worker. From /proc/PID/smaps_rollup.
"""

import subprocess
import sys
import time
from pathlib import Path


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


def main(command: list[str]) -> int:
    """Runs the command and prints its peaks."""
    driver = subprocess.Popen(command)
    peak_pss = peak_anonymous = peak_worker = 0
    while driver.poll() is None:
        found = [memory(process) for process in descendants(driver.pid)]
        peak_pss = max(peak_pss, sum(pss for pss, _, _ in found))
        peak_anonymous = max(peak_anonymous, sum(anonymous for _, anonymous, _ in found))
        workers = [anonymous for _, anonymous, name in found if "Trainable" in name]
        peak_worker = max([peak_worker, *workers])
        time.sleep(0.5)
    print(
        f"peak PSS {peak_pss / 1e6:.0f} MB, anonymous {peak_anonymous / 1e6:.0f} MB, "
        f"one worker's anonymous {peak_worker / 1e6:.0f} MB"
    )
    return driver.returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
