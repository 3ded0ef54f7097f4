"""Judging searches on rows none of them saw: `python -m tests.benchmarks.quality_judge ROWS FOLDER...`.

A process of its own, after all searches are done. Every FOLDER of a search gets a `judged.json`, unless it
has one of these rows.
"""

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import average_precision_score, f1_score

from search.runs.run_folder import RunFolder
from tests.benchmarks.quality_scores import Incumbent, Judged, Moment, incumbents, work

Scores = NDArray[np.float32]
Verdict = tuple[float, float, float | None]
"""Average precision, F1 where the probability reaches one half, F1 at the search's own threshold."""


def judged(folder: Path, rows: Path) -> Judged:
    """Judges the incumbents of one search.

    Args:
        folder: of the search, with its `run.json`.
        rows: as `quality_data.written` returns it.
    """
    facts = json.loads((folder / "run.json").read_text(encoding="utf-8"))
    x, y = np.load(rows / "unseen" / "x.npy", mmap_mode="r"), np.load(rows / "unseen" / "y.npy")
    if facts["system"] == "ours":
        moments = of_records(folder, facts["began"], len(np.load(rows / "seen" / "y_train.npy")))
        verdict = _ours(folder, x, y)
    else:
        moments, verdict = of_journal(folder), _peer(folder, x, y)
    found = []
    for moment in incumbents(moments, facts["seconds"]):
        unseen, at_half, at_threshold = verdict(moment)
        found.append(
            Incumbent(
                seconds=moment.seconds,
                trial=moment.trial,
                epoch=moment.epoch,
                value=float(moment.value or 0),
                unseen=unseen,
                f1_at_half=at_half,
                f1_at_threshold=at_threshold,
            )
        )
    windows, last_s, trials = work(moments, facts["seconds"])
    return Judged(
        system=facts["system"],
        seed=facts["seed"],
        rows=rows.name,
        commit=facts["commit"],
        began=facts["began"],
        wall_s=facts["wall_s"],
        load=facts["load"],
        incumbents=tuple(found),
        windows=windows,
        last_s=last_s,
        trials=trials,
    )


def of_journal(folder: Path) -> list[Moment]:
    """The epochs that a peer wrote down; a line torn by its end is none."""
    path, found = folder / "journal.jsonl", []
    for line in path.read_text(encoding="utf-8").splitlines() if path.is_file() else ():
        try:
            read = json.loads(line)
        except json.JSONDecodeError:
            continue
        value = read["value"] if np.isfinite(read["value"]) else None
        found.append(
            Moment(
                seconds=read["seconds"],
                trial=read["trial"],
                epoch=read["epoch"],
                value=value,
                rows=read["rows"],
            )
        )
    return found


def of_records(folder: Path, began: float, rows: int) -> list[Moment]:
    """The trained trials of our run, each from when its record appeared; what it did before stays unseen.

    Args:
        folder: of the search.
        began: when it was launched, in seconds since 1970.
        rows: rows of an epoch.
    """
    run, found = RunFolder(folder / "runs" / "run"), []
    for record in run.records():
        if record.ask.config is not None and record.epochs:
            written = run.path / "records" / f"{record.ask.trial_id}.json"
            found.append(
                Moment(
                    seconds=written.stat().st_mtime - began,
                    trial=record.ask.trial_id,
                    epoch=record.best_epoch or record.epochs,
                    value=record.steering_value,
                    rows=record.epochs * rows,
                )
            )
    return found


def _peer(folder: Path, x: Any, y: Any) -> Callable[[Moment], Verdict]:
    import keras

    def verdict(moment: Moment) -> Verdict:
        keras.backend.clear_session()
        model = keras.models.load_model(
            folder / "models" / f"{moment.trial}-{moment.epoch}.keras", compile=False
        )
        taken = x if len(model.input_shape) == 4 else x[..., np.newaxis]
        # One sigmoid, or the positive of two softmax columns.
        probability = model.predict(taken, batch_size=512, verbose=0)[:, -1]
        return _precision(y, probability), _f1(y, probability >= 0.5), None

    return verdict


def _ours(folder: Path, x: Any, y: Any) -> Callable[[Moment], Verdict]:
    import keras

    from search.networks import model as network
    from search.training.feeding import predict
    from spaces.heads import HEADS

    run = RunFolder(folder / "runs" / "run")

    def verdict(moment: Moment) -> Verdict:
        keras.backend.clear_session()
        record = run.record(moment.trial)
        config = record.ask.config
        if config is None or record.calibration_a is None or record.threshold_score is None:
            raise ValueError(f"trial {moment.trial} is no trained model, but was an incumbent")
        model = network.build(config, x.shape[1:], str(x.dtype), pretrained=False)
        model.set_weights(run.weights(moment.trial))
        raw = HEADS[config.head].score(predict(model, x))
        score = raw * np.float32(record.calibration_a) + np.float32(record.calibration_b)
        return _precision(y, raw), _f1(y, raw >= 0), _f1(y, score >= np.float32(record.threshold_score))

    return verdict


def _precision(y: Any, score: Scores) -> float:
    return float(average_precision_score(y, score))


def _f1(y: Any, decided: Any) -> float:
    return float(f1_score(y, decided, zero_division=0.0))


def main(rows: Path, folders: list[Path]) -> None:
    """Judges what is not judged yet on these rows."""
    for folder in folders:
        verdict = folder / "judged.json"
        if not verdict.is_file() or json.loads(verdict.read_text(encoding="utf-8")).get("rows") != rows.name:
            judged(folder, rows).write(verdict)
            print(f"judged {folder}", flush=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]), [Path(name) for name in sys.argv[2:]])
