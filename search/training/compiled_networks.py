"""Compiled networks, kept in a worker: trials that differ in numbers alone share one.

TensorFlow traces, and JAX compiles, a training step for every network that is built, which takes about as
long as some epochs. What differs between most trials of a search are numbers: weights, rates, the parameters
of the loss and which loss it is. Here they are variables or inputs of the step.
"""

from collections import OrderedDict
from dataclasses import dataclass
from typing import Any

from search.networks import backend
from search.networks import model as network
from search.networks.losses import shared_loss
from search.networks.trunks import trunk_of
from spaces.configuration import Config
from spaces.tasks import TaskName

MOST = 8
"""Compiled networks that a worker keeps; of more, the one that was used longest ago goes."""


@dataclass(frozen=True, kw_only=True)
class Structure:
    """What trials must have in common to share a compiled network.

    Args:
        trunk, width, weights, frozen, folder, hidden_layers, optimizer: as in `Config`.
        logits: how many outputs the head has; its loss is chosen while it runs.
        task: what the head answers.
        cosine: whether its learning rate follows a cosine.
        precision: the Keras dtype policy that it trains under.
        compiles: whether XLA compiles it.
        shape: of one row.
        dtype: of the rows.
        above: the name of the frozen layer above which it trains; None where it trains whole.
    """

    trunk: str
    width: float
    weights: str
    frozen: bool
    folder: str | None
    hidden_layers: str
    optimizer: str
    logits: int
    task: TaskName
    cosine: bool
    precision: str
    compiles: bool
    shape: tuple[int, ...]
    dtype: str
    above: str | None


def structure_of(
    config: Config,
    cosine: bool,
    precision: str,
    compiles: bool,
    shape: tuple[int, ...],
    dtype: str,
    features: bool,
) -> Structure:
    """Returns the structure of a configuration's network.

    Args:
        config: the configuration.
        cosine, precision, compiles, shape, dtype: see `Structure`.
        features: whether only the layers above the frozen ones are trained.
    """
    return Structure(
        trunk=config.trunk,
        width=config.width,
        weights=config.weights,
        frozen=config.frozen,
        folder=config.folder,
        hidden_layers=config.hidden_layers,
        optimizer=config.optimizer,
        logits=config.made_head.logits,
        task=config.task.name,
        cosine=cosine,
        precision=precision,
        compiles=compiles,
        shape=shape,
        dtype=dtype,
        above=trunk_of(config.trunk).frozen_up_to(config) if features else None,
    )


class CompiledNetwork:
    """A network with its optimizer and loss, for one trial after another.

    Args:
        structure: what it is.
        config: the first trial's.

    Attributes:
        structure: what it is.
        model: the whole network.
        fitted: what is trained of it: all, or the layers above the frozen ones.
        shipped: the whole network in float32; `model` itself where that is float32.
        scored: the part of `shipped` that is scored, as `fitted` is of `model`.
        sound: whether the trials that had it ended without an error.
    """

    def __init__(self, structure: Structure, config: Config) -> None:
        self.structure = structure
        shape, dtype, precision = structure.shape, structure.dtype, structure.precision
        loss = shared_loss(structure.logits, structure.task)

        def trained_part(model: Any, precision: str = "float32") -> Any:
            return model if structure.above is None else network.above(model, structure.above, precision)

        self.model = network.build(config, shape, dtype, pretrained=False, precision=precision, shared=True)
        self.fitted = trained_part(self.model, precision)
        self._adjustable = network.optimizer(config, 1 if structure.cosine else None)  # set as a trial begins
        self.fitted.compile(optimizer=self._adjustable, loss=loss, jit_compile=structure.compiles)
        # Else its variables are made while the training step is traced, which is then traced twice.
        self.fitted.optimizer.build(self.fitted.trainable_variables)
        self._at_start = [variable.numpy() for variable in self.fitted.optimizer.variables]
        self.shipped, self.scored = self.model, self.fitted
        if precision != "float32":
            self.shipped = network.build(config, shape, dtype, pretrained=False)
            self.scored = trained_part(self.shipped)
            self.scored.compile(loss=loss, jit_compile=structure.compiles)
        self.sound = True
        self._trial: object = None

    @property
    def rate(self) -> Any:
        """The variable that holds the learning rate, where there is no schedule."""
        return self._adjustable._learning_rate

    def begin(self, trial: object, fresh: Any, config: Config, cosine_steps: int | None = None) -> None:
        """Starts a trial: nothing of the one before is left.

        Args:
            trial: who has the network from now on; see `check`.
            fresh: the trial's network as it was drawn.
            config: the trial's.
            cosine_steps: in which its learning rate falls to 0; None without a schedule.
        """
        self._trial = trial
        self.model.begin(fresh, config.dropout)
        for variable, value in zip(self.fitted.optimizer.variables, self._at_start, strict=True):
            variable.assign(value)
        network.adjust(self._adjustable, config, cosine_steps)
        if self.shipped is not self.model:  # those of frozen layers, for good
            self.shipped.set_weights(self.model.get_weights())

    def check(self, trial: object) -> None:
        """Shows that a trial still has the network.

        Raises:
            RuntimeError: another trial has begun on it since.
        """
        if trial is not self._trial:
            raise RuntimeError("a trial must end before another one begins on its compiled network")


class CompiledNetworks:
    """The compiled networks of one worker."""

    def __init__(self) -> None:
        self._held: OrderedDict[Structure, CompiledNetwork] = OrderedDict()

    def of(self, structure: Structure, config: Config) -> CompiledNetwork:
        """Returns the network of a structure, compiled when it is first trained."""
        found = self._held.pop(structure, None)
        if found is None or not found.sound:
            found = CompiledNetwork(structure, config)
        self._held[structure] = found
        while len(self._held) > MOST:
            self._held.popitem(last=False)
        return found

    def make_room(self, structure: Structure) -> None:
        """Lets go of what TensorFlow keeps of networks that are gone, unless the structure is at hand."""
        if structure not in self._held:
            backend.forget()
