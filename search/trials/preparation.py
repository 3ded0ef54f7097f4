"""Prepares what the trials of a study see: rows on disk, split, with the test part set aside."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from search.data import store
from search.data.rows import Rows
from search.data.shards import Inputs, Part
from search.data.sources import registry
from search.data.splits import Split, digest, split
from search.data.trial_data import TrialData, features_of
from search.events.evaluation import check_events
from search.events.timelines import find_timeline
from search.networks.augmentation import check_augmentation
from search.networks.checks import check_shape
from search.runs.storage import absolute
from search.scores.half_splits import Halves, draw_halves, draw_halves_of
from search.scores.reference import Reference
from spaces.data import Custom
from spaces.errors import RunError
from spaces.policies import check_answers
from spaces.study import UNSAID, Events, Study
from spaces.study_file import settled
from spaces.tasks import TASK_NAMES, TaskName


@dataclass(frozen=True, eq=False)
class Prepared:
    """A study's data, ready for trials.

    Args:
        rows: everything, the test rows included.
        split: which rows are which.
        data_digest: of the rows' contents.
        split_digest: of which rows are which.
        study: the study, once the labels have said what they ask.
    """

    rows: Rows
    split: Split
    data_digest: str
    split_digest: str
    study: Study

    def trial_data(self, features: Inputs | None = None) -> TrialData:
        """Returns what trials see: training and validation rows, and no test row.

        Args:
            features: of the rows of `seen`, in their order; see `search.trials.features`.
        """
        rows, train, validation = self.rows, self.split.train, self.split.validation
        seen = self.seen_rows
        return TrialData(
            Part(rows.x, train),
            rows.y[train],
            Part(rows.x, validation),
            rows.y[validation],
            features_of(features, np.searchsorted(seen, train), np.searchsorted(seen, validation)),
        )

    @property
    def seen_rows(self) -> NDArray[np.int64]:
        """Which rows are for training or validation, ascending."""
        return np.union1d(self.split.train, self.split.validation)

    def reference(self, study: Study) -> Reference:
        """Draws the half-splits of the validation rows.

        Raises:
            RunError: too few groups hold positives, or event scores are wanted that the data cannot give.
        """
        rows, taken = self.rows, self.split.validation
        draw, units = HALVES[rows.labels.task.name], _taken(self.split.units, taken)
        if units is None:
            groups, recordings = _taken(rows.groups, taken), _taken(rows.recordings, taken)
            halves = draw(rows, taken, groups, recordings, study.seed)
        else:
            halves = draw(rows, taken, None, units, study.seed)
            halves = replace(halves, by="block" if self.split.by == "time" else "recording")
        reference = self._with_units(reference_of(rows, taken, halves, study.events), taken)
        check_events(study, reference)
        return reference

    def test_reference(self, study: Study) -> Reference:
        """Returns the test rows, for `promote` alone; their half-splits are never used."""
        taken = self.split.test
        halves = self.reference(study).halves
        return self._with_units(reference_of(self.rows, taken, halves, study.events), taken)

    @property
    def told_of_events(self) -> str:
        """What event scores of the validation rows are counted on, or why there are none, in one line."""
        return find_timeline(self.rows, self.split.validation, self.study.events).told

    def _with_units(self, reference: Reference, taken: NDArray[np.int64]) -> Reference:
        """Of one patient, intervals are drawn over what was dealt to the parts."""
        units = _taken(self.split.units, taken)
        return reference if units is None else replace(reference, groups=units)

    def seen(self) -> Rows:
        """Returns the training and validation rows, in their order in the data, as rows of their own."""
        rows, taken = self.rows, self.seen_rows
        return replace(
            rows,
            x=Part(rows.x, taken),
            y=rows.y[taken],
            groups=_taken(rows.groups, taken),
            recordings=_taken(rows.recordings, taken),
            times=_taken(rows.times, taken),
            parts=_taken(rows.parts, taken),
        )


def _halves_of_two(
    rows: Rows,
    taken: NDArray[np.int64],
    groups: NDArray[Any] | None,
    recordings: NDArray[Any] | None,
    seed: int,
) -> Halves:
    return draw_halves(rows.y[taken], groups, recordings, seed)


def _halves_of_many(
    rows: Rows,
    taken: NDArray[np.int64],
    groups: NDArray[Any] | None,
    recordings: NDArray[Any] | None,
    seed: int,
) -> Halves:
    holds, parts = rows.labels.strata(rows.y[taken])
    if not parts:  # of a number each half needs rows, and no more
        holds, parts = np.ones((len(taken), 1), np.bool_), ("rows",)
    return draw_halves_of(holds, parts, groups, recordings, seed)


HALVES: Mapping[TaskName, Callable[..., Halves]] = {
    **dict.fromkeys(TASK_NAMES, _halves_of_many),
    "binary": _halves_of_two,
}
"""How half-splits are drawn, by the task."""


def reference_of(rows: Rows, taken: NDArray[np.int64], halves: Halves, events: Events = UNSAID) -> Reference:
    """Returns some rows with all that is known of them but their inputs.

    Args:
        rows: the data.
        taken: which of them, `(k,)`.
        halves: their half-splits.
        events: says which classes are seizures, where rows are of classes.

    Raises:
        RunError: see `find_timeline`.
    """
    found = find_timeline(rows, taken, events)
    return Reference(
        y=rows.y[taken],
        groups=_taken(rows.groups, taken),
        recordings=_taken(rows.recordings, taken),
        times=found.times,
        halves=halves,
        window_s=rows.window_s,
        timeline=found.recordings,
        answers=rows.labels.answers,
    )


def prepare(
    study: Study,
    base: Path,
    root: Path,
    map_jobs: store.Map = map,
    on_done: store.OnDone = lambda done, total: None,
) -> Prepared:
    """Prepares and splits a study's data.

    Args:
        study: the study.
        base: the folder that relative paths are taken from.
        root: the folder of all prepared data.
        map_jobs, on_done: see `store.prepare`.

    Raises:
        RunError: the data is missing or unfit, leaks between the parts, or does not fit the trunk.
    """
    return divided(study, prepare_rows(study, base, root, map_jobs, on_done))


def prepare_rows(
    study: Study,
    base: Path,
    root: Path,
    map_jobs: store.Map = map,
    on_done: store.OnDone = lambda done, total: None,
) -> store.Stored:
    """Prepares a study's data, whole; arguments as those of `prepare`.

    Raises:
        RunError: the data is missing or unreadable.
    """
    plan = registry.plan(study.data, base)
    return store.prepare(plan, registry.key(study.data, plan), root, map_jobs, on_done)


def divided(study: Study, stored: store.Stored) -> Prepared:
    """Splits prepared data and checks that the study can train on them.

    Raises:
        RunError: they leak between the parts, or do not fit the trunk.
    """
    rows = stored.rows
    check_shape(study, rows.x.shape[1:])
    check_augmentation(study, rows.kind)
    settled_by(study, rows)  # before rows are split: what is refused is refused at once
    parts = split(rows, study.split)
    return Prepared(rows, parts, stored.digest, digest(parts), settled_by(study, rows, parts))


def settled_by(study: Study, rows: Rows, parts: Split | None = None) -> Study:
    """Returns a study once its rows have said what it asks.

    Args:
        study: the study.
        rows: all of them.
        parts: their split, whose training rows say where a number lies; None if it is not known yet.

    Raises:
        RunError: the study names what the task or its classes have not, or numbers cannot be learnt.
    """
    task = rows.labels.task if parts is None else rows.labels.task.of_rows(rows.y[parts.train])
    made = settled(study, task)
    check_answers(made.threshold, rows.labels.answers)
    return made


def with_absolute_paths(study: Study, base: Path) -> Study:
    """Returns the study with all its paths made absolute, so that the run can be resumed from anywhere.

    Raises:
        RunError: the data's path leads nowhere.
    """
    data, trunk = study.data, study.trunk
    found = registry.paths_of(data, base)
    if isinstance(data, Custom):
        found["folder"] = str((base / (data.folder or ".")).resolve())
    if trunk.folder is not None or ":" in trunk.name:
        trunk = trunk.model_copy(update={"folder": str((base / (trunk.folder or ".")).resolve())})
    if trunk.weights not in ("none", "imagenet"):
        trunk = trunk.model_copy(update={"weights": str((base / trunk.weights).expanduser().resolve())})
    changes: dict[str, Any] = {
        "data": data.model_copy(update=found),
        "trunk": trunk,
        "track": study.track.absolute(base),
    }
    if study.warm_start is not None:
        changes["warm_start"] = str((base / study.warm_start).expanduser().resolve())
    if study.storage is not None:
        changes["storage"] = absolute(study.storage, base)
    return study.model_copy(update=changes)


def check_same(prepared: Prepared, began: Mapping[str, Any]) -> None:
    """Refuses data or a split other than those a run began with: its rows would not be comparable.

    Args:
        prepared: the data now.
        began: the run's `resolved` digests.

    Raises:
        RunError: a digest differs.
    """
    for what, now in (("data", prepared.data_digest), ("split", prepared.split_digest)):
        if now != began[f"{what}_digest"]:
            raise RunError(
                f"a run goes on with the {what} it began with (digest {began[f'{what}_digest'][:12]}), "
                f"but the {what} is now {now[:12]}; start a new run"
            )


def _taken(values: NDArray[Any] | None, rows: NDArray[np.int64]) -> NDArray[Any] | None:
    return None if values is None else values[rows]
