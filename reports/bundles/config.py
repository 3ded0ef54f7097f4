"""Makes a bundle's `config.yaml`. Nothing of the machine or of EDF headers reaches it."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from reports.bundles.bundle import oldest_format
from reports.bundles.picking import Choice
from reports.bundles.scale import scale_of
from reports.bundles.schema import TrialConfig
from search.data.rows import Rows
from search.data.shards import Part
from search.data.sources.columns import open_table
from search.data.sources.table import feature_names, roles_of
from search.evaluation.by_task import claims_probabilities
from search.evaluation.scoring import Estimates
from search.events.patients import Patient
from search.events.scoring import scoring_of
from search.networks.format_compatibility import Exported, Reader
from search.record import Estimate, Record
from search.trials.preparation import Prepared
from spaces.configuration import Config
from spaces.data import Npz, Table
from spaces.eeg import Eeg
from spaces.study import Study
from spaces.tasks import TaskName

PREPROCESSING = (
    *("channels", "missing_channels", "repeated_channels", "rate_hz", "bandpass_hz", "notch_hz"),
    *("window_s", "form"),
)
"""Settings of the source eeg that say, with the step, how windows are cut."""


def bundle_config(
    study: Study,
    choice: Choice,
    prepared: Prepared,
    resolved: dict[str, Any],
    test: Estimates,
    patients: list[Patient],
    opened: int,
    baseline: Record | None,
    exports: list[Exported],
    readers: list[Reader],
    scale: dict[str, Any],
    base: Path,
) -> TrialConfig:
    """Returns the content of `config.yaml`.

    Args:
        study, choice, prepared: what was searched, the trial, and its data.
        resolved: the run's digests and versions.
        test: metrics on the test rows.
        patients: event scores of each patient of the test rows.
        opened: how often the test split was opened.
        baseline: the best baseline of the run.
        exports: the result of each.
        readers: what reads each form.
        scale: of the training rows, see `training_scale`.
        base: the folder that relative paths of the study are taken from.
    """
    rows, split, record = prepared.rows, prepared.split, choice.record
    groups = rows.groups if split.units is None else split.units
    events = _events(study, rows)
    content = {
        "format": oldest_format(record.task, events=events is not None),
        "trial_id": record.ask.trial_id,
        "forced": list(choice.forced) + [one.left_out for one in exports if one.forced],
        "study": study.name,
        "config": {} if record.ask.config is None else trained(record.ask.config),
        "decision": {
            "rule": RULES[record.task],
            **_decision(record),
            "chosen_by": "policy" if choice.replaced is None else "hand",
            "policy": study.threshold.model_dump(),
            **(
                {}
                if record.threshold_score is None
                else {
                    "policy_threshold_score": record.threshold_score
                    if choice.replaced is None
                    else choice.replaced
                }
            ),
            "calibration": record.calibration,
            **_calibrated(record),
            "probability_is_calibrated": is_calibrated(record),
            "prevalence": prevalence_of(record, study),
        },
        "events": events,
        "labels": rows.labels,
        "input": {
            "kind": rows.kind,
            "shape": list(rows.x.shape[1:]),
            "dtype": str(rows.x.dtype),
            **scale,
            "source": study.data.source,
            **(_photos(rows) if _takes_photos(rows) else {}),
            **({"array": study.data.x} if isinstance(study.data, Npz) else {}),
            **(columns(study.data, base) if isinstance(study.data, Table) else {}),
            **({"channels": list(rows.channels)} if rows.channels else {}),
            **({"preprocessing": preprocessing(study.data)} if isinstance(study.data, Eeg) else {}),
        },
        "split": {"by": split.by, "groups": split.groups},
        "validation": {
            "objective": record.objective,
            "value": record.value,
            "value_mean": choice.value_mean,
            "seeds": choice.seeds,
            "value_fa_per_day": record.value_fa_per_day,
            "best_baseline": None if baseline is None else baseline.ask.baseline,
            "best_baseline_value": None if baseline is None else baseline.value,
            "cross_fit_by": record.cross_fit_by,
            "rows": len(split.validation),
            "in_sample": record.metrics,
            **_of_each(record.each, record.confusion),
        },
        "test": {
            "times_opened": opened,
            "rows": len(split.test),
            **_counted(rows, split.test),
            "groups": None if groups is None else len(np.unique(groups[split.test])),
            "metrics": test.whole,
            **_of_each(test.each, test.confusion),
            "patients": patients,
        },
        "exports": exports,
        "readers": readers,
        "seed": record.ask.seed,
        **resolved,
        "made_at": datetime.now(UTC).isoformat(timespec="seconds"),
    }
    return TrialConfig.model_validate(content)


RULES: Mapping[TaskName, str] = {
    "binary": "score >= threshold_score, in float32, inside the model",
    "classes": "the largest of score + offset, of equal ones the later class, in float32, inside the model",
    "labels": "score >= threshold of each label, or the top_k largest scores, in float32, inside the model",
    "number": "the score is the number",
}
"""How a bundle decides, in words."""


def _given(record: Record, *names: str) -> dict[str, Any]:
    return {name: value for name in names if (value := getattr(record, name)) is not None}


def _decision(record: Record) -> dict[str, Any]:
    found = _given(record, "threshold_score", "threshold", "offsets", "thresholds", "reject_below", "top_k")
    return {name: list(value) if isinstance(value, tuple) else value for name, value in found.items()}


def _calibrated(record: Record) -> dict[str, Any]:
    names = ("calibration_a", "calibration_b", "calibrations_a", "calibrations_b")
    return {
        name: list(value) if isinstance(value, tuple) else value
        for name, value in _given(record, *names).items()
    }


def _of_each(
    each: Mapping[str, Sequence[Estimate]], confusion: Sequence[Sequence[float]] | None
) -> dict[str, Any]:
    found: dict[str, Any] = {"each": {name: list(of) for name, of in each.items()}} if each else {}
    return found if confusion is None else {**found, "confusion": [list(row) for row in confusion]}


def _counted(rows: Rows, taken: NDArray[np.int64]) -> dict[str, Any]:
    positives = rows.labels.positives(rows.y[taken])
    return {"told": rows.labels.told(rows.y[taken])} if positives is None else {"positives": positives}


def training_scale(prepared: Prepared) -> dict[str, Any]:
    """Returns the scale of the training rows, see `scale_of`; nothing of pixels, whose range is known."""
    x = prepared.rows.x
    return scale_of(Part(x, prepared.split.train)) if x.dtype == np.float32 else {}


def trained(config: Config) -> dict[str, Any]:
    """Returns a trial's configuration without paths."""
    told = config.model_dump(exclude_none=True, exclude={"folder", "code"})
    if config.weights not in ("none", "imagenet"):
        told["weights"] = "file"
    return told


def preprocessing(data: Eeg) -> dict[str, Any]:
    """Returns the settings by which windows are cut, as `Eeg` takes them."""
    return {**data.model_dump(mode="json", include=set(PREPROCESSING)), "step_s": data.step}


def columns(data: Table, base: Path) -> dict[str, Any]:
    """Returns the columns that were trained on, in order, and those that name rows, where they are known."""
    named = roles_of(data)
    return {
        "columns": list(feature_names(data, open_table(base / data.path))),
        "row_columns": {key: named[key] for key in ("group", "recording", "time") if key in named},
    }


def is_calibrated(record: Record) -> bool:
    """Whether sigmoid(score) of a trial may be called a probability."""
    return claims_probabilities(record) and record.calibration != "none" and record.calibration_note is None


def prevalence_of(record: Record, study: Study) -> float | None:
    """The share of positives that a trial's probabilities were moved to; None if they were not."""
    return study.objective.prevalence if is_calibrated(record) else None


def _events(study: Study, rows: Rows) -> dict[str, Any] | None:
    """Returns the rules for making and scoring events; None without times or a positive class."""
    timed = rows.recordings is not None and rows.times is not None and rows.window_s is not None
    if not (timed and rows.labels.seizures(study.events)):
        return None
    return {**scoring_of(study.events), "window_s": rows.window_s}


def _takes_photos(rows: Rows) -> bool:
    """Whether photos resized to a square are rows of this form."""
    shape = rows.x.shape[1:]
    return rows.kind == "image" and rows.x.dtype == np.uint8 and shape == (shape[0], shape[0], 3)


def _photos(rows: Rows) -> dict[str, Any]:
    """Returns how photos become rows: their size, and the bits that 16-bit ones use, if there were any."""
    return {"image_size": rows.x.shape[1], "photo_bits": None if rows.photos is None else rows.photos.bits}
