"""A fused trial trained again by itself, in a program of as many places."""

from search.data.trial_data import TrialData
from search.fused.engine import Engine
from search.fused.trial import DeviceTrial
from search.networks import backend
from search.record import Ask
from search.training.trainer import Place, Together, Trained
from spaces.configuration import Config
from spaces.errors import RunError, TrialError
from spaces.study import Study


class RepeatedTrial:
    """One trial in a program that holds several; the other places repeat it.

    Args:
        config: what to train.
        study: its rules.
        data: what trials see.
        seed: of weights, shuffling and dropout.
        size: places of the program.
        place: where this is.
    """

    def __init__(
        self, config: Config, study: Study, data: TrialData, seed: int, size: int, place: Place
    ) -> None:
        self._group = Engine(study, data, size).sizes_of(config).group
        self._trial: DeviceTrial = self._group.begin(config, seed)
        self._size = size
        self.device = backend.device()
        self.precision = backend.precision(study.training.mixed_precision)
        self.together = Together(place=place, fused=size)

    @property
    def finished(self) -> bool:
        """Whether training is over."""
        return self._trial.course.finished

    def advance(self, epochs: int) -> None:
        """Trains on until `epochs` epochs are done in all, or patience runs out.

        Raises:
            TrialError: loss or logits stopped being finite.
        """
        while self._trial.epochs < epochs and not self.finished:
            (error,) = self._group.train([self._trial], self._size)
            if error is not None:
                raise error

    def best(self) -> Trained:
        """Returns the best epoch so far, its decode proven.

        Raises:
            TrialError: the proof failed.
        """
        (found,) = self._group.best([self._trial], self._size)
        if isinstance(found, TrialError):
            raise found
        return found


class RepeatTrainer:
    """Starts sessions of `RepeatedTrial`; a `search.training.trainer.Trainer`.

    Args:
        size: places of the program.
        place: where this is.
    """

    def __init__(self, size: int, place: Place) -> None:
        self._size, self._place = size, place

    def __call__(self, ask: Ask, study: Study, data: TrialData) -> RepeatedTrial:
        """Starts a session."""
        if ask.config is None:
            raise RunError(f"trial {ask.trial_id} has no configuration to train")
        return RepeatedTrial(ask.config, study, data, ask.seed, self._size, self._place)
