"""Trains one configuration with Keras `fit`, steered by a ranking metric of the validation rows."""

import gc
import math
import random
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

from search.data.trial_data import TrialData, in_place_of_rows
from search.networks import backend
from search.networks import model as network
from search.networks.augmentation import augment
from search.networks.losses import beside, loss_columns
from search.networks.trunks import TRUNKS
from search.training.compiled_networks import CompiledNetworks, structure_of
from search.training.early_stopping import Course, order_of
from search.training.feeding import fed, predict
from search.training.proof import prove, prove_features
from search.training.row_weights import row_weights
from search.training.steering_metrics import steer_of
from search.training.trainer import Trained
from spaces.configuration import Config
from spaces.errors import TrialError
from spaces.study import Training as TrainingRules


class Batches(keras.utils.PyDataset):  # type: ignore[misc]  # keras carries no types
    """Shuffled training batches gathered from mapped arrays; the whole is never copied."""

    def __init__(self, data: TrialData, config: Config, seed: int) -> None:
        super().__init__(workers=1, use_multiprocessing=False)
        self._x, self._augmentation = data.x_train, config.augmentation
        head = config.made_head
        self.loss_columns = loss_columns(head, config.loss, config.loss_parameters)
        self._targets = beside(head.encode(data.y_train), self.loss_columns)
        self._weights = row_weights(data.y_train, config.class_weight, config.task)
        self._size = config.batch_size
        self._seed = seed
        self.shuffle(epoch=0)

    def __len__(self) -> int:
        return math.ceil(len(self._targets) / self._size)

    def __getitem__(self, index: int) -> tuple[NDArray[np.generic], ...]:
        # Sorted within the batch: the same gradient, and mapped pages are read in order.
        taken = np.sort(self._order[index * self._size : (index + 1) * self._size])
        x = self._x[taken]
        if self._augmentation != "none":
            x = augment(x, self._augmentation, np.random.default_rng([self._seed, self._epoch, index]))
        return x, self._targets[taken], self._weights[taken]

    def shuffle(self, epoch: int) -> None:
        """Sets the order of an epoch, which depends on the seed and the epoch alone.

        Not left to `on_epoch_end`: Keras calls that once more whenever `fit` returns, so an order that
        counted those calls would depend on how often a trial was looked at.
        """
        self._epoch = epoch
        self._order = order_of(len(self._targets), self._seed, epoch)


class Limit(keras.callbacks.Callback):  # type: ignore[misc]  # keras carries no types
    """Ends a trial that takes too long; it looks at the clock before every batch.

    Not after: Keras then waits for the device to tell every batch's loss.

    Args:
        limit_s: what a trial may take, from now on.
        epochs: what it may train.
    """

    def __init__(self, limit_s: float, epochs: int) -> None:
        super().__init__()
        self._limit_s, self._epochs = limit_s, epochs
        self._deadline = time.monotonic() + limit_s
        self._epoch = 0

    def on_epoch_begin(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        self._epoch = epoch

    def on_train_batch_begin(self, batch: int, logs: dict[str, float] | None = None) -> None:
        if time.monotonic() > self._deadline:
            raise TrialError(
                f"a trial may take {self._limit_s / 60:g} min (budget.trial_minutes), but then this one had "
                f"trained {self._epoch} of {self._epochs} epochs and {batch} batches"
            )


class Steering(keras.callbacks.Callback):  # type: ignore[misc]  # keras carries no types
    """Scores the validation rows after every epoch; keeps the best weights, lowers the rate, ends.

    Args:
        shipped: the float32 network that scores; the one in training itself where that is float32.
        data, batches, config, rules: see `Training`.
        metric: the steering metric, one of the task's `Kind.steering`.
    """

    def __init__(
        self,
        shipped: Any,
        data: TrialData,
        batches: Batches,
        config: Config,
        rules: TrainingRules,
        metric: str,
    ) -> None:
        super().__init__()
        self._shipped = shipped
        self._data, self._batches, self._rules = data, batches, rules
        head = config.made_head
        self.course = Course(head, rules, steer_of(config.task, metric), data.y_validation)
        self.best_weights: list[NDArray[np.generic]] = []
        self.best_logits: NDArray[np.float32] = np.empty((0, head.logits), np.float32)

    def on_epoch_begin(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        self._batches.shuffle(epoch)
        # Asked now: under a schedule the optimizer says what its next step will take.
        self._rate = float(self.model.optimizer.learning_rate)

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        loss = float((logs or {})["loss"])
        self.course.check_loss(loss)
        if self._shipped is not self.model:
            self._shipped.set_weights(self.model.get_weights())
        logits = predict(self._shipped, self._data.x_validation)
        if self.course.judge(loss, logits, self._rate):
            self.best_weights, self.best_logits = self.model.get_weights(), logits
            return
        if self.course.lowers_rate():
            self.model.optimizer.learning_rate = (
                self.model.optimizer.learning_rate * self._rules.plateau_factor
            )
        if self.course.impatient:
            self.model.stop_training = True


class Training:
    """One configuration in training, advanced epoch by epoch.

    Mixed precision is for training alone. Every number that a trial is judged by comes from `shipped`, the
    float32 network that a bundle holds, which takes over the weights; without mixed precision it is `model`.

    Where the data has features, only the layers above them are trained and scored. They are layers of the
    whole network, which is built and seeded as ever, proven, and handed over.

    Args:
        config: what to train.
        rules: epochs, patience and schedule, mixed precision and XLA.
        metric: the steering metric, one of the task's `Kind.steering`.
        data: the rows, mapped.
        seed: of weights, shuffling and dropout.
        limit_s: what the trial may take from now on, in seconds; None for no limit.
        networks: those that this process has compiled; None compiles one for this trial alone, as is always
            done for a trunk of the user's own.
    """

    def __init__(
        self,
        config: Config,
        rules: TrainingRules,
        metric: str,
        data: TrialData,
        seed: int,
        limit_s: float | None = None,
        networks: CompiledNetworks | None = None,
    ) -> None:
        self._config, self._rules, self._data, self._seed = config, rules, data, seed
        self._head = config.made_head
        self._precision = backend.precision(rules.mixed_precision)
        self._inputs = in_place_of_rows(data)
        self._batches = Batches(self._inputs, config, seed)
        shape, dtype = data.x_train.shape[1:], str(data.x_train.dtype)
        cosine_steps = len(self._batches) * rules.epochs if rules.schedule == "cosine" else None
        structure = structure_of(
            config,
            cosine=cosine_steps is not None,
            precision=self._precision,
            compiles=backend.compiles(rules.xla),
            shape=shape,
            dtype=dtype,
            features=data.features is not None,
        )
        self._layer = structure.above
        if networks is None or config.trunk not in TRUNKS:
            # A layer of the user's own may draw from any generator, or hold what is no variable.
            networks = CompiledNetworks()
            keras.utils.set_random_seed(seed)
        networks.make_room(structure)
        # Keras draws the seeds of weights and layers from this one; set_random_seed would also make
        # TensorFlow forget its kernels, which costs as much as a trace.
        random.seed(seed)
        fresh = network.build(config, shape, dtype, precision=self._precision)
        found = self._compiled = networks.of(structure, config)
        found.begin(self, fresh, config, cosine_steps)
        # A Keras model holds itself: it goes now, and not when Python next looks for such.
        del fresh
        gc.collect()
        self.model, self._fitted = found.model, found.fitted
        self.shipped, self._scored = found.shipped, found.scored
        self._steering = Steering(self._scored, self._inputs, self._batches, config, rules, metric)
        self._limits = [] if limit_s is None else [Limit(limit_s, rules.epochs)]
        self._epochs = 0
        self._proven = False

    @property
    def together(self) -> None:
        """Nothing: it has a process of its own."""

    @property
    def loss_columns(self) -> NDArray[np.float32]:
        """Which loss it is trained on, and with which parameters; see `search.networks.losses`."""
        return self._batches.loss_columns

    @property
    def epochs(self) -> int:
        """Epochs trained."""
        return self._epochs

    @property
    def device(self) -> str:
        """What it computes on."""
        return backend.device()

    @property
    def precision(self) -> str:
        """What it trains in: `float32`, `mixed_bfloat16` or `mixed_float16`."""
        return self._precision

    @property
    def finished(self) -> bool:
        """Whether training is over."""
        return self._steering.course.finished

    def advance(self, epochs: int) -> None:
        """Trains on until `epochs` epochs are done in all, or patience runs out.

        Raises:
            TrialError: loss or logits stopped being finite, or the limit is reached.
        """
        with self._having_it():
            self._fitted.fit(
                fed(self._batches),
                initial_epoch=self._epochs,
                epochs=min(epochs, self._rules.epochs),
                callbacks=[self._steering, *self._limits],
                shuffle=False,
                verbose=0,
            )
        self._epochs = len(self._steering.course.history)

    def best(self) -> Trained:
        """Returns the best epoch so far, its decode proven; training can go on afterwards.

        Raises:
            TrialError: the proof failed.
        """
        with self._having_it():
            return self._best()

    def _best(self) -> Trained:
        steering, scored = self._steering, self._scored
        current = scored.get_weights()
        scored.set_weights(steering.best_weights)
        x, y = self._inputs.x_validation, self._inputs.y_validation
        # Those of the best epoch: that they belong to its weights is what the proof shows.
        logits = steering.best_logits
        raw, config = self._head.score(logits), self._config
        whole = None if scored is self.shipped else (self.shipped, self._data.x_validation)
        draw = (self._seed, self._epochs)
        columns, loss = self.loss_columns, (config.loss, config.loss_parameters)
        proof = prove(scored, columns, self._head, *loss, x, y, raw, logits, whole, draw)
        self._prove_features()
        weights = steering.best_weights if whole is None else self.shipped.get_weights()
        scored.set_weights(current)
        return Trained(
            raw=raw,
            weights=weights,
            epochs=self._epochs,
            best_epoch=steering.course.best_epoch,
            steering_value=steering.course.best_value,
            history=tuple(steering.course.history),
            proof=proof,
        )

    @contextmanager
    def _having_it(self) -> Iterator[None]:
        """Holds the compiled network, which no other trial gets where this one ends in an error."""
        self._compiled.check(self)
        try:
            yield
        except BaseException:
            self._compiled.sound = False
            raise

    def _prove_features(self) -> None:
        """Proves features, once: neither they nor the layers below them change in training."""
        features, layer, data = self._data.features, self._layer, self._data
        if features is None or layer is None or self._proven:
            return
        parts = ((data.x_train, features.train), (data.x_validation, features.validation))
        prove_features(self.shipped, layer, self._scored, parts)
        self._proven = True
