"""Makes a run of given scores: each column is a row of the leaderboard, under every policy asked for."""

import hashlib
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from reports.boards import leaderboard
from reports.boards.requirements import Requirement
from reports.boards.rescoring import Rescored, rescore_all
from search.data.rows import Rows
from search.data.sources.scores import Given
from search.evaluation.binary import Policy
from search.events.evaluation import check_events
from search.events.timelines import find_timeline
from search.files import is_new_or_empty, write_atomically
from search.hosts.provenance import code_digest, versions
from search.record import Ask
from search.runs.parquet_files import as_parquet
from search.runs.run_folder import RunFolder
from search.scores.half_splits import draw_halves
from search.scores.metrics import RANKING_METRICS
from search.trials.given_scores import decided
from search.trials.preparation import reference_of
from search.trials.trial import RunFacts
from spaces.errors import RunError
from spaces.study import Study

GIVEN = "scores/given.parquet"
"""The scores as they were given, a column each."""
FEW = 0.05
"""Below this share of rows outside [0, 1], a column of scores may be meant to hold probabilities."""


@dataclass(frozen=True, kw_only=True)
class Decisions:
    """A run of given scores.

    Args:
        run: its folder, which `leaderboard`, `rescore`, `report` and `promote` take.
        rescored: the leaderboard of each further policy, and of the first if anything is required.
        notes: what to know of the scores.
    """

    run: RunFolder
    rescored: tuple[Rescored, ...]
    notes: tuple[str, ...]


def decide(
    given: Given,
    study: Study,
    to: Path,
    policies: Sequence[Policy] = (),
    requirements: Sequence[Requirement] = (),
    about: Mapping[str, Any] | None = None,
) -> Decisions:
    """Calibrates, thresholds and measures given scores, and writes what a run has.

    Args:
        given: the scores.
        study: its data are `Scores`; names the first policy, objective, calibration, events and seed.
        to: the folder, new or empty.
        policies: further ones.
        requirements: see `reports.boards.rescoring.rescore_all`.
        about: what else to write down beside the study: of the model that gave the scores.

    Raises:
        RunError: the folder is taken, too few groups hold positives, or event scores are wanted that the
            rows cannot give.
    """
    if not is_new_or_empty(to):
        raise RunError(f"decisions are written to a new or empty folder, but {to} is taken (--to)")
    rows = given.rows
    halves = draw_halves(
        rows.y,
        rows.groups,
        rows.recordings,
        study.seed,
        which="a decision needs",
        remedy="give scores of more groups (--group, --recording)",
    )
    reference = reference_of(rows, np.arange(len(rows)), halves)
    for policy in (study.threshold, *policies):
        check_events(study.model_copy(update={"threshold": policy}), reference)
    columns = rows.channels or ()
    facts = RunFacts(
        groups="unknown" if rows.groups is None else "known",
        leaky=False,
        data_digest=_digest(rows),
        code_digest=code_digest(study, rows.x.shape[1:]),
    )
    run = RunFolder(to)
    run.write_reference(reference, np.arange(len(rows)))
    run.create(
        study,
        {
            "run_id": uuid.uuid4().hex,
            "data_digest": facts.data_digest,
            "split_digest": hashlib.sha256(b"every row").hexdigest(),
            "code_digest": facts.code_digest,
            "versions": versions(),
            "rows": len(rows),
            "labels": asdict(rows.labels),
            "scales": {name: asdict(scale) for name, scale in zip(columns, given.scales, strict=True)},
            **(about or {}),
        },
    )
    records = []
    for k, (name, scale) in enumerate(zip(columns, given.scales, strict=True)):
        ask = Ask(number=k, kind="given", column=name, seed=study.seed)
        raw = np.ascontiguousarray(rows.x[:, k])
        probabilistic = scale.probability or name in given.log_odds
        found = decided(ask, study, raw, reference, facts, probabilistic=probabilistic)
        if found.score is not None:
            run.write_scores(ask.trial_id, raw, found.score)
        run.write_record(found.record)
        records.append(found.record)
    write_atomically(to / GIVEN, as_parquet(given.columns))
    leaderboard.write(run.leaderboard, records)
    asked: list[Policy | None] = [*([None] if requirements else []), *policies]
    return Decisions(
        run=run,
        rescored=tuple(rescore_all(to, asked, requirements)) if asked else (),
        notes=_notes(given),
    )


def _digest(rows: Rows) -> str:
    total = hashlib.sha256()
    for values in (rows.x[:], rows.y, rows.groups, rows.recordings, rows.times):
        if values is not None:
            total.update(f"{values.dtype} {values.shape}".encode())
            total.update(np.ascontiguousarray(values).tobytes())
    if rows.timeline is not None:
        total.update(repr(rows.timeline).encode())
    return total.hexdigest()


def _notes(given: Given) -> tuple[str, ...]:
    told = find_timeline(given.rows, np.arange(len(given.rows))).told
    notes = [*given.rows.notes, told]
    for k, (name, scale) in enumerate(zip(given.rows.channels or (), given.scales, strict=True)):
        kind = "log-odds" if name in given.log_odds else "scores"
        if scale.probability:
            kind = "probabilities, and is decided upon by their log-odds"
        notes.append(f"{name} holds {kind}")
        outside = np.count_nonzero((given.rows.x[:, k] < 0) | (given.rows.x[:, k] > 1))
        if not scale.probability and name not in given.log_odds and outside < FEW * len(given.rows):
            notes.append(
                f"beware: probabilities lie in [0, 1], as {name} does but for {outside} of "
                f"{len(given.rows)} rows; if it is meant to hold some, correct these"
            )
        area = RANKING_METRICS["roc_auc"](given.rows.y, given.rows.x[:, k])
        if area < 0.5:
            notes.append(
                f"beware: {name} ranks positives below negatives (ROC area {area:.3f}); it may be the score "
                f"of the other class: {given.rows.binary.positive!r} is taken for positive (--positive)"
            )
    return tuple(notes)
