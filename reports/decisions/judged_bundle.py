"""Writes the bundle of a model that was judged: raw rows go in; score, probability and label come out."""

import hashlib
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
from pydantic import TypeAdapter

from reports.bundles.bundle import MANY, outputs, write_sums
from reports.bundles.config import is_calibrated, prevalence_of
from reports.bundles.markdown import escaped
from reports.bundles.scale import scale_of
from reports.bundles.schema import BundleConfig
from reports.decisions.decision_folder import Decision
from reports.decisions.judge import MODEL, Facts, rows_of
from search.data.rows import Rows
from search.data.shards import Part
from search.data.sources.npz import load_npz
from search.data.sources.table import load_table
from search.events.scoring import scoring_of
from search.files import write_atomically
from search.networks import backend, existing_model
from search.networks.format_compatibility import Exported, Reader, readers
from search.record import Record
from search.runs.run_folder import RunFolder
from search.scores.metrics import sigmoid
from spaces.data import Scores, Table
from spaces.errors import RunError

_FACTS = TypeAdapter(Facts)


def is_judged(run: RunFolder) -> bool:
    """Whether the scores of a run are those of a model that lies in its folder."""
    return "judged" in run.resolved()


def takes_of(resolved: Mapping[str, Any]) -> dict[str, str]:
    """Says what the scores of a judged model are; nothing of scores that were given."""
    if "judged" not in resolved:
        return {}
    facts = _FACTS.validate_python(resolved["judged"])
    made_of = {
        "logits": "raw scores of its logits, not what predict() returns",
        "output": "what predict() returns in its last column",
        "difference": "the second less the first column of what predict() returns",
    }
    return {"takes": made_of[facts.takes]}


def write(run: RunFolder, record: Record, found: Decision, folder: Path) -> None:
    """Writes `model.keras`, its exports, `config.yaml` and a card beside a decision.

    The model is held against the decision on every row: the same probabilities, and the same labels away from
    the threshold. An export that fails is left out, and the card says why.

    Args:
        run: of `reports.decisions.judge`.
        record: its row.
        found: the decision.
        folder: where the decision was written.

    Raises:
        RunError: the model or the rows are others than those that were judged.
    """
    backend.start(1)
    backend.import_keras()
    from search.networks import export, last_layer
    from search.networks.agreement import check_agreement
    from search.networks.deciders import at_threshold

    facts = _FACTS.validate_python(run.resolved()["judged"])
    file = run.path / MODEL
    if not file.is_file() or hashlib.sha256(file.read_bytes()).hexdigest() != facts.sha256:
        raise RunError(f"a judged model must stay as it was, but {file} has changed; judge it again")
    rows = _rows(run, facts)
    layer = last_layer.read(existing_model.load(file), file.name)
    shape, dtype = rows.x.shape[1:], str(rows.x.dtype)
    calibration = (found.calibration.a, found.calibration.b)
    model = export.judged_model(
        layer, facts.takes, facts.head, found.scale, calibration, found.threshold_score, shape, dtype
    )
    said = outputs(model, rows.x)
    known = np.flatnonzero(said["label"] >= 0)
    _, score = run.scores(record.ask.trial_id)
    if len(known) != len(score):
        raise RunError(
            f"{run.study().data.source} must be of the rows that were judged, {len(score)} with a score, but "
            f"now {len(known)} have one; judge it again"
        )
    expected = {
        "score": score,
        "probability": np.asarray(1 / (1 + np.exp(-score.astype(np.float64))), np.float32),
        "label": (score >= np.float32(found.threshold_score)).astype(np.int32),
    }
    said = {name: values[known] for name, values in said.items()}
    margin = at_threshold(found.threshold_score).margin
    check_agreement(MODEL, said, expected, margin)
    export.save(model, folder / MODEL)
    export.load(str(folder / MODEL), shape, dtype)
    done = export.export(model, folder, Part(rows.x, known), said, margin, force=True)
    config = _config(run, record, found, rows, facts, done, readers(folder, ""))
    write_atomically(folder / "config.yaml", config.text().encode())
    write_atomically(folder / "MODEL_CARD.md", _card(found, facts, done).encode())
    write_sums(folder)


def _rows(run: RunFolder, facts: Facts) -> Rows:
    data = run.study().data
    if not isinstance(data, Scores):
        raise RunError(f"a judged model's run holds scores, but {run.path} does not")
    rows = rows_of(data, facts.array, facts.columns, facts.shape)
    return load_table(rows, run.path) if isinstance(rows, Table) else load_npz(rows, run.path)


def _config(
    run: RunFolder,
    record: Record,
    found: Decision,
    rows: Rows,
    facts: Facts,
    exported: Sequence[Exported],
    read_by: Sequence[Reader],
) -> BundleConfig:
    study, resolved = run.study(), run.resolved()
    timed = rows.recordings is not None and rows.times is not None and rows.window_s is not None
    content = {
        "format": MANY,
        "trial_id": record.ask.trial_id,
        "forced": [],
        "study": study.name,
        "decision": {
            "rule": "score >= threshold_score, in float32, inside the model",
            "threshold_score": found.threshold_score,
            "threshold": float(sigmoid(found.threshold_score)),
            "chosen_by": "hand" if found.told["chosen_by"] == "hand" else "policy",
            "policy": study.threshold.model_dump(),
            "calibration": record.calibration,
            "calibration_a": found.calibration.a,
            "calibration_b": found.calibration.b,
            "probability_is_calibrated": is_calibrated(record),
            "prevalence": prevalence_of(record, study),
        },
        "events": {**scoring_of(study.events), "window_s": rows.window_s} if timed else None,
        "labels": found.labels,
        "input": {
            "kind": rows.kind,
            "shape": list(rows.x.shape[1:]),
            "dtype": str(rows.x.dtype),
            **(scale_of(rows.x) if rows.x.dtype == np.float32 else {}),
            **_source(run, facts),
        },
        "exports": exported,
        "readers": read_by,
        **resolved,
        "made_at": datetime.now(UTC).isoformat(timespec="seconds"),
    }
    return BundleConfig.model_validate(content)


def _source(run: RunFolder, facts: Facts) -> dict[str, Any]:
    """What new rows are read by: an array's name, or the columns of a table."""
    data = run.study().data
    if facts.columns is None or not isinstance(data, Scores):
        return {"source": "npz", "array": facts.array}
    named = {"group": data.group, "recording": data.recording, "time": data.start}
    row_columns = {key: name for key, name in named.items() if name is not None}
    return {"source": "table", "columns": list(facts.columns), "row_columns": row_columns}


def _card(found: Decision, facts: Facts, exported: Sequence[Exported]) -> str:
    lines = [
        "# A model with its decision",
        "",
        "Research use. Not a medical device.",
        "",
        f"`{MODEL}` takes raw rows and returns score, probability and label: 1 positive, 0 negative, and -1 "
        "where a row holds NaN or infinity, or the network makes such of it. The network was trained "
        f"elsewhere (sha256 {facts.sha256}); its decode, calibration and threshold are in the graph.",
        "",
        "No rows were set aside for a test, and no file says on which rows it was trained: where it has seen "
        "those it was judged on, what README.md says of it is optimistic.",
        "",
        *(
            f"- {one.name}: left out, since {escaped(one.left_out)}"
            if one.left_out is not None
            else f"- {one.name}: compared with {MODEL} on {one.compared_rows} rows"
            for one in exported
        ),
        "",
        "`decision.yaml`, `decision.py` and `decision.onnx` hold the decision alone, on scores: "
        f"{escaped(found.told['takes'])} (README.md).",
    ]
    return "\n".join(lines) + "\n"
