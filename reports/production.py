"""Production: a trial becomes a bundle, a folder that decides by itself, and a bundle is used."""

import hashlib
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import yaml
from numpy.typing import NDArray

from reports import card
from search import backend
from search.evaluation import Estimate, estimates
from search.preparation import Prepared, check_same, prepare
from search.record import Record
from search.rows import Labels, Rows
from search.run_folder import RunFolder, write_atomically
from spaces.data import Label, Npz
from spaces.errors import RunError
from spaces.study import Study

FORMAT = 1
"""Of a bundle's files; a reader refuses a later one."""
SUMS = "SHA256SUMS"
SCORE_TOLERANCE = 1e-3
"""Largest difference allowed between a trial's stored scores and the bundle's, relative to 1 + |score|.

One CPU thread repeats them exactly; other thread counts and processors move the last digits.
"""


def pick(run: RunFolder, trial_id: str | None) -> Record:
    """Returns the trial to promote: the one named, or the best whose weights are kept.

    Raises:
        RunError: no such trial, it is not a trained model, or its numbers are not to be trusted.
    """
    if trial_id is None:
        kept = set(run.kept())
        fit = [
            r
            for r in run.records()
            if r.ask.kind != "baseline" and r.value is not None and r.ask.trial_id in kept
        ]
        if not fit:
            raise RunError(f"{run.path} has no finished trial with a value and kept weights", exit_code=1)
        chosen = max(fit, key=lambda r: (r.value or 0.0, -r.ask.number))
    else:
        chosen = run.record(trial_id)
    if chosen.ask.config is None or chosen.state == "failed":
        what = f"failed: {chosen.error}" if chosen.error else f"the baseline {chosen.ask.baseline}"
        raise RunError(f"only a trained trial can be promoted, but {chosen.ask.trial_id} is {what}")
    if chosen.leaky:
        raise RunError(
            f"trial {chosen.ask.trial_id} was measured on a leaky split (split.i_accept_leakage), "
            "so nothing is known of how it does on new data; run the study on parts that are independent"
        )
    return chosen


def promote(run: RunFolder, record: Record, to: Path) -> dict[str, Estimate]:
    """Writes a trial's bundle, measured once on the test split.

    Args:
        run: the run it stands in.
        record: the trial, from `pick`.
        to: the bundle's folder; must be new or empty.

    Returns:
        The metrics on the test rows.

    Raises:
        RunError: the folder is taken, the data changed, or the rebuilt model gives other scores.
    """
    if to.exists() and (not to.is_dir() or any(to.iterdir())):
        raise RunError(f"a bundle goes into a new or empty folder, but {to} is not empty")
    backend.import_keras()
    from search import export

    study = run.study()
    prepared = prepare(study, run.path)
    check_same(prepared, run.resolved())
    x = prepared.rows.x
    model = export.deciding_model(record, run.weights(record.ask.trial_id), x.shape[1:], str(x.dtype))
    _check_against_stored(run, record, _outputs(model, x[prepared.split.validation]))
    opened = run.open_test_split(record.ask.trial_id, datetime.now(UTC).isoformat(timespec="seconds"))
    score = _outputs(model, x[prepared.split.test])["score"]
    reference = prepared.test_reference(study)
    test = estimates(
        reference,
        score,
        float(record.threshold_score or 0),
        seed=study.seed,
        probabilistic=record.metrics["brier"].value is not None,
    )
    to.mkdir(parents=True, exist_ok=True)
    export.save(model, str(to / "model.keras"))
    config = _config(study, record, prepared, run.resolved(), test, opened)
    write_atomically(to / "config.yaml", yaml.safe_dump(config, sort_keys=False, allow_unicode=True).encode())
    write_atomically(to / "MODEL_CARD.md", card.text(record, config).encode())
    _write_sums(to)
    return test


@dataclass(frozen=True, eq=False)
class Bundle:
    """A loaded bundle; `predict` says everything there is to say about rows.

    Args:
        config: what `config.yaml` holds.
        model: the deciding model.
    """

    config: dict[str, Any]
    model: Any

    @property
    def labels(self) -> Labels:
        """The original label values."""
        return Labels(self.config["labels"]["negative"], self.config["labels"]["positive"])

    def predict(self, x: NDArray[Any]) -> pa.Table:
        """Scores rows and decides.

        Args:
            x: inputs `(n, *shape)`, of the bundle's shape and type; finite.

        Returns:
            A table of `score` and `probability` (float32) and `label` (the original values), n rows.

        Raises:
            RunError: another shape, type or range than the model was trained on.
        """
        x = self._checked(x)
        outputs = _outputs(self.model, x)
        values: tuple[Label, Label] = (self.labels.negative, self.labels.positive)
        return pa.table(
            {
                "score": outputs["score"],
                "probability": outputs["probability"],
                "label": pa.array([values[label] for label in outputs["label"].tolist()]),
            }
        )

    def predict_batches(self, x: NDArray[Any], rows: int = 8192) -> Iterator[pa.Table]:
        """Yields tables of at most `rows` rows each, in order."""
        for start in range(0, len(x), rows):
            yield self.predict(x[start : start + rows])

    def _checked(self, x: NDArray[Any]) -> NDArray[Any]:
        shape, dtype = tuple(self.config["input"]["shape"]), self.config["input"]["dtype"]
        if x.shape[1:] != shape:
            raise RunError(f"the bundle takes rows of shape {shape}, but got {x.shape[1:]}")
        if len(x) == 0:
            raise RunError("there is nothing to predict: the data has no rows")
        if x.dtype.kind not in "biuf":
            raise RunError(f"the bundle takes numbers, but got {x.dtype}")
        if dtype == "uint8" and x.dtype != np.uint8:
            raise RunError(f"the bundle takes pixels as uint8, 0 to 255, but got {x.dtype}")
        if dtype == "float32" and x.dtype == np.uint8:
            raise RunError(
                "the bundle takes float32 values and was never shown uint8, whose range is another; "
                "scale the rows as those it was trained on"
            )
        if dtype == "float32":
            with np.errstate(over="ignore"):  # what overflows becomes infinite and is refused with its row
                x = x.astype(np.float32, copy=False)
            unfinite = np.flatnonzero(~np.isfinite(x).reshape(len(x), -1).all(axis=1))
            if unfinite.size:
                raise RunError(
                    f"inputs must be finite, but {unfinite.size} of {len(x)} rows are not, "
                    f"the first being row {unfinite[0]}"
                )
        return x


def load(folder: Path) -> Bundle:
    """Loads a bundle after every file's checksum has been verified; the model in safe mode.

    Raises:
        RunError: no bundle, a later format, or a file that is not as it was written.
    """
    sums = folder / SUMS
    if not sums.is_file():
        raise RunError(f"a bundle is a folder with {SUMS}, but {folder} has none")
    lines = (line.partition("  ") for line in sums.read_text(encoding="utf-8").splitlines())
    listed = {name: digest for digest, _, name in lines}
    for name in {"config.yaml", "model.keras", "MODEL_CARD.md"} | listed.keys():
        path = folder / name
        if name not in listed or not path.is_file() or _sum(path) != listed[name]:
            raise RunError(
                f"every file of a bundle must be as it was written, but {path} is not (see {SUMS})"
            )
    config = yaml.safe_load((folder / "config.yaml").read_text(encoding="utf-8"))
    if config["format"] > FORMAT:
        raise RunError(
            f"this headsearch reads bundles up to format {FORMAT}, but {folder} has {config['format']}"
        )
    backend.import_keras()
    from search import export

    return Bundle(config, export.load(str(folder / "model.keras")))


def _outputs(model: Any, x: NDArray[Any]) -> dict[str, NDArray[Any]]:
    outputs: dict[str, NDArray[Any]] = model.predict(x, batch_size=512, verbose=0)
    return outputs


def _calibrated(record: Record) -> bool:
    return record.calibration != "none" and record.calibration_note is None


def _check_against_stored(run: RunFolder, record: Record, outputs: dict[str, NDArray[Any]]) -> None:
    """Shows that the rebuilt model is the trial: same scores, and same labels away from the threshold."""
    _, stored = run.scores(record.ask.trial_id)
    allowed = SCORE_TOLERANCE * (1 + np.abs(stored))
    difference = np.abs(outputs["score"] - stored)
    decided = stored >= np.float32(record.threshold_score or 0)
    sure = np.abs(stored.astype(np.float64) - (record.threshold_score or 0)) > allowed
    if (difference > allowed).any() or (outputs["label"].astype(bool) != decided)[sure].any():
        raise RunError(
            f"the model rebuilt from trial {record.ask.trial_id} must give its stored scores, "
            f"but they differ by up to {difference.max():.3g}",
            exit_code=1,
        )


def _config(
    study: Study,
    record: Record,
    prepared: Prepared,
    resolved: dict[str, Any],
    test: dict[str, Estimate],
    opened: int,
) -> dict[str, Any]:
    rows, config = prepared.rows, record.ask.config
    return {
        "format": FORMAT,
        "trial_id": record.ask.trial_id,
        "study": study.name,
        "config": config.model_dump(exclude_none=True) if config else {},
        "decision": {
            "rule": "score >= threshold_score, in float32, inside the model",
            "threshold_score": record.threshold_score,
            "threshold": record.threshold,
            "policy": study.threshold.model_dump(),
            "calibration": record.calibration,
            "calibration_a": record.calibration_a,
            "calibration_b": record.calibration_b,
            "probability_is_calibrated": _calibrated(record),
        },
        "labels": {"negative": rows.labels.negative, "positive": rows.labels.positive},
        "input": {
            "kind": rows.kind,
            "shape": list(rows.x.shape[1:]),
            "dtype": str(rows.x.dtype),
            "source": study.data.source,
            **({"image_size": rows.x.shape[1]} if _takes_photos(rows) else {}),
            **({"array": study.data.x} if isinstance(study.data, Npz) else {}),
            **({"channels": list(rows.channels)} if rows.channels else {}),
        },
        "validation": {
            "objective": record.objective,
            "value": record.value,
            "cross_fit_by": record.cross_fit_by,
            "rows": len(prepared.split.validation),
            "in_sample": _dumped(record.metrics),
        },
        "test": {
            "times_opened": opened,
            "rows": len(prepared.split.test),
            "positives": int(rows.y[prepared.split.test].sum()),
            "groups": None if rows.groups is None else len(np.unique(rows.groups[prepared.split.test])),
            "metrics": _dumped(test),
        },
        "seed": record.ask.seed,
        **resolved,
        "made_at": datetime.now(UTC).isoformat(timespec="seconds"),
    }


def _takes_photos(rows: Rows) -> bool:
    """Whether photos resized to a square are rows of this form."""
    shape = rows.x.shape[1:]
    return rows.kind == "image" and rows.x.dtype == np.uint8 and shape == (shape[0], shape[0], 3)


def _dumped(metrics: dict[str, Estimate]) -> dict[str, dict[str, float | None]]:
    return {name: asdict(estimate) for name, estimate in metrics.items()}


def _sum(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _write_sums(folder: Path) -> None:
    names = sorted(path.name for path in folder.iterdir() if path.name != SUMS)
    text = "".join(f"{_sum(folder / name)}  {name}\n" for name in names)
    write_atomically(folder / SUMS, text.encode())
