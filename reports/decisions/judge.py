"""Makes a run of the scores of a Keras model that exists, decoded as it was trained."""

import hashlib
import warnings
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from reports.boards.requirements import Requirement
from reports.decisions import decode_comparison
from reports.decisions.decide import Decisions, decide
from search.data.rows import Rows, check_classes
from search.data.sources.columns import open_table
from search.data.sources.scores import Given, Scale, scale_of
from search.data.sources.table import feature_names
from search.evaluation.binary import Policy
from search.files import is_new_or_empty, write_atomically
from search.networks import existing_model
from search.networks.existing_model import Takes
from spaces.data import Npz, Scores, Table
from spaces.errors import RunError, first_of, one_line
from spaces.heads import HEADS
from spaces.study import Study
from spaces.trained_heads import Decoding, WrittenLoss, decoding

MODEL = "model.keras"
"""The model that was judged, as it was given, in the folder of the run."""
_ROWS = {
    "path": "path",
    "group": "group",
    "recording": "recording",
    "start": "time",
    "window_s": "window_s",
    "step_s": "step_s",
    "exact_names": "exact_names",
    "positive": "positive",
}
"""Which setting of the rows of a judged model each setting of its scores is."""
F32 = NDArray[np.float32]
F64 = NDArray[np.float64]
SEEN = (
    "beware: no file says on which rows a model was trained; where it has seen any of these, all values here "
    "are optimistic"
)


@dataclass(frozen=True, kw_only=True)
class Facts:
    """What the folder of a run says of the model that was judged.

    Args:
        sha256: of its file.
        ends: its last layer, as people write it.
        loss: what it was trained on, as far as is known.
        head: whose decode makes its raw scores; None where they are made of its outputs.
        takes: what they are made of, see `search.networks.existing_model.Takes`.
        array: what the inputs of the rows are called; the file, of a table.
        rows_left_out: rows without a finite score.
        columns: of a table, those of the inputs; None of arrays.
        shape: of a table, what `Table.shape` says.
    """

    sha256: str
    ends: str
    loss: str | None
    head: str | None
    takes: Takes
    array: str
    rows_left_out: int
    columns: tuple[str, ...] | None = None
    shape: tuple[int, int] | None = None


@dataclass(frozen=True, eq=False)
class Judged:
    """A model, judged.

    Args:
        decisions: the run.
        told: lines to print: how the model ends, what does not fit, and what decodes make of its outputs.
        decoding: how it is decoded.
        model: as it was loaded.
    """

    decisions: Decisions
    told: tuple[str, ...]
    decoding: Decoding
    model: Any


def scores_of(rows: Npz | Table, model: str) -> dict[str, Any]:
    """Returns the `data:` of a judged model's run: its scores of these rows, in a column of its name."""
    told = rows.model_dump()
    label = rows.label if isinstance(rows, Table) else rows.y
    known = {ours: told[theirs] for ours, theirs in _ROWS.items()}
    return {"source": "scores", "score": model, "label": label, **known}


def rows_of(
    scores: Scores, array: str, columns: tuple[str, ...] | None = None, shape: tuple[int, int] | None = None
) -> Npz | Table:
    """Returns where the rows of a judged model lie, from the `data:` of its run; see `scores_of`.

    Args:
        scores: of the run.
        array, columns, shape: of its inputs, see `Facts`.
    """
    told = scores.model_dump()
    known: dict[str, Any] = {theirs: told[ours] for ours, theirs in _ROWS.items()} | {"task": "binary"}
    if columns is None:
        return Npz(source="npz", x=array, y=scores.label, **known)
    return Table(source="table", label=scores.label, features=columns, shape=shape, **known)


def check_call(model: Path, to: Path) -> None:
    """Refuses, before anything is loaded, a file that is no model and a folder that is taken.

    Raises:
        RunError: which of them.
    """
    existing_model.check_file(model)
    if not is_new_or_empty(to):
        raise RunError(f"a judged model's run goes to a new or empty folder, but {to} is taken (--to)")


def judge(
    file: Path,
    rows: Rows,
    array: str,
    study: Study,
    to: Path,
    policies: Sequence[Policy] = (),
    requirements: Sequence[Requirement] = (),
    loss: WrittenLoss | None = None,
    head: str | None = None,
    table: Table | None = None,
) -> Judged:
    """Decodes a model's outputs on rows, and decides upon them as upon given scores.

    Args:
        file: the model; `backend.start` has been called.
        rows: all that it is judged on.
        array: what their inputs are called; the file, of a table.
        study: see `reports.decisions.decide.decide`; its one column of scores is named for the model.
        to: the folder, new or empty.
        policies, requirements: see `decide`.
        loss, head: as they are told; None has them read from the model.
        table: where the rows come from, if from a table, with an absolute path.

    Raises:
        RunError: the model does not load, ends in no head, or does not fit the rows; see also `decide`.
    """
    from search.networks import backend

    backend.import_keras()
    from search.networks import last_layer

    model = existing_model.load(file)
    compiled = existing_model.compiled_loss(file)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        layer = last_layer.read(model, file.name)
    existing_model.check_rows(model, rows.x, array)
    trained = _trained(compiled, loss)
    found = decoding(layer.units, layer.activation, trained, head, layer.below)
    outputs, logits = _predicted(layer.model, rows, layer.units)
    layer.check(outputs, logits)
    column = file.name
    values, takes = _scores(found, outputs, logits)
    known, note = _known(values, rows.y, column)
    rows = _taken(rows, known)
    values, outputs = values[known], outputs[known]
    scale = Scale(probability=False) if takes == "logits" else scale_of(values, column)
    raw = scale.raw(values)
    if raw.min() == raw.max():
        raise RunError(
            f"a model must give rows different scores, but {file.name} gives {raw[0]:g} to all {len(raw)}",
            exit_code=1,
        )
    given = Given(
        rows=replace(rows, x=raw[:, None], kind="table", channels=(column,), parts=None),
        columns={column: values},
        scales=(scale,),
        log_odds=frozenset({column} if found.probabilistic else ()),
    )
    facts = Facts(
        sha256=hashlib.sha256(file.read_bytes()).hexdigest(),
        ends=str(layer),
        loss=None if trained is None else str(trained),
        head=found.head,
        takes=takes,
        array=array,
        rows_left_out=int(np.count_nonzero(~known)),
        columns=None if table is None else feature_names(table, open_table(Path(table.path))),
        shape=None if table is None else table.shape,
    )
    decisions = decide(given, study, to, policies, requirements, {"judged": asdict(facts)})
    write_atomically(to / MODEL, file.read_bytes())
    told = [
        _ending(file, str(layer), compiled, loss, found),
        *(f"beware: {one}" for one in found.notes),
        *note,
        *decode_comparison.own(found, raw, rows.y),
        *(f"wrong: {one}" for one in decode_comparison.wrong(found, outputs, raw, rows.y)),
        SEEN,
    ]
    return Judged(decisions, tuple(told), found, model)


def _trained(compiled: WrittenLoss | None, told: WrittenLoss | None) -> WrittenLoss | None:
    """The loss that counts: the one that is told, with what the file says of the same one besides."""
    if told is None or compiled is None or told.known != compiled.known:
        return told or compiled
    return compiled if told.from_logits is None else told


def _scores(found: Decoding, outputs: F32, logits: F32) -> tuple[F64, Takes]:
    """Returns the scores `(n,)` of a model, from outputs and logits `(n, units)`, and what they are of."""
    if found.head is not None:
        return HEADS[found.head].score(np.ascontiguousarray(logits)).astype(np.float64), "logits"
    if outputs.shape[1] == 2 and not _is_shared(outputs):
        return (outputs[:, 1] - outputs[:, 0]).astype(np.float64), "difference"
    return outputs[:, -1].astype(np.float64), "output"


def _is_shared(outputs: F32) -> bool:
    """Whether two columns of a model share one probability: they lie in [0, 1] and sum to 1."""
    known = outputs[np.isfinite(outputs).all(axis=1)].astype(np.float64)
    return bool((known >= 0).all() and np.allclose(known.sum(axis=1), 1, atol=1e-3))


def _predicted(model: Any, rows: Rows, units: int) -> tuple[F32, F32]:
    from search.training.feeding import predict

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of a softmax over one unit, which is told in our own words
            said = predict(model, rows.x)
    except Exception as error:
        reason = one_line(error, 300, named=True)
        raise RunError(f"the model must take the rows, but that gave {reason}", exit_code=1) from error
    outputs, logits = (
        np.asarray(said[name], np.float32).reshape(len(rows), units) for name in ("outputs", "logits")
    )
    return outputs, logits


def _known(values: F64, y: NDArray[np.int8], name: str) -> tuple[NDArray[np.bool_], list[str]]:
    """Which rows have a score, and a line on those that have none."""
    with np.errstate(over="ignore"):
        known = np.isfinite(values.astype(np.float32))
    missing = np.flatnonzero(~known)
    if not missing.size:
        return known, []
    if missing.size == len(y):
        raise RunError(f"{name} puts out NaN or infinity for all {len(y)} rows", exit_code=1)
    check_classes(y[known])
    return known, [
        f"beware: NaN or infinity is put out for {missing.size} of {len(y)} rows, {int(y[missing].sum())} of "
        f"them positive (row {first_of(missing + 1, 3)}, counted from 1): no number here counts them, and a "
        "decision calls them unknown (-1)"
    ]


def _taken(rows: Rows, taken: NDArray[np.bool_]) -> Rows:
    if taken.all():
        return rows
    return replace(
        rows,
        x=rows.x[:][taken],
        y=rows.y[taken],
        groups=None if rows.groups is None else rows.groups[taken],
        recordings=None if rows.recordings is None else rows.recordings[taken],
        times=None if rows.times is None else rows.times[taken],
        parts=None,
    )


def _ending(
    file: Path, ends: str, compiled: WrittenLoss | None, loss: WrittenLoss | None, found: Decoding
) -> str:
    trained = "not compiled, so its loss is unknown (--loss)" if compiled is None else f"loss {compiled}"
    if loss is not None:
        trained = f"loss {loss} as told" + ("" if compiled is None else f", compiled with {compiled}")
    decoded = "taken as it is" if found.head is None else f"decoded as head {found.head}"
    return f"{file.name} ends in {ends}, {trained}; {decoded}"
