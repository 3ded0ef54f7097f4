"""Optuna under Ray Tune: what to try next, and what to tell the sampler of what came back.

Ray's own `OptunaSearch` is not used: it pickles its study to restore it and then tells finished trials
twice, opens every database under one study name, leaves a trial with a NaN running for ever, and reports
trials that were stopped early as complete. All that was left to inherit was the base class.
"""

import time
import warnings
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
import optuna
from ray.tune.search import Searcher

from search.baselines import BASELINES, trials_of
from search.record import Ask, Record
from search.trunks import author_config
from spaces.study import Study
from spaces.suggest import suggest

STARTUP_TRIALS = 10
"""Trials drawn at random before TPE has seen enough."""
SAME_FAILURE = 8
"""The run stops early when so many trials, and no others, have ended and all failed for one reason."""
METRIC = "steering_value"
"""The name of the steering value in the results that workers report."""


class HeadSearcher(Searcher):  # type: ignore[misc]  # ray carries no types
    """Hands out baselines, the author's configuration, interrupted trials, then what TPE suggests.

    A suggestion depends on the study's seed, its number, and the trials told and running so far. A resumed
    run therefore draws at random what it would have drawn; what TPE suggests depends on who finished first.

    Args:
        study: the study.
        records: trials finished in earlier executions of the run.
        asks: trials asked in earlier executions, finished or not.
        on_ask: told of every ask before it is handed out.
    """

    def __init__(
        self,
        study: Study,
        records: Iterable[Record],
        asks: Iterable[Ask],
        on_ask: Callable[[Ask], None],
    ) -> None:
        super().__init__(metric=METRIC, mode="max")
        self._study, self._on_ask = study, on_ask
        self._deadline = time.monotonic() + study.budget.hours * 3600 if study.budget.hours else None
        optuna.logging.set_verbosity(optuna.logging.WARNING)
        self._optuna = optuna.create_study(direction="maximize")
        self._running: dict[str, tuple[Ask, optuna.Trial | None]] = {}
        self._failures: list[str] = []
        self._any_success = False
        self.broken: Exception | None = None
        finished = list(records)
        for record in finished:
            self._add(record)
        done = {record.ask.number for record in finished}
        asked = {ask.number: ask for ask in [*asks, *(record.ask for record in finished)]}
        self._again = [asked[number] for number in sorted(asked.keys() - done)]
        self._next = max(asked, default=-1) + 1

    @property
    def total(self) -> int:
        """How many trials the run holds when it is complete, baselines included."""
        return trials_of(self._study)

    @property
    def open(self) -> bool:
        """Whether there is anything left to run."""
        return bool(self._again) or self._next < self.total

    @property
    def one_failure(self) -> str | None:
        """The one reason for which everything has failed, if there is one."""
        if self._any_success or len(self._failures) < min(SAME_FAILURE, self._study.budget.trials):
            return None
        return self._failures[0] if len(set(map(_kind_of, self._failures))) == 1 else None

    def suggest(self, trial_id: str) -> dict[str, Any] | str:
        """Returns the next ask as a trial's config, or `Searcher.FINISHED`."""
        late = self._deadline is not None and time.monotonic() > self._deadline
        if not self.open or late or self.broken is not None or self.one_failure is not None:
            return str(Searcher.FINISHED)
        if self._again:
            ask = self._again.pop(0)
            trial = self._enqueue(ask.drawn) if ask.kind == "search" else None
        else:
            ask, trial = self._new(self._next)
            try:
                self._on_ask(ask)
            except Exception as error:
                self.stop(error)
                return str(Searcher.FINISHED)
            self._next += 1
        self._running[trial_id] = ask, trial
        return {"ask": ask.model_dump(mode="json")}

    def stop(self, error: Exception) -> None:
        """Hands out no more trials, because of an error outside them, such as a full disk."""
        self.broken = self.broken or error

    def ask_of(self, trial_id: str) -> Ask:
        """Returns what was asked of one of Ray's trials."""
        return self._running[trial_id][0]

    def on_trial_result(self, trial_id: str, result: dict[str, Any]) -> None:
        """Reports a rung to the sampler."""
        trial = self._running[trial_id][1]
        if trial is not None and result["epochs"] > 0:
            trial.report(result[METRIC], result["epochs"])

    def on_trial_complete(
        self, trial_id: str, result: dict[str, Any] | None = None, error: bool = False
    ) -> None:
        """Tells the sampler how a trial ended: complete, pruned at a rung, or failed."""
        ask, trial = self._running[trial_id]
        failure = "its worker died" if error or result is None else result["error"]
        if ask.kind != "baseline":
            if failure is None:
                self._any_success = True
            else:
                self._failures.append(failure)
        if trial is None:
            return
        if failure is not None or result is None:
            self._optuna.tell(trial, state=optuna.trial.TrialState.FAIL)
        elif result["ended"]:
            self._optuna.tell(trial, result[METRIC])
        else:
            trial.report(result[METRIC], result["epochs"])
            self._optuna.tell(trial, state=optuna.trial.TrialState.PRUNED)

    def save(self, checkpoint_path: str) -> None:
        """Leaves an empty file: a run is rebuilt from its records, never from this."""
        with open(checkpoint_path, "wb"):
            pass

    def restore(self, checkpoint_path: str) -> None:
        """Is never called: see `save`."""
        raise NotImplementedError(f"runs are rebuilt from their records, not from {checkpoint_path}")

    def __getstate__(self) -> dict[str, Any]:
        """Nothing: Tune pickles all it is given in order to restore it, which we never do."""
        return {}

    def _new(self, number: int) -> tuple[Ask, optuna.Trial | None]:
        seed = int(np.random.SeedSequence([self._study.seed, number]).generate_state(1)[0] >> 1)
        if number < len(BASELINES):
            return Ask(number=number, kind="baseline", baseline=list(BASELINES)[number], seed=seed), None
        if number == len(BASELINES):
            # Not told to the sampler: it may lie outside the study's ranges.
            return Ask(number=number, kind="author", config=author_config(self._study), seed=seed), None
        trial = self._enqueue(self._pair(number - len(BASELINES) - 1), seed)
        config = suggest(trial, self._study)
        return Ask(number=number, kind="search", config=config, drawn=dict(trial.params), seed=seed), trial

    def _pair(self, place: int) -> dict[str, str]:
        """Gives every head, then every pair of head and loss, an equal start before TPE chooses."""
        heads = self._study.space.heads
        rounds = max(map(len, heads.values()))
        order = [
            (head, losses[i]) for i in range(rounds) for head, losses in heads.items() if i < len(losses)
        ]
        if place >= len(order):
            return {}
        head, loss = order[place]
        drawn = {"head": head} if len(heads) > 1 else {}
        return drawn | ({f"{head}_loss": loss} if len(heads[head]) > 1 else {})

    def _enqueue(self, drawn: dict[str, Any], seed: int | None = None) -> optuna.Trial:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
            self._optuna.sampler = optuna.samplers.TPESampler(
                seed=seed, n_startup_trials=STARTUP_TRIALS, group=True
            )
        if drawn:
            self._optuna.enqueue_trial(drawn)
        trial = self._optuna.ask()
        if seed is None:  # an interrupted trial: draw again what was drawn then
            suggest(trial, self._study)
        return trial

    def _add(self, record: Record) -> None:
        """Adds a finished trial to the study that the sampler learns from."""
        # Earlier failures do not count as reasons to stop: what caused them may have been mended.
        self._any_success |= record.ask.kind != "baseline" and record.state != "failed"
        if record.ask.kind != "search":
            return
        fixed = optuna.trial.FixedTrial(record.ask.drawn)
        suggest(fixed, self._study)
        states = optuna.trial.TrialState
        steered = {} if record.steering_value is None else {record.epochs or 0: record.steering_value}
        self._optuna.add_trial(
            optuna.trial.create_trial(
                params=fixed.params,
                distributions=fixed.distributions,
                value=record.steering_value if record.state == "completed" else None,
                intermediate_values=steered if record.state == "stopped" else {},
                state={"completed": states.COMPLETE, "stopped": states.PRUNED, "failed": states.FAIL}[
                    record.state
                ],
            )
        )


def _kind_of(failure: str) -> str:
    """A reason without its numbers: `nan in epoch 2` and `nan in epoch 3` are one reason."""
    return "".join(character for character in failure if not character.isdigit())
