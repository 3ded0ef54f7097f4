"""Ray Tune schedulers, FIFO and ASHA, that let go of trials that have ended.

Ray Tune keeps every trial it ran, and looks at all of them at every step. Records are the only truth here, so
nothing asks Tune for them again. Without this, a trial's bookkeeping and the driver's memory grow with the
trials before it (tests/benchmarks/growth.py).
"""

import shutil
from typing import Any

from ray.tune.progress_reporter import ProgressReporter, TrialProgressCallback
from ray.tune.schedulers import AsyncHyperBandScheduler, FIFOScheduler


def forget_ended(controller: Any) -> None:
    """Takes trials that have ended, and whose worker has gone on, out of a `TuneController`.

    The one place that knows what Tune calls its lists: tests/search/tuning/test_growth.py fails when that
    changes.
    """
    busy = controller._trial_to_actor
    ended = [trial for trial in controller._trials if trial.is_finished() and trial not in busy]
    if not ended:
        return
    gone = set(ended)
    controller._trials[:] = [trial for trial in controller._trials if trial not in gone]
    for trials in (
        controller._live_trials,
        controller._stopped_trials,
        controller._failed_trials,
        controller._trials_to_cache,
    ):
        trials -= gone
    for trial in ended:
        controller._trial_metadata.pop(trial.trial_id, None)
        controller._cached_trial_decisions.pop(trial.trial_id, None)
        shutil.rmtree(trial.local_path, ignore_errors=True)


class ForgettingFifo(FIFOScheduler):  # type: ignore[misc]  # ray carries no types
    """Trains every trial to its end; see the module."""

    def on_trial_complete(self, tune_controller: Any, trial: Any, result: dict[str, Any]) -> None:
        """Forgets the trials that ended before this one."""
        super().on_trial_complete(tune_controller, trial, result)
        forget_ended(tune_controller)

    def on_trial_error(self, tune_controller: Any, trial: Any) -> None:
        """Forgets the trials that ended before this one."""
        super().on_trial_error(tune_controller, trial)
        forget_ended(tune_controller)


class ForgettingHalving(ForgettingFifo, AsyncHyperBandScheduler):  # type: ignore[misc]  # ray carries no types
    """Stops the worse trials at every rung; see the module."""

    def on_trial_error(self, tune_controller: Any, trial: Any) -> None:
        """Takes a trial that was lost with its worker out of the rungs: it must not rival its restart."""
        for bracket in self._brackets:
            for _, recorded in bracket._rungs:
                recorded.pop(trial.trial_id, None)
        super().on_trial_error(tune_controller, trial)


class NoProgress(TrialProgressCallback):  # type: ignore[misc]  # ray carries no types
    """Stands where Tune would put a callback of its own, which keeps every trial to print its results."""

    def on_trial_result(self, *arguments: Any, **info: Any) -> None:
        """Prints nothing."""

    def on_trial_complete(self, *arguments: Any, **info: Any) -> None:
        """Prints nothing."""

    def on_trial_error(self, *arguments: Any, **info: Any) -> None:
        """Prints nothing."""


class NoReporter(ProgressReporter):  # type: ignore[misc]  # ray carries no types
    """Stands where Tune would put a reporter that, in a notebook, clears what the cell has shown so far."""

    def setup(self, *arguments: Any, **info: Any) -> None:
        """Prepares nothing."""

    def should_report(self, *arguments: Any, **info: Any) -> bool:
        """Never."""
        return False

    def report(self, *arguments: Any, **info: Any) -> None:
        """Prints nothing."""
