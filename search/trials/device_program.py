"""Training on a device by JAX: an epoch of one trial, or of several at once, is one call.

The rows lie on the device, and batches are gathered there. A step is Keras' own `stateless_call` and
`stateless_apply`; `lax.scan` repeats it over the batches of an epoch, and `vmap` over trials, whose weights,
rates, losses and seeds are numbers to it. (Trained so together: HFTA, Wang et al., MLSys 2021.) Every network
has two logits; of a head with one, the second column stays 0.
"""

import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import keras
import numpy as np
from jax import lax
from numpy.typing import NDArray

from search.data.trial_data import TrialData
from search.networks.losses import PARAMETERS, loss_columns, shared_loss
from search.networks.model import LOGITS
from search.trials.compiled import CompiledNetwork, Structure
from search.trials.feeding import rows_at_once
from search.trials.packing import Packing, fetched
from search.trials.proof import PROBED_ROWS, PROVEN_ROWS
from spaces.configuration import Config
from spaces.heads import HEADS

LOGITS_OF_ALL = 2
"""Logits of every network."""
SCORED_AT_ONCE = 4096
"""Rows scored at once, of all trials together."""


State = tuple[Any, ...]
"""What a trial's training has come to: `Parts`, packed on the device; never changed in place."""


class Parts(NamedTuple):
    """A state's arrays.

    Args:
        trained: what the optimizer changes of the network.
        kept: the rest: statistics of batches, random seeds, rates of dropout.
        optimizer: the optimizer's own, the learning rate among them.
    """

    trained: tuple[Any, ...]
    kept: tuple[Any, ...]
    optimizer: tuple[Any, ...]


class Executables(NamedTuple):
    """The functions of a program, compiled for one number of trials."""

    train: Any
    score: Any
    tell: Any


class Epoch(NamedTuple):
    """An epoch to be trained.

    Args:
        order: numbers of the training rows, `(n,)` int32, batch after batch.
        rates: the learning rate of every step, `(steps,)` float32.
        columns: which loss it is, see `columns_of`.
        weights: of a negative and of a positive row in the loss, `(2,)` float32.
    """

    order: NDArray[np.int32]
    rates: NDArray[np.float32]
    columns: NDArray[np.float32]
    weights: NDArray[np.float32]


def columns_of(config: Config) -> NDArray[np.float32]:
    """Returns a configuration's number of logits, then its `search.networks.losses.loss_columns`."""
    head = config.made_head
    return np.append(np.float32(head.logits), loss_columns(head, config.loss, config.loss_parameters))


class Evidence(NamedTuple):
    """What the float32 network says with a trial's weights, for the proof of its decode.

    Args:
        features: what the last layer gets of the first rows, `(PROBED_ROWS, d)`.
        loss: the mean loss of the drawn rows, unweighted, in inference mode.
    """

    features: NDArray[np.float32]
    loss: float


class DeviceRows:
    """The rows that trials see, put on the device once.

    Args:
        data: the rows, or features in their place.
    """

    def __init__(self, data: TrialData) -> None:
        self.count, self.at_once = len(data.y_train), rows_at_once(data.x_validation)
        self.x = jnp.asarray(data.x_train[:])
        self.x_validation = jnp.asarray(data.x_validation[:])
        self.labels = jnp.asarray(data.y_train.astype(np.int32))
        # Heads of as many logits encode labels alike: tests/spaces/test_heads.py.
        encode = {head.logits: head.encode for head in HEADS.values()}
        self.targets, self.targets_validation = (
            tuple(jnp.asarray(encode[logits](y)) for logits in range(1, LOGITS_OF_ALL + 1))
            for y in (data.y_train, data.y_validation)
        )


class Program:
    """The compiled functions of one structure: epochs, scores and evidence of one trial or several at once.

    Args:
        structure: what trials must have in common; without a cosine, since rates are given step by step.
        config: a configuration of that structure.
        batch: rows of a training step.
        rows: the rows, on the device.
    """

    def __init__(self, structure: Structure, config: Config, batch: int, rows: DeviceRows) -> None:
        self._network = CompiledNetwork(structure, config)
        self._batch, self._rows = batch, rows
        self._columns = 2 + len(PARAMETERS[structure.task])  # see `columns_of`
        self._formulas = [shared_loss(logits) for logits in range(1, LOGITS_OF_ALL + 1)]
        fitted, scored = self._network.fitted, self._network.scored
        optimizer = fitted.optimizer
        rate = self._network.rate
        self._rate = next(i for i, variable in enumerate(optimizer.variables) if variable is rate)
        of_network = [*fitted.trainable_variables, *fitted.non_trainable_variables]
        self._ends = len(fitted.trainable_variables), len(of_network)
        self._packing = Packing([variable.value for variable in (*of_network, *optimizer.variables)])
        # Where each weight of the float32 network is found in a state.
        places = {id(variable): i for i, variable in enumerate(of_network)}
        self._weights = [places[id(variable)] for variable in fitted.weights]
        numbers = {id(variable): i for i, variable in enumerate(scored.weights)}
        last = scored.get_layer(LOGITS)
        self._last = numbers[id(last.kernel)], numbers[id(last.bias)]
        self._told = keras.Model(scored.input, [last.input, scored.output])
        # What is no weight, such as a seed of dropout, has no part in inference.
        self._given = [
            [(numbers.get(id(variable)), variable.value) for variable in variables]
            for variables in (self._told.trainable_variables, self._told.non_trainable_variables)
        ]
        self._network_in_use = threading.Lock()
        self._compiled: dict[int, Executables] = {}

    @property
    def steps(self) -> int:
        """Steps of an epoch."""
        return -(-self._rows.count // self._batch)

    def begin(self, fresh: Any, config: Config) -> State:
        """Returns the state of a trial that begins.

        Args:
            fresh: the trial's network as it was drawn.
            config: the trial's.
        """
        network = self._network
        with self._network_in_use:
            network.begin(self, fresh, config)
            fitted = network.fitted
            variables = (
                *fitted.trainable_variables,
                *fitted.non_trainable_variables,
                *fitted.optimizer.variables,
            )
            packed = self._packing.on_the_host([variable.value for variable in variables])
        return tuple(jnp.asarray(each) for each in packed)

    def compile(self, count: int) -> Executables:
        """Compiles the program for so many trials, or returns what was compiled before.

        What is traced is traced in turn, as it is one network; XLA then compiles all functions at once.
        """
        if (found := self._compiled.get(count)) is not None:
            return found
        packing, shape = self._packing, jax.ShapeDtypeStruct
        state = tuple(shape((n,), kind) for n, kind in zip(packing.lengths, packing.dtypes, strict=True))
        states = (state,) * count
        columns = shape((count, self._columns), np.float32)
        epochs = Epoch(
            shape((count, self._rows.count), np.int32),
            shape((count, self.steps), np.float32),
            columns,
            shape((count, 2), np.float32),
        )
        weights = tuple(
            shape((count, *variable.shape), variable.dtype) for variable in self._network.scored.weights
        )
        drawn = shape((count, min(len(self._rows.x_validation), PROVEN_ROWS)), np.int32)
        asked = (
            (self._train_together, states, epochs, self._training_rows),
            (self._score_together, states, self._rows.x_validation),
            (self._tell_together, weights, columns, drawn, self._validation_rows),
        )
        with self._network_in_use:
            lowered = [jax.jit(function).lower(*given) for function, *given in asked]
        with ThreadPoolExecutor(len(lowered)) as pool:
            found = Executables(*pool.map(lambda each: each.compile(), lowered))
        return self._compiled.setdefault(count, found)

    def train(self, states: Sequence[State], epochs: Sequence[Epoch]) -> tuple[list[State], list[float]]:
        """Trains an epoch of every trial; returns their new states and mean losses."""
        run = self.compile(len(states)).train
        given = Epoch(*map(np.stack, zip(*epochs, strict=True)))
        ended, losses = run(tuple(states), given, self._training_rows)
        return list(ended), [float(loss) for loss in np.asarray(losses)]

    def cost_of_a_step(self, state: State, epoch: Epoch) -> tuple[float, float]:
        """Returns what one trial's step takes: floating point operations, and bytes read and written."""

        def step(state: State, epoch: Epoch, taken: Any, rate: Any, data: Any) -> Any:
            return self._step(self._parts(state), epoch, taken, rate, data)

        given = (state, epoch, epoch.order[: self._batch], epoch.rates[0], self._training_rows)
        found = jax.jit(step).lower(*given).cost_analysis() or {}
        return float(found.get("flops", 0.0)), float(found.get("bytes accessed", 0.0))

    def score(self, states: Sequence[State]) -> NDArray[np.float32]:
        """Returns the float32 network's logits of the validation rows, `(trials, n, logits)`."""
        return np.asarray(self.compile(len(states)).score(tuple(states), self._rows.x_validation))

    def weights(self, state: State, logits: int) -> list[NDArray[np.generic]]:
        """Returns the weights of a state's trained part, in Keras' order, for a head of so many logits."""
        found = self._packing.unpack(fetched(state), self._weights)
        for number in self._last:
            found[number] = found[number][..., :logits]
        return found

    def tell(
        self,
        weights: Sequence[Sequence[NDArray[np.generic]]],
        columns: Sequence[NDArray[np.float32]],
        rows: Sequence[NDArray[np.intp]],
    ) -> list[Evidence]:
        """Returns evidence on the weights of every trial.

        Args:
            weights: see `weights`; of every trial.
            columns: see `columns_of`; of every trial.
            rows: numbers of the validation rows whose losses are compared, see `drawn_rows`.
        """
        run = self.compile(len(weights)).tell
        given = np.stack([np.asarray(each, np.int32) for each in rows])
        all_of = tuple(np.stack(each) for each in zip(*map(self._widened, weights), strict=True))
        features, losses = run(all_of, np.stack(columns), given, self._validation_rows)
        return [
            Evidence(*each) for each in zip(np.asarray(features), np.asarray(losses).tolist(), strict=True)
        ]

    def last_layer(
        self, weights: Sequence[NDArray[np.generic]]
    ) -> tuple[NDArray[np.generic], NDArray[np.generic]]:
        """Returns kernel and bias of the last layer, of weights as `weights` gives them."""
        return weights[self._last[0]], weights[self._last[1]]

    def whole(self, weights: Sequence[NDArray[np.generic]]) -> CompiledNetwork:
        """Puts weights into the network itself, and returns it."""
        self._network.scored.set_weights(self._widened(weights))
        return self._network

    def _widened(self, weights: Sequence[NDArray[np.generic]]) -> list[NDArray[np.generic]]:
        """Returns weights with the columns that the last layer of a head of fewer logits lacks."""
        found = list(weights)
        for number in self._last:
            lacks = LOGITS_OF_ALL - found[number].shape[-1]
            found[number] = np.pad(found[number], [(0, 0)] * (found[number].ndim - 1) + [(0, lacks)])
        return found

    @property
    def _training_rows(self) -> Any:
        return self._rows.x, self._rows.labels, self._rows.targets

    @property
    def _validation_rows(self) -> Any:
        return self._rows.x_validation, self._rows.targets_validation

    def _parts(self, state: State) -> Parts:
        trained, network = self._ends
        values = self._packing.unpack(state)
        return Parts(tuple(values[:trained]), tuple(values[trained:network]), tuple(values[network:]))

    def _train_together(self, states: tuple[State, ...], epochs: Epoch, data: Any) -> Any:
        def train(state: State, epoch: Epoch) -> tuple[State, Any]:
            parts, loss = self._epoch(self._parts(state), epoch, data)
            return self._packing.pack([value for part in parts for value in part]), loss

        ended, losses = _together(train, _stacked(states), epochs)
        return tuple(tuple(values[k] for values in ended) for k in range(len(states))), losses

    def _score_together(self, states: tuple[State, ...], x: Any) -> Any:
        size = min(self._rows.at_once, max(32, SCORED_AT_ONCE // len(states)), len(x))
        blocks = -(-len(x) // size)
        # The last block repeats the last row.
        taken = np.minimum(np.arange(blocks * size), len(x) - 1).reshape(blocks, size)

        def score(state: State) -> Any:
            weights = self._packing.unpack(state, self._weights)
            logits = lax.map(lambda block: self._call(weights, x[block])[1], taken)
            return logits.reshape(blocks * size, -1)[: len(x)]

        return _together(score, _stacked(states))

    def _tell_together(self, weights: tuple[Any, ...], columns: Any, taken: Any, data: Any) -> Any:
        x, targets = data

        def tell(weights: Any, columns: Any, taken: Any) -> tuple[Any, Any]:
            features, _ = self._call(weights, x[:PROBED_ROWS])
            _, logits = self._call(weights, x[taken])
            return features, jnp.mean(self._losses([y[taken] for y in targets], columns, logits))

        return _together(tell, weights, columns, taken)

    def _call(self, weights: Any, x: Any) -> tuple[Any, Any]:
        """Returns what the float32 network's last layer gets and gives, in inference mode."""
        values = [
            [constant if number is None else weights[number] for number, constant in part]
            for part in self._given
        ]
        features, logits = self._told.stateless_call(*values, x, training=False)[0]
        return features, logits

    def _losses(self, targets: Sequence[Any], columns: Any, logits: Any) -> Any:
        """Returns the loss of every row, of targets for one logit, for two, and so on."""
        chosen, numbers = columns[0], columns[1:]
        found = jnp.zeros(len(logits), jnp.float32)
        for count, (formulas, y) in enumerate(zip(self._formulas, targets, strict=True), start=1):
            # A number of another list of losses could lie beyond the end of this one.
            own = jnp.where(chosen == count, numbers, numbers.at[0].set(0))
            given = jnp.concatenate([y, jnp.broadcast_to(own, (len(y), len(own)))], axis=1)
            found = jnp.where(chosen == count, formulas(given, logits[:, :count]), found)
        return found

    def _epoch(self, state: Parts, epoch: Epoch, data: Any) -> tuple[Parts, Any]:
        whole = self._rows.count // self._batch

        def step(state: Parts, given: tuple[Any, Any]) -> tuple[Parts, Any]:
            return self._step(state, epoch, *given, data)

        total = jnp.zeros((), jnp.float32)
        if whole:
            batches = epoch.order[: whole * self._batch].reshape(whole, self._batch)
            state, losses = lax.scan(step, state, (batches, epoch.rates[:whole]))
            total = jnp.sum(losses) * self._batch
        left = self._rows.count - whole * self._batch
        if left:
            state, loss = step(state, (epoch.order[-left:], epoch.rates[-1]))
            total = total + loss * left
        return state, total / self._rows.count

    def _step(self, state: Parts, epoch: Epoch, taken: Any, rate: Any, data: Any) -> tuple[Parts, Any]:
        x, labels, targets = data
        fitted = self._network.fitted
        rates = (*state.optimizer[: self._rate], rate, *state.optimizer[self._rate + 1 :])

        def loss_of(trained: Any) -> tuple[Any, tuple[Any, Any]]:
            logits, kept, others = fitted.stateless_call(
                trained, state.kept, x[taken], training=True, return_losses=True
            )
            each = self._losses([y[taken] for y in targets], epoch.columns, logits)
            loss = jnp.mean(each * epoch.weights[labels[taken]]) + sum(others)
            variables = zip(fitted.optimizer.variables, rates, strict=True)
            with keras.StatelessScope(state_mapping=list(variables)):
                return fitted.optimizer.scale_loss(loss), (loss, kept)

        gradients, (loss, kept) = jax.grad(loss_of, has_aux=True)(state.trained)
        trained, optimizer = fitted.optimizer.stateless_apply(list(rates), gradients, list(state.trained))
        return Parts(tuple(trained), tuple(kept), tuple(optimizer)), loss


def _stacked(states: tuple[State, ...]) -> Any:
    return tuple(jnp.stack(each) for each in zip(*states, strict=True))


def _together(function: Any, *given: Any) -> Any:
    """Applies a function of one trial to several at once.

    Args:
        function: what is given to a trial -> its result.
        given: the same for all of them, the trials along the first axis of every array.

    Returns:
        The results, the trials along their first axis.
    """
    leaves = jax.tree.leaves(given)
    if len(leaves[0]) > 1:
        return jax.vmap(function)(*given)
    # A batch of one would go by another convolution.
    result = function(*jax.tree.map(lambda values: values[0], given))
    return jax.tree.map(lambda value: value[None], result)
