"""Counts how often the test split was opened, in a note beside all runs."""

import fcntl
import json

from search.files import write_atomically
from search.runs.run_folder import RunFolder


def note_opening(run: RunFolder, trial_id: str, when: str) -> int:
    """Notes that the test split was opened, before it is; returns how often that makes.

    The note lies beside the runs and counts all of them, since another study on the same rows, made after a
    look at these results, is no more unbiased than another trial of this study. A note is never removed.
    """
    resolved = run.resolved()
    split = {"data_digest": resolved["data_digest"], "split_digest": resolved["split_digest"]}
    path = run.path.resolve().parent / "test_opened.json"
    with path.with_name(".test_opened.lock").open("ab") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # waits for another who opens it; ends with the file
        opened = json.loads(path.read_text()) if path.is_file() else []
        opened.append({"run": run.path.resolve().name, "trial_id": trial_id, "when": when, **split})
        write_atomically(path, json.dumps(opened, indent=1).encode())
    return sum(all(entry[key] == value for key, value in split.items()) for entry in opened)
