"""Optuna as a searcher of Ray Tune: hands out trials, and learns from those that end.

Ray's own `OptunaSearch` is not used: it pickles its study to restore it and then tells finished trials
twice, opens every database under one study name, leaves a trial with a NaN running for ever, and reports
trials that were stopped early as complete. All that was left to inherit was the base class.
"""

import time
from collections.abc import Callable, Iterable
from typing import Any

from ray.tune.search import Searcher

from search.record import Ask, Record, kind_of
from search.trials.baselines import trials_of
from search.tuning.history import History, SeenTrial, seen_trial
from search.tuning.suggestion_queue import SuggestionQueue
from search.tuning.trial_order import AskMaker, asked_first
from spaces.configuration import Config
from spaces.study import Study

SAME_FAILURE = 8
"""The run stops early when so many trials, and no others, have ended and all failed for one reason."""
METRIC = "steering_value"
"""The name of the steering value in the results that workers report."""


class HeadSearcher(Searcher):  # type: ignore[misc]  # ray carries no types
    """Hands out baselines, the author's configuration, the portfolio, then what TPE suggests.

    Trials that were interrupted come before whatever is new.

    A suggestion depends on the study's seed, its number, and the trials told and running when its predecessor
    was handed out: it is made ahead. A resumed run therefore draws at random what it would have drawn; what
    TPE suggests depends on who finished first. Close the searcher when the search has ended.

    Args:
        study: the study.
        records: trials finished in earlier executions of the run.
        asks: trials asked in earlier executions, finished or not.
        on_ask: called with every ask before it is handed out.
        earlier: trials of another run on the same rows, which the sampler learns from; those outside this
            study's space are left out.
    """

    def __init__(
        self,
        study: Study,
        records: Iterable[Record],
        asks: Iterable[Ask],
        on_ask: Callable[[Ask], None],
        earlier: Iterable[Record] = (),
    ) -> None:
        super().__init__(metric=METRIC, mode="max")
        self._study, self._on_ask = study, on_ask
        self._deadline = time.monotonic() + study.budget.hours * 3600 if study.budget.hours else None
        self._history = History(study)
        self._running: dict[str, Ask] = {}
        self._returned: list[Ask] = []
        self._failures: list[str] = []
        self._any_success = False
        self.broken: Exception | None = None
        self._gpu_hours = 0.0
        done, asked, elsewhere = set[int](), {ask.number: ask for ask in asks}, set[Config]()
        for record in earlier:
            if record.ask.config is not None:
                elsewhere.add(record.ask.config)
            self._learn(record)
        for record in records:
            # Earlier failures do not count as reasons to stop: what caused them may have been mended.
            self._any_success |= record.ask.kind != "baseline" and record.state != "failed"
            self.spend(record)
            self._learn(record)
            done.add(record.ask.number)
            asked[record.ask.number] = record.ask
        first = asked_first(study, asked.values(), elsewhere)
        self._queue = SuggestionQueue(AskMaker(study, self._history, first).make, self.total)
        self._again = [asked[number] for number in sorted(asked.keys() - done)]
        self._next = max(asked, default=-1) + 1

    @property
    def total(self) -> int:
        """How many trials the run holds when it is complete, baselines included."""
        return trials_of(self._study)

    @property
    def open(self) -> bool:
        """Whether there is anything left to run."""
        return bool(self._returned) or bool(self._again) or self._next < self.total

    @property
    def one_failure(self) -> str | None:
        """The one reason for which everything has failed, if there is one."""
        if self._any_success or len(self._failures) < min(SAME_FAILURE, self._study.budget.trials):
            return None
        return self._failures[0] if len(set(map(kind_of, self._failures))) == 1 else None

    def suggest(self, trial_id: str) -> dict[str, Any] | str | None:
        """Returns the next ask as a trial's config, None for "not now", or `Searcher.FINISHED`."""
        if self.over:
            return str(Searcher.FINISHED)
        if not self.open:
            # A trial in flight may come back, should its worker die.
            return None if self._running else str(Searcher.FINISHED)
        if self._returned:
            ask = self._returned.pop(0)
        elif self._again:
            ask = self._again.pop(0)
            if ask.sampled:
                self._queue.do(self._history.begin, ask.number, ask.drawn)
        else:
            ask = self._queue.take(self._next)
            try:
                self._on_ask(ask)
            except Exception as error:
                self.stop(error)
                return str(Searcher.FINISHED)
            self._next += 1
        self._running[trial_id] = ask
        return {"ask": ask.model_dump(mode="json")}

    @property
    def over(self) -> bool:
        """Whether no trial may begin any more, whatever is left."""
        late = self._deadline is not None and time.monotonic() > self._deadline
        most = self._study.budget.gpu_hours
        spent = most is not None and self._gpu_hours >= most
        return late or spent or self.broken is not None or self.one_failure is not None

    @property
    def ended(self) -> bool:
        """Whether the search is complete, rather than interrupted."""
        return (not self.open and not self._running) or self.over

    def spend(self, record: Record) -> None:
        """Counts a trial's GPU time against the budget."""
        self._gpu_hours += record.train_s * record.gpu_share / 3600

    def stop(self, error: Exception) -> None:
        """Hands out no more trials, because of an error outside them, such as a full disk."""
        self.broken = self.broken or error

    def ask_of(self, trial_id: str) -> Ask:
        """Returns what was asked of one of Ray's trials."""
        return self._running[trial_id]

    def give_back(self, trial_id: str) -> None:
        """Takes back a trial whose worker died: it starts again, with its own seed."""
        self._returned.append(self._running.pop(trial_id))

    def give_up(self, trial_id: str, reason: str) -> None:
        """Marks a trial whose worker died as failed."""
        self._ended(trial_id, {"error": reason})

    def on_trial_complete(
        self, trial_id: str, result: dict[str, Any] | None = None, error: bool = False
    ) -> None:
        """Tells the sampler how a trial ended: complete, pruned at a rung, or failed.

        Whether a dead worker fails its trial is not said here, but by `give_back` or `give_up`.
        """
        if not error and result is not None:
            self._ended(trial_id, result)

    def _ended(self, trial_id: str, result: dict[str, Any]) -> None:
        ask = self._running.pop(trial_id)
        failure = result["error"]
        if ask.kind != "baseline":
            if failure is None:
                self._any_success = True
            else:
                self._failures.append(failure)
        if ask.sampled:
            came = None
            if failure is None:
                came = SeenTrial(
                    drawn=ask.drawn, ended=result["ended"], value=result[METRIC], epochs=result["epochs"]
                )
            self._queue.do(self._history.end, ask.number, came)

    def close(self) -> None:
        """Ends the thread in which suggestions are made."""
        self._queue.close()

    def save(self, checkpoint_path: str) -> None:
        """Leaves an empty file: a run is rebuilt from its records, never from this."""
        with open(checkpoint_path, "wb"):
            pass

    def restore(self, checkpoint_path: str) -> None:
        """Is never called: see `save`."""
        raise NotImplementedError(f"runs are rebuilt from their records, not from {checkpoint_path}")

    def __getstate__(self) -> dict[str, Any]:
        """Empty: Tune pickles its searcher in order to restore it, which we never do."""
        return {}

    def _learn(self, record: Record) -> None:
        if (trial := seen_trial(record)) is not None:
            self._history.learn(trial)
