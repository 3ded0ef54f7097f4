"""What a peer's search came to and when, written by one Keras callback at the end of every epoch."""

import json
import math
import time
from pathlib import Path
from typing import Any

import keras


class Journal(keras.callbacks.Callback):
    """Appends a line to `OUT/journal.jsonl`, and saves the model where it is the trial's best so far.

    Stands in for `ModelCheckpoint(save_best_only=True)`, which a user would have here. A line is written
    after its model, but tells the time before, so that saving does not count against the epoch. Lines are
    short and appended whole, so several processes may share the file.

    Args:
        out: the peer's folder.
        began: when the peer was launched, `time.time()`.
        trial: a name for files.
        rows: rows of one epoch.
    """

    def __init__(self, out: Path, began: float, trial: str, rows: int) -> None:
        super().__init__()
        self._out, self._began, self._trial, self._rows = out, began, trial, rows
        self._best, self._trained = -math.inf, 0

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        seconds, value = time.time() - self._began, float((logs or {})["val_pr_auc"])
        self._trained += self._rows
        model = None
        if value > self._best:
            self._best = value
            (self._out / "models").mkdir(exist_ok=True)
            model = f"models/{self._trial}-{epoch + 1}.keras"
            self.model.save(self._out / model)
        line = {
            "seconds": round(seconds, 3),
            "trial": self._trial,
            "epoch": epoch + 1,
            "value": value,
            "rows": self._trained,
            "model": model,
        }
        with (self._out / "journal.jsonl").open("a", encoding="utf-8") as journal:
            journal.write(json.dumps(line) + "\n")
