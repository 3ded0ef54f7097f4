"""Rows on a device, and what trained networks say of them: scores, and the evidence for their proof.

All trials of one call are scored together. What a trial has come to is a `State`, packed on the device.
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
from search.fused.packing import Packing
from search.networks.losses import PARAMETERS, loss_columns, shared_loss
from search.networks.model import LOGITS
from search.training.compiled_networks import CompiledNetwork
from search.training.feeding import rows_at_once
from search.training.proof import PROBED_ROWS, PROVEN_ROWS
from spaces.configuration import Config
from spaces.heads import HEADS

LOGITS_OF_ALL = 2
"""Logits of every network."""
SCORED_AT_ONCE = 4096
"""Rows scored at once, of all trials together."""


State = tuple[Any, ...]
"""What a trial's training has come to: `program.Parts`, packed on the device, never changed there."""


TRACED = threading.Lock()
"""Networks are traced, and trials begun on them, in turn: tracing puts other values into their variables."""


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

    @property
    def training(self) -> Any:
        """What an epoch reads."""
        return self.x, self.labels, self.targets

    @property
    def validation(self) -> Any:
        """What evidence is drawn from."""
        return self.x_validation, self.targets_validation


class Scorer:
    """Scores and evidence of networks of one structure, whatever optimizer trains them.

    Args:
        network: one such network.
        rows: the rows, on the device.

    Attributes:
        packing: of a state's arrays of the network, in the order of `variables_of`.
    """

    def __init__(self, network: CompiledNetwork, rows: DeviceRows) -> None:
        self.network, self._rows = network, rows
        self.columns = 2 + len(PARAMETERS[network.structure.task])  # see `columns_of`
        self._formulas = [shared_loss(logits) for logits in range(1, LOGITS_OF_ALL + 1)]
        fitted, scored = network.fitted, network.scored
        variables = variables_of(fitted)
        self.packing = Packing([variable.value for variable in variables])
        # Where each weight of the float32 network is found in a state.
        places = {id(variable): i for i, variable in enumerate(variables)}
        self._weights = [places[id(variable)] for variable in fitted.weights]
        numbers = {id(variable): i for i, variable in enumerate(scored.weights)}
        last = scored.get_layer(LOGITS)
        self.last = numbers[id(last.kernel)], numbers[id(last.bias)]
        self._told = keras.Model(scored.input, [last.input, scored.output])
        # What is no weight, such as a seed of dropout, has no part in inference.
        self._given = [
            [(numbers.get(id(variable)), variable.value) for variable in variables]
            for variables in (self._told.trainable_variables, self._told.non_trainable_variables)
        ]
        self._compiled: dict[int, tuple[Any, Any]] = {}
        self._compiling = threading.Lock()

    def compile(self, count: int) -> tuple[Any, Any]:
        """Compiles scores and evidence of so many trials, or returns what was compiled before."""
        with self._compiling:
            if count not in self._compiled:
                shape, rows = jax.ShapeDtypeStruct, self._rows
                weights = tuple(
                    shape((count, *variable.shape), variable.dtype)
                    for variable in self.network.scored.weights
                )
                columns = shape((count, self.columns), np.float32)
                drawn = shape((count, min(len(rows.x_validation), PROVEN_ROWS)), np.int32)
                asked = (
                    (self._score_together, (self.packing.shapes(),) * count, rows.x_validation),
                    (self._tell_together, weights, columns, drawn, rows.validation),
                )
                with TRACED:
                    lowered = [jax.jit(function).lower(*given) for function, *given in asked]
                with ThreadPoolExecutor(len(lowered)) as pool:
                    score, tell = pool.map(lambda each: each.compile(), lowered)
                self._compiled[count] = score, tell
            return self._compiled[count]

    def score(self, states: Sequence[State]) -> Any:
        """Begins to score the validation rows; returns the float32 network's logits, on the device.

        Their shape is `(trials, n, logits)`.
        """
        run, _ = self.compile(len(states))
        kinds = len(self.packing.dtypes)
        return run(tuple(state[:kinds] for state in states), self._rows.x_validation)

    def weights(self, state: State, logits: int) -> list[NDArray[np.generic]]:
        """Returns the weights of a state's trained part, in Keras' order, for a head of so many logits."""
        fetched = [np.asarray(each) for each in state[: len(self.packing.dtypes)]]
        found = self.packing.unpack(fetched, self._weights)
        for number in self.last:
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
        _, run = self.compile(len(weights))
        given = np.stack([np.asarray(each, np.int32) for each in rows])
        all_of = tuple(np.stack(each) for each in zip(*map(self.widened, weights), strict=True))
        features, losses = run(all_of, np.stack(columns), given, self._rows.validation)
        return [
            Evidence(*each) for each in zip(np.asarray(features), np.asarray(losses).tolist(), strict=True)
        ]

    def widened(self, weights: Sequence[NDArray[np.generic]]) -> list[NDArray[np.generic]]:
        """Returns weights with the columns that the last layer of a head of fewer logits lacks."""
        found = list(weights)
        for number in self.last:
            lacks = LOGITS_OF_ALL - found[number].shape[-1]
            found[number] = np.pad(found[number], [(0, 0)] * (found[number].ndim - 1) + [(0, lacks)])
        return found

    def losses(self, targets: Sequence[Any], columns: Any, logits: Any) -> Any:
        """Returns the loss of every row, of targets for one logit, for two, and so on."""
        chosen, numbers = columns[0], columns[1:]
        found = jnp.zeros(len(logits), jnp.float32)
        for count, (formulas, y) in enumerate(zip(self._formulas, targets, strict=True), start=1):
            # A number of another list of losses could lie beyond the end of this one.
            own = jnp.where(chosen == count, numbers, numbers.at[0].set(0))
            given = jnp.concatenate([y, jnp.broadcast_to(own, (len(y), len(own)))], axis=1)
            found = jnp.where(chosen == count, formulas(given, logits[:, :count]), found)
        return found

    def _score_together(self, states: tuple[State, ...], x: Any) -> Any:
        size = min(self._rows.at_once, max(32, SCORED_AT_ONCE // len(states)), len(x))
        blocks = -(-len(x) // size)
        # The last block repeats the last row.
        taken = np.minimum(np.arange(blocks * size), len(x) - 1).reshape(blocks, size)

        def score(state: State) -> Any:
            weights = self.packing.unpack(state, self._weights)
            logits = lax.map(lambda block: self._call(weights, x[block])[1], taken)
            return logits.reshape(blocks * size, -1)[: len(x)]

        return together(score, stacked(states))

    def _tell_together(self, weights: tuple[Any, ...], columns: Any, taken: Any, data: Any) -> Any:
        x, targets = data

        def tell(weights: Any, columns: Any, taken: Any) -> tuple[Any, Any]:
            features, _ = self._call(weights, x[:PROBED_ROWS])
            _, logits = self._call(weights, x[taken])
            return features, jnp.mean(self.losses([y[taken] for y in targets], columns, logits))

        return together(tell, weights, columns, taken)

    def _call(self, weights: Any, x: Any) -> tuple[Any, Any]:
        """Returns what the float32 network's last layer gets and gives, in inference mode."""
        values = [
            [constant if number is None else weights[number] for number, constant in part]
            for part in self._given
        ]
        features, logits = self._told.stateless_call(*values, x, training=False)[0]
        return features, logits


def variables_of(fitted: Any) -> list[Any]:
    """Returns a network's variables in the order of a state: those that are trained come first."""
    return [*fitted.trainable_variables, *fitted.non_trainable_variables]


def stacked(states: tuple[State, ...]) -> Any:
    """Returns packed arrays of several trials, the trials along their first axis."""
    return tuple(jnp.stack(each) for each in zip(*states, strict=True))


def together(function: Any, *given: Any) -> Any:
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
