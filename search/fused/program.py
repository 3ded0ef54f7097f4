"""Training on a device by JAX: an epoch of one trial, or of several at once, is one call.

The rows lie on the device, and batches are gathered there. A step is Keras' own `stateless_call` and
`stateless_apply`; `lax.scan` repeats it over the batches of an epoch, and `vmap` over trials, whose weights,
rates, losses and seeds are numbers to it. (Trained so together: HFTA, Wang et al., MLSys 2021.) Every network
has two logits; of a head with one, the second column stays 0.
"""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import keras
import numpy as np
from jax import lax
from numpy.typing import NDArray

from search.fused.inference import TRACED, DeviceRows, Scorer, State, stacked, together, variables_of
from search.fused.packing import Packing
from search.training.compiled_networks import CompiledNetwork, Structure
from spaces.configuration import Config


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


class Program:
    """The compiled epochs of one structure, of one trial or several at once.

    Args:
        structure: what trials must have in common; without a cosine, since rates are given step by step.
        config: a configuration of that structure.
        batch: rows of a training step.
        rows: the rows, on the device.
        scorer: of networks that differ from these in their optimizer at most; None makes one.
    """

    def __init__(
        self,
        structure: Structure,
        config: Config,
        batch: int,
        rows: DeviceRows,
        scorer: Scorer | None = None,
    ) -> None:
        self._network = CompiledNetwork(structure, config)
        self._batch, self._rows = batch, rows
        self.scorer = Scorer(self._network, rows) if scorer is None else scorer
        optimizer = self._network.fitted.optimizer
        self._optimizer = Packing([variable.value for variable in optimizer.variables])
        rate = self._network.rate
        self._rate = next(i for i, variable in enumerate(optimizer.variables) if variable is rate)
        self._compiled: dict[int, Any] = {}

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
        fitted = self._network.fitted
        with TRACED:
            self._network.begin(self, fresh, config)
            of_network = [variable.value for variable in variables_of(fitted)]
            of_optimizer = [variable.value for variable in fitted.optimizer.variables]
        packed = (
            *self.scorer.packing.on_the_host(of_network),
            *self._optimizer.on_the_host(of_optimizer),
        )
        return tuple(jnp.asarray(each) for each in packed)

    def compile(self, count: int) -> Any:
        """Compiles an epoch of so many trials, with their scores, or returns what was compiled before.

        What is traced is traced in turn; XLA then compiles all functions at once.
        """
        if (found := self._compiled.get(count)) is not None:
            return found
        states, epochs = (self._shape_of_state(),) * count, self._shapes_of_epochs(count)
        with TRACED:
            lowered = jax.jit(self._train_together).lower(states, epochs, self._rows.training)
        with ThreadPoolExecutor(2) as pool:
            scored, made = pool.submit(self.scorer.compile, count), pool.submit(lowered.compile)
            scored.result()
        return self._compiled.setdefault(count, made.result())

    def train(self, states: Sequence[State], epochs: Sequence[Epoch]) -> tuple[list[State], Any]:
        """Begins to train an epoch of every trial; returns new states and mean losses, on the device."""
        run = self.compile(len(states))
        given = Epoch(*map(np.stack, zip(*epochs, strict=True)))
        ended, losses = run(tuple(states), given, self._rows.training)
        return list(ended), losses

    def cost_of_a_step(self) -> tuple[float, float]:
        """Returns what one trial's step takes: floating point operations, and bytes read and written."""

        def step(state: State, epoch: Epoch, taken: Any, rate: Any, data: Any) -> Any:
            return self._step(self._parts(state), epoch, taken, rate, data)

        shape, size = jax.ShapeDtypeStruct, min(self._batch, self._rows.count)
        taken, rate = shape((size,), np.int32), shape((), np.float32)
        given = (self._shape_of_state(), self._shapes_of_epochs(), taken, rate, self._rows.training)
        with TRACED:
            found = jax.jit(step).lower(*given).cost_analysis() or {}
        return float(found.get("flops", 0.0)), float(found.get("bytes accessed", 0.0))

    def last_layer(
        self, weights: Sequence[NDArray[np.generic]]
    ) -> tuple[NDArray[np.generic], NDArray[np.generic]]:
        """Returns kernel and bias of the last layer, of weights as `weights` gives them."""
        kernel, bias = self.scorer.last
        return weights[kernel], weights[bias]

    def whole(self, weights: Sequence[NDArray[np.generic]]) -> CompiledNetwork:
        """Puts weights into the network itself, and returns it."""
        self._network.scored.set_weights(self.scorer.widened(weights))
        return self._network

    def _shape_of_state(self) -> Any:
        return (*self.scorer.packing.shapes(), *self._optimizer.shapes())

    def _shapes_of_epochs(self, *trials: int) -> Epoch:
        shape = jax.ShapeDtypeStruct
        return Epoch(
            shape((*trials, self._rows.count), np.int32),
            shape((*trials, self.steps), np.float32),
            shape((*trials, self.scorer.columns), np.float32),
            shape((*trials, 2), np.float32),
        )

    def _parts(self, state: State) -> Parts:
        kinds, trained = len(self.scorer.packing.dtypes), len(self._network.fitted.trainable_variables)
        of_network = self.scorer.packing.unpack(state[:kinds])
        of_optimizer = self._optimizer.unpack(state[kinds:])
        return Parts(tuple(of_network[:trained]), tuple(of_network[trained:]), tuple(of_optimizer))

    def _train_together(self, states: tuple[State, ...], epochs: Epoch, data: Any) -> Any:
        def train(state: State, epoch: Epoch) -> tuple[State, Any]:
            parts, loss = self._epoch(self._parts(state), epoch, data)
            of_network = self.scorer.packing.pack((*parts.trained, *parts.kept))
            return (*of_network, *self._optimizer.pack(parts.optimizer)), loss

        ended, losses = together(train, stacked(states), epochs)
        return tuple(tuple(values[k] for values in ended) for k in range(len(states))), losses

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
            each = self.scorer.losses([y[taken] for y in targets], epoch.columns, logits)
            loss = jnp.mean(each * epoch.weights[labels[taken]]) + sum(others)
            variables = zip(fitted.optimizer.variables, rates, strict=True)
            with keras.StatelessScope(state_mapping=list(variables)):
                return fitted.optimizer.scale_loss(loss), (loss, kept)

        gradients, (loss, kept) = jax.grad(loss_of, has_aux=True)(state.trained)
        trained, optimizer = fitted.optimizer.stateless_apply(list(rates), gradients, list(state.trained))
        return Parts(tuple(trained), tuple(kept), tuple(optimizer)), loss
