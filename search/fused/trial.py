"""Trials on a device: what each has come to, and groups of them that one program trains together."""

import random
import threading
from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

from search.data.trial_data import TrialData, in_place_of_rows
from search.fused.inference import LOGITS_OF_ALL, DeviceRows, Scorer, State, columns_of
from search.fused.program import Epoch, Program
from search.networks import backend
from search.networks import model as network
from search.networks.model import LOGITS
from search.networks.trunks import TRUNKS
from search.training.compiled_networks import Structure, structure_of
from search.training.early_stopping import Course, order_of
from search.training.proof import (
    drawn_rows,
    prove_features,
    prove_linear_output,
    prove_loss,
    prove_mean_of_votes,
    prove_told_apart,
)
from search.training.row_weights import class_weights
from search.training.steering_metrics import steer_of
from search.training.trainer import Trained
from spaces.configuration import Config
from spaces.errors import TrialError
from spaces.heads import HEADS
from spaces.study import Study
from spaces.tasks import BINARY

DRAWN = threading.RLock()
"""Networks are built in turn: what they draw comes from Python's one generator."""


class DeviceTrial:
    """One configuration in training on a device.

    Args:
        config: what is trained.
        study: its rules.
        data: the rows, or features in their place.
        seed: of weights, shuffling and dropout.
        state: what it begins with.

    Attributes:
        together: the most trials that one of its programs held.
    """

    def __init__(self, config: Config, study: Study, data: TrialData, seed: int, state: State) -> None:
        self.config, self.head, self.seed = config, config.made_head, seed
        self.columns = columns_of(config)
        self._rules, self._rows = study.training, len(data.y_train)
        self._weights = class_weights(data.y_train, config.class_weight)
        steer = steer_of(config.task, study.objective.steer)
        self.course = Course(self.head, study.training, steer, data.y_validation)
        self._rate = np.float32(config.learning_rate)
        self.state = self.best = state
        self.best_logits: NDArray[np.float32] = np.empty((0, self.head.logits), np.float32)
        self.together = 1
        self._ahead = -1, np.empty(0, np.int32)

    @property
    def epochs(self) -> int:
        """Epochs trained."""
        return len(self.course.history)

    def next_epoch(self) -> Epoch:
        """Returns the epoch that comes next."""
        steps = -(-self._rows // self.config.batch_size)
        return Epoch(self._taken(self.epochs), self._rates(steps), self.columns, self._weights)

    def look_ahead(self) -> None:
        """Draws the order of the epoch after the next one, while the device trains that."""
        if self.epochs + 1 < self._rules.epochs:
            self._ahead = self.epochs + 1, self._taken(self.epochs + 1)

    def _taken(self, epoch: int) -> NDArray[np.int32]:
        """Returns the rows of an epoch, batch after batch."""
        if epoch == self._ahead[0]:
            return self._ahead[1]
        size, rows = self.config.batch_size, self._rows
        order = order_of(rows, self.seed, epoch)
        # Sorted within the batch, as batches that come from the host are.
        whole = rows // size * size
        batches = np.sort(order[:whole].reshape(-1, size), axis=1)
        return np.concatenate([batches.ravel(), np.sort(order[whole:])]).astype(np.int32)

    def judge(self, state: State, loss: float, logits: NDArray[np.float32]) -> None:
        """Takes in the epoch that was trained.

        Raises:
            TrialError: loss or scores are no numbers.
        """
        self.course.check_loss(loss)
        rate = float(self._rates(-(-self._rows // self.config.batch_size))[0])
        self.state = state
        if self.course.judge(loss, logits, rate):
            self.best, self.best_logits = state, logits
        elif self.course.lowers_rate():
            self._rate = self._rate * np.float32(self._rules.plateau_factor)

    def _rates(self, steps: int) -> NDArray[np.float32]:
        """Returns the learning rate of every step of the next epoch."""
        if self._rules.schedule == "plateau":
            return np.full(steps, self._rate, np.float32)
        # As Keras' `CosineDecay`, in float32.
        at = np.arange(self.epochs * steps, (self.epochs + 1) * steps, dtype=np.float32)
        shares = at / np.float32(self._rules.epochs * steps)
        rates: NDArray[np.float32] = self._rate * np.float32(0.5) * (1 + np.cos(np.float32(np.pi) * shares))
        return rates


class Group:
    """Trials whose networks have one structure and one size of batch: one program trains them together.

    Args:
        structure: the structure.
        config: a configuration of it.
        study: the study.
        data: what trials see.
        rows: the same rows, on the device.
        scorer: see `search.fused.program.Program`.
    """

    def __init__(
        self,
        structure: Structure,
        config: Config,
        study: Study,
        data: TrialData,
        rows: DeviceRows,
        scorer: Scorer | None = None,
    ) -> None:
        self._structure, self._study, self._data = structure, study, data
        self._inputs = in_place_of_rows(data)
        self.program = Program(structure, _as_all(config), config.batch_size, rows, scorer)
        self._proven = False

    def draw(self, config: Config, seed: int) -> Any:
        """Builds a trial's network, with the weights and seeds that it would draw alone.

        In any thread: it waits for nothing that the device computes.
        """
        structure = self._structure
        with DRAWN:
            if config.trunk not in TRUNKS:
                keras.utils.set_random_seed(seed)
            random.seed(seed)
            return network.build(config, structure.shape, structure.dtype, precision=structure.precision)

    def begin(self, config: Config, seed: int, fresh: Any = None) -> DeviceTrial:
        """Starts a trial.

        Args:
            config: the trial's.
            seed: of weights, shuffling and dropout.
            fresh: see `draw`; None draws it now.
        """
        state = self.program.begin(self.draw(config, seed) if fresh is None else fresh, _as_all(config))
        return DeviceTrial(config, self._study, self._inputs, seed, state)

    def train(self, trials: Sequence[DeviceTrial], size: int) -> list[TrialError | None]:
        """Trains an epoch of every trial in a program of so many places; those left over are not looked at.

        Returns:
            For each trial, the error that ends it; None where there is none.
        """
        more, epochs = size - len(trials), [trial.next_epoch() for trial in trials]
        given = [trial.state for trial in trials]
        states, losses = self.program.train([*given, *given[:1] * more], [*epochs, *epochs[:1] * more])
        logits = self.program.scorer.score(states)
        for trial in trials:
            trial.look_ahead()
        ended: list[TrialError | None] = []
        told = np.asarray(losses).tolist(), np.asarray(logits)
        for trial, state, loss, scored in zip(trials, states, *told, strict=False):
            trial.together = max(trial.together, size)
            try:
                trial.judge(state, loss, np.ascontiguousarray(scored[:, : trial.head.logits]))
                ended.append(None)
            except TrialError as error:
                ended.append(error)
        return ended

    def best(self, trials: Sequence[DeviceTrial], size: int) -> list[Trained | TrialError]:
        """Returns the best epoch so far of every trial, its decode proven, or the error of its proof."""
        y = self._inputs.y_validation
        drawn = [drawn_rows(len(y), (trial.seed, trial.epochs)) for trial in trials]
        weights = [self.program.scorer.weights(trial.best, trial.head.logits) for trial in trials]
        more = size - len(trials)
        padded = [*trials, *[trials[0]] * more]
        evidence = self.program.scorer.tell(
            [*weights, *weights[:1] * more],
            [trial.columns for trial in padded],
            [*drawn, *drawn[:1] * more],
        )
        found: list[Trained | TrialError] = []
        for trial, own, rows, told in zip(trials, weights, drawn, evidence, strict=False):
            raw, config = trial.head.score(trial.best_logits), trial.config
            try:
                prove_told_apart(raw)
                kernel, bias = self.program.last_layer(own)
                prove_linear_output(trial.head, told.features, kernel, bias, raw[: len(told.features)])
                around = prove_mean_of_votes(trial.head, trial.best_logits, raw)
                parts = (config.loss, config.loss_parameters, y[rows], around[rows])
                proof = prove_loss(told.loss, trial.head, *parts)
                found.append(
                    Trained(
                        raw=raw,
                        weights=self._shipped(own, trial.head.logits),
                        epochs=trial.epochs,
                        best_epoch=trial.course.best_epoch,
                        steering_value=trial.course.best_value,
                        history=tuple(trial.course.history),
                        proof=proof,
                    )
                )
            except TrialError as error:
                found.append(error)
        return found

    def _shipped(self, weights: list[NDArray[np.generic]], logits: int) -> list[NDArray[np.generic]]:
        """Returns the whole network's weights, with those of frozen layers; proves the features, once."""
        features, layer, data = self._data.features, self._structure.above, self._data
        if features is None or layer is None:
            return weights
        whole = self.program.whole(weights)
        if not self._proven:
            parts = ((data.x_train, features.train), (data.x_validation, features.validation))
            prove_features(whole.shipped, layer, whole.scored, parts)
            self._proven = True
        last = {variable.path for variable in whole.shipped.get_layer(LOGITS).variables}
        return [
            value[..., :logits] if variable.path in last else value
            for variable, value in zip(whole.shipped.weights, whole.shipped.get_weights(), strict=True)
        ]


def group_of(config: Config, study: Study, data: TrialData) -> Structure:
    """Returns the structure that a configuration shares with all those it can be trained together with."""
    return structure_of(
        _as_all(config),
        cosine=False,
        precision=backend.precision(study.training.mixed_precision),
        compiles=True,
        shape=data.x_train.shape[1:],
        dtype=str(data.x_train.dtype),
        features=data.features is not None,
    )


def share_of(config: Config, study: Study) -> float:
    """Returns the share of a study's trials that are likely to be of a configuration's group.

    The author's configuration, which may lie outside the space, is one trial by itself then.
    """
    space = study.space
    kinds = {"adamw" if optimizer == "adam" else optimizer for optimizer in space.optimizer}
    drawn = (
        (config.batch_size, space.batch_size),
        ("adamw" if config.optimizer == "adam" else config.optimizer, kinds),
        (config.hidden_layers, space.hidden_layers),
    )
    if any(value not in among for value, among in drawn):
        return 0.0
    return float(1 / np.prod([len(among) for _, among in drawn]))


def _as_all(config: Config) -> Config:
    """Returns the configuration as one that more of them share a program with.

    It has a head of two logits; and Adam is AdamW without decay, which takes the same steps.
    """
    head = next(head.name for head in HEADS.values() if head.logits == LOGITS_OF_ALL)
    found = config.model_copy(update={"head": head})
    if config.optimizer != "adam":
        return found
    return found.model_copy(update={"optimizer": "adamw", "weight_decay": 0.0})


def unfit(config: Config) -> str | None:
    """Says why a configuration cannot be trained together with others; None where its trunk decides."""
    if config.task != BINARY:
        return f"head {config.head} is of a task of {config.task.name}"
    if config.made_head.logits > LOGITS_OF_ALL:
        return f"head {config.head} has more than {LOGITS_OF_ALL} logits"
    if config.augmentation != "none":
        return f"augmentation {config.augmentation} changes photos on the host"
    return None


def own_layer(config: Config, data: TrialData) -> str | None:
    """Says which layer of a user's own keeps a trunk from being trained for several trials at once.

    Args:
        config: names the trunk.
        data: what trials see.
    """
    if config.trunk in TRUNKS:
        return None
    made: Any = network.build(config, data.x_train.shape[1:], str(data.x_train.dtype), pretrained=False)
    for layer in made._flatten_layers(include_self=False):
        if type(layer).__module__.partition(".")[0] != "keras" or isinstance(layer, keras.layers.Lambda):
            return f"its layer {layer.name} ({type(layer).__name__}) may hold what is no variable"
    return None
