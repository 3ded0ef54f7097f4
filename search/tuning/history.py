"""The finished and running trials that TPE draws from: the best, the latest, and those in flight."""

import heapq
import threading
import warnings
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import optuna

from search.record import Record
from spaces.configuration import Config, suggest
from spaces.study import Study

STARTUP_TRIALS = 10
"""Trials drawn at random before TPE has seen enough."""
BEST, LATEST = 200, 800
"""So many finished trials are looked at: a draw takes time with each of them, and gains little by more."""
RENEWED_AFTER = 200
"""So many more trials end before those beyond `BEST` and `LATEST` are dropped."""

_FILTERING = threading.Lock()
"""Filters of warnings belong to the process: of two histories, one would restore the other's."""
_States = optuna.trial.TrialState


@dataclass(frozen=True, slots=True, kw_only=True)
class SeenTrial:
    """A trial that did not fail, as the sampler sees it.

    Args:
        drawn: the values the sampler drew, by its own names.
        ended: whether it trained to its end, rather than being stopped at a rung.
        value: the steering value.
        epochs: epochs trained.
    """

    drawn: Mapping[str, Any]
    ended: bool
    value: float
    epochs: int


def seen_trial(record: Record) -> SeenTrial | None:
    """Returns what a record tells the sampler; None for what it did not draw, and for failures."""
    if not record.ask.sampled or record.state == "failed" or record.steering_value is None:
        return None
    return SeenTrial(
        drawn=record.ask.drawn,
        ended=record.state == "completed",
        value=record.steering_value,
        epochs=record.epochs or 0,
    )


class History:
    """Draws configurations by TPE from the trials it was told of.

    TPE sees the latest finished trials, the best of the older ones, and those that are running. It also sees
    the trials that ended since the history was last renewed, at most `RENEWED_AFTER`. Not thread-safe.

    Args:
        study: the space.
        best, latest: how many finished trials are kept.
        renewed_after: how many more may end before the others are dropped.
    """

    def __init__(
        self, study: Study, best: int = BEST, latest: int = LATEST, renewed_after: int = RENEWED_AFTER
    ) -> None:
        self._space, self._most_best, self._most_latest = study, best, latest
        self._renewed_after = renewed_after
        self._latest: deque[tuple[int, SeenTrial]] = deque()
        self._best: list[tuple[bool, float, int, SeenTrial]] = []
        self._learned = 0
        self._running: dict[int, Mapping[str, Any]] = {}
        self._places: dict[int, int] = {}
        self._ended = 0
        self._study: optuna.Study | None = None
        optuna.logging.set_verbosity(optuna.logging.WARNING)

    def seen(self) -> list[SeenTrial]:
        """Returns the finished trials that are kept, in the order they were told."""
        older = [(order, kept) for _, _, order, kept in self._best]
        return [kept for _, kept in sorted([*older, *self._latest], key=lambda pair: pair[0])]

    def learn(self, trial: SeenTrial) -> None:
        """Adds a finished trial; one of another space is left out."""
        given = self._given(trial.drawn)
        if given is None:
            return
        self._latest.append((self._learned, trial))
        self._learned += 1
        if len(self._latest) > self._most_latest:
            order, old = self._latest.popleft()
            heapq.heappush(self._best, (old.ended, old.value, order, old))
            if len(self._best) > self._most_best:
                heapq.heappop(self._best)
        if self._study is not None:
            self._study.add_trial(_finished(trial, given))

    def draw(self, number: int, seed: int, given: Mapping[str, Any]) -> tuple[Config, dict[str, Any]]:
        """Draws a configuration, whose trial counts as running from now on.

        Args:
            number: the trial's.
            seed: of the draw.
            given: values that are not drawn, by the sampler's names.

        Returns:
            The configuration, and the values it was made of, by the sampler's names.
        """
        study = self._current()
        with _FILTERING, warnings.catch_warnings():
            warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
            study.sampler = optuna.samplers.TPESampler(seed=seed, n_startup_trials=STARTUP_TRIALS, group=True)
        if given:
            study.enqueue_trial(dict(given))
        trial = study.ask()
        config = suggest(trial, self._space)
        self._running[number], self._places[number] = dict(trial.params), trial.number
        return config, dict(trial.params)

    def begin(self, number: int, drawn: Mapping[str, Any]) -> None:
        """Counts a trial that was drawn in an earlier execution as running."""
        study = self._current()
        self._running[number] = drawn
        self._add_running(study, number)

    def end(self, number: int, trial: SeenTrial | None) -> None:
        """Marks a running trial as ended.

        Args:
            number: the trial's.
            trial: its result; None where it failed, from which TPE learns nothing.
        """
        self._running.pop(number)
        if (place := self._places.pop(number, None)) is not None:
            self._current().tell(place, state=_States.FAIL)  # no longer running; added anew just below
        self._ended += 1
        if trial is not None:
            self.learn(trial)
        if self._ended % self._renewed_after == 0:
            self._study = None
            self._places.clear()

    def _current(self) -> optuna.Study:
        """The Optuna study; made from the kept trials if there is none."""
        if self._study is None:
            study = optuna.create_study(direction="maximize")
            for trial in self.seen():
                if (given := self._given(trial.drawn)) is not None:
                    study.add_trial(_finished(trial, given))
            for number in self._running:
                self._add_running(study, number)
            self._study = study
        return self._study

    def _add_running(self, study: optuna.Study, number: int) -> None:
        given = self._given(self._running[number])
        if given is not None:
            self._places[number] = len(study.get_trials(deepcopy=False))
            study.add_trial(
                optuna.trial.create_trial(
                    state=_States.RUNNING, params=given.params, distributions=given.distributions
                )
            )

    def _given(self, drawn: Mapping[str, Any]) -> "_Given | None":
        """The values as a trial of this space; None if they lie outside it."""
        given = _Given(drawn)
        try:
            suggest(given, self._space)
        except ValueError:
            return None
        return given


class _Given:
    """Returns values that were drawn before, and collects the distributions they belong to.

    Optuna's `FixedTrial` lets values outside a range pass, with a warning.

    Raises:
        ValueError: a value was not drawn before, or could not have been drawn now.
    """

    def __init__(self, drawn: Mapping[str, Any]) -> None:
        self._drawn = drawn
        self.params: dict[str, Any] = {}
        self.distributions: dict[str, optuna.distributions.BaseDistribution] = {}

    def suggest_float(self, name: str, low: float, high: float, *, log: bool = False) -> float:
        value = self._drawn.get(name)
        if not isinstance(value, float | int) or not low <= value <= high:
            raise ValueError(f"{name} must lie in {low:g} to {high:g}, but got {value}")
        self.distributions[name] = optuna.distributions.FloatDistribution(low, high, log=log)
        self.params[name] = value
        return value

    def suggest_categorical(self, name: str, choices: Sequence[Any]) -> Any:
        value = self._drawn.get(name)
        if value not in choices:
            raise ValueError(f"{name} must be one of {list(choices)}, but got {value}")
        self.distributions[name] = optuna.distributions.CategoricalDistribution(choices)
        self.params[name] = value
        return value


def _finished(trial: SeenTrial, given: _Given) -> optuna.trial.FrozenTrial:
    return optuna.trial.create_trial(
        params=given.params,
        distributions=given.distributions,
        value=trial.value if trial.ended else None,
        intermediate_values={} if trial.ended else {trial.epochs: trial.value},
        state=_States.COMPLETE if trial.ended else _States.PRUNED,
    )
