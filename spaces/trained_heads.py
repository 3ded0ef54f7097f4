"""How the last layer of a model that is trained already is decoded, whatever pair it was written with.

`spaces.pairs` says what becomes of a pair before it is trained. Here the training has happened: a pair that
would be refused has left weights behind, and this says what they were trained to say.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType

from spaces.errors import RunError
from spaces.heads import HEADS
from spaces.losses import LOSSES
from spaces.pair_table import Verdict
from spaces.pairs import LOSS_SPELLINGS, WRITTEN_HEADS, WRITTEN_LOSSES, judge

WRITTEN_AS: Mapping[tuple[int, str], str] = MappingProxyType(
    {
        (1, "sigmoid"): "sigmoid",
        (1, "softmax"): "softmax_1",
        (1, "linear"): "linear",
        (1, "tanh"): "tanh",
        (2, "softmax"): "softmax",
        (2, "sigmoid"): "sigmoid_2",
        (2, "linear"): "linear_2",
    }
)
"""The written head of a number of units and an activation; see `spaces.pairs.WRITTEN_HEADS`."""
_UNITS: Mapping[str, int] = MappingProxyType(
    {**{head: units for (units, _), head in WRITTEN_AS.items()}, "margin": 1, "two_sigmoids": 2}
)
_TAKE_LOGITS = ("bce", "cce", "sparse_cce", "focal")
"""Losses that Keras computes from logits or from probabilities, as `from_logits` says."""


@dataclass(frozen=True, kw_only=True)
class WrittenLoss:
    """A loss as a model was compiled with it.

    Args:
        name: as Keras or a person spells it.
        from_logits: what it was told to take; None where it has no such setting, or none is known.
    """

    name: str
    from_logits: bool | None = None

    @property
    def known(self) -> str | None:
        """Its name in `spaces.pairs.WRITTEN_LOSSES`; None where it is not among them."""
        snake = re.sub(r"(?<=[a-z])(?=[A-Z])", "_", self.name).lower()
        found = LOSS_SPELLINGS.get(snake, snake)
        return found if found in WRITTEN_LOSSES else None

    def __str__(self) -> str:
        said = "" if self.from_logits is None else f"(from_logits={self.from_logits})"
        return f"{self.name}{said}"


@dataclass(frozen=True, kw_only=True)
class Decoding:
    """How the last layer of a trained model becomes a raw score.

    Args:
        written: the head as people write it, a name in `WRITTEN_HEADS`; None where the activation is another.
        head: the head whose decode makes the raw score of the logits; None where there are no logits, and
            the outputs are taken as they are.
        probabilistic: whether sigmoid(raw score) is a probability before any calibration.
        center: the raw score at which the model itself is undecided; None where that is not known.
        notes: what does not fit, what follows from it, and what is done about it.
    """

    written: str | None
    head: str | None
    probabilistic: bool
    center: float | None
    notes: tuple[str, ...] = ()


_HIDDEN: Mapping[tuple[str, str], tuple[str, str]] = {
    ("softmax", "bce"): (
        "two_sigmoids",
        "decoded by the mean of the two log-odds that were trained, half the difference of the logits",
    ),
    **{
        (head, loss): (
            "softmax",
            "decoded by the difference of the logits, which is what was trained; one column at 0.5 is not",
        )
        for head in ("sigmoid_2", "two_sigmoids")
        for loss in ("cce", "sparse_cce")
    },
}
"""Of refused pairs: whose decode belongs to what was trained, and in which words."""
_NOTHING_TRAINED = (
    "the weights of the last layer are what they were before training, and so is the order of the rows"
)
_FOLLOWS: Mapping[tuple[str, str], str] = {
    **{
        ("softmax_1", loss): "predict() gives 1 for every row; on TensorFlow this loss reads the logit below "
        "the softmax and trains it all the same, so that logit is decoded (on JAX nothing was trained)"
        for loss in ("bce",)
    },
    **{("softmax_1", loss): _NOTHING_TRAINED for loss in WRITTEN_LOSSES if loss != "bce"},
    **{
        (head, loss): _NOTHING_TRAINED
        for head in ("sigmoid", "linear", "margin")
        for loss in ("cce", "sparse_cce")
    },
    **{
        (head, loss): "decoded by the logit below, which ranks rows as the output does, and no probability"
        for head in ("sigmoid", "tanh")
        for loss in ("hinge", "squared_hinge")
    },
    **{
        ("softmax", loss): "decoded by the difference of the logits, which is no probability"
        for loss in ("hinge", "squared_hinge")
    },
    **{
        (head, "mse"): "decoded by the output itself, whose middle is 0.5 where labels were 0 and 1"
        for head in ("linear", "margin")
    },
    **{
        ("tanh", loss): "decoded by what is below the tanh, which ranks rows as the output does"
        for loss in ("bce", "cce", "sparse_cce", "focal", "brier", "mse")
    },
}
"""Of refused pairs: what follows from them for a model that has been trained."""
_MIDDLE: Mapping[tuple[str, str], float] = {(head, "mse"): 0.5 for head in ("linear", "margin")}
_UNKNOWN_MIDDLE = frozenset({("tanh", loss) for loss in WRITTEN_LOSSES if "hinge" not in loss})
"""A tanh that was not trained on a margin was trained on labels that the model does not name."""


def decoding(
    units: int,
    activation: str,
    loss: WrittenLoss | None,
    head: str | None = None,
    below: str | None = None,
) -> Decoding:
    """Decides how a trained model is decoded.

    Args:
        units: of its last layer, 1 or 2.
        activation: of its last layer: `sigmoid`, `softmax`, `linear`, `tanh`, or any other.
        loss: what it was compiled with, or is said to be trained on; None if nothing is known.
        head: what its last layer is said to be, as people write it; None leaves that to the activation.
        below: another activation, of whose output the last one is taken; None where that is a logit.

    Raises:
        RunError: the head that is named is not the one that the model has.
    """
    found = _decoding(units, activation, loss, head)
    if below is None or found.written is None:
        return found
    if units == 1:
        made = "decoded by the logit below both, which ranks rows as the output does"
    else:
        made = f"decoded by what the {below} puts out, which is what was trained"
    note = (
        f"{activation} is taken of what a {below} puts out, which is no logit and lies in a narrow range: "
        f"{made}; no probability before a calibration"
    )
    center = found.center if units == 2 else None
    return replace(found, probabilistic=False, center=center, notes=(note, *found.notes))


def _decoding(units: int, activation: str, loss: WrittenLoss | None, head: str | None) -> Decoding:
    written = WRITTEN_AS.get((units, activation))
    if head is not None:
        written = _told(head, units, activation)
    if written is None:
        return Decoding(
            written=None,
            head=None,
            probabilistic=False,
            center=None,
            notes=(
                f"{activation} is no activation of a head, so the output is taken as it is: a probability "
                "where all rows lie in [0, 1], else a score",
            ),
        )
    plain = _plain(written)
    if loss is None:
        return _without_loss(written, plain)
    known = loss.known
    if known is None:
        note = f"the loss {loss.name} is not in the table of `spaces`, so no probability is claimed"
        return Decoding(
            written=written, head=plain, probabilistic=False, center=_plain_middle(written), notes=(note,)
        )
    verdict = judge(written, known)
    mismatch = _mismatch(units, activation, loss)
    center = _middle(written, units, activation, loss)
    refused = verdict.kind == "refused"
    found, notes = plain, []
    if not refused:
        found = verdict.instead[0]
    else:
        found, follows = _HIDDEN.get((written, known), (plain, _FOLLOWS.get((written, known), "")))
        notes.append(_refusal(verdict, follows))
    if mismatch and not refused:
        notes.append(mismatch)
    if center == 0.5:
        found = "margin"  # whose score is the output itself, and no logit
    if known in ("hinge", "squared_hinge") and not refused:
        notes.append(
            f"{known} trains a margin of -1 and 1, and Keras takes labels of 0 and 1 for these: its middle "
            "is 0, and sigmoid of it is no probability before a calibration"
        )
    fits = not (mismatch or refused)
    return Decoding(
        written=written,
        head=found,
        probabilistic=fits and HEADS[found].probabilistic and LOSSES[verdict.instead[1]].probabilistic,
        center=center,
        notes=tuple(notes),
    )


def _told(head: str, units: int, activation: str) -> str:
    """The written head that a person names, if the model can have it."""
    check_head(head)
    read = WRITTEN_AS.get((units, activation))
    same = {head, {"two_sigmoids": "sigmoid_2"}.get(head, head)}
    may_be_any = activation == "linear" and head not in ("softmax_1", "tanh")
    if _UNITS[head] != units or not (may_be_any or read in same):
        raise RunError(
            f"--head must be what the model ends with, Dense({units}, {activation}), but got {head} "
            f"({WRITTEN_HEADS[head]}); leave it out to have it read from the model"
        )
    return head


def check_head(name: str) -> None:
    """Refuses a head that is not among those people write.

    Raises:
        RunError: it is not; the nearest one is named.
    """
    judge(name, "bce")


def _plain(written: str) -> str:
    """The head whose decode a written head has where nothing is known of its loss."""
    if written in HEADS:
        return written
    if _UNITS[written] == 1:
        return "margin"
    return "two_sigmoids" if written == "sigmoid_2" else "softmax"


def _without_loss(written: str, plain: str) -> Decoding:
    notes = []
    if written == "linear":
        notes.append(
            "one linear unit holds a logit, a margin or a regression of 0 and 1, and no loss is known to say "
            "which: it is a score without a middle until --loss or --head says more"
        )
    if written == "linear_2":
        notes.append(
            "two linear units hold the logits of a softmax or of two sigmoids, and no loss is known to say "
            "which: decoded by their difference, which ranks rows alike for both"
        )
    if written == "softmax_1":
        notes.append(f"{judge(written, 'bce').why}; {_FOLLOWS[written, 'bce']}")
    return Decoding(
        written=written, head=plain, probabilistic=False, center=_plain_middle(written), notes=tuple(notes)
    )


def _plain_middle(written: str) -> float | None:
    return None if written in ("linear", "tanh") else 0.0


def _middle(written: str, units: int, activation: str, loss: WrittenLoss) -> float | None:
    """The raw score at which a model is undecided; None where its labels may have been of two kinds."""
    known = str(loss.known)
    if (written, known) in _UNKNOWN_MIDDLE:
        return None
    cut_off = loss.from_logits is False and known in _TAKE_LOGITS and (units, activation) == (1, "linear")
    return 0.5 if cut_off else _MIDDLE.get((written, known), 0.0)


def _mismatch(units: int, activation: str, loss: WrittenLoss) -> str | None:
    """What follows where `from_logits` says other than the activation; None where they agree."""
    if loss.from_logits is None or loss.known not in _TAKE_LOGITS or activation == "tanh":
        return None
    if activation != "linear" and loss.from_logits:
        return (
            "from_logits=True takes what the activation has made into probabilities for logits, and applies "
            "it twice (on TensorFlow the cross-entropies read the logits below instead, and warn); decoded "
            "by the logits below, whose probabilities need a calibration; write from_logits=False, or a "
            "linear last layer"
        )
    if activation != "linear" or loss.from_logits:
        return None
    if units == 1:
        return (
            "from_logits=False takes a linear unit for a probability and cuts it off at 0 and 1, where its "
            "gradient ends: decoded by the output itself, whose middle is 0.5, not 0; write from_logits=True"
        )
    return (
        "from_logits=False takes two linear units for probabilities, cut off at 0 and 1, where the gradient "
        "ends: no decode is right, and their difference is the nearest; write from_logits=True"
    )


def _refusal(verdict: Verdict, follows: str) -> str:
    near_head, near_loss = verdict.instead
    said = f"{verdict.why}; {follows}" if follows else verdict.why
    return f"{said}; trained anew: head {near_head} with loss {near_loss}"


def written_loss(text: str) -> WrittenLoss:
    """Reads a loss as it is given on a command line: `bce`, or `bce,from_logits=false`.

    Raises:
        RunError: it is not known, or something else than from_logits is said of it.
    """
    name, _, setting = text.partition(",")
    key, _, value = setting.partition("=")
    if setting and (key.strip() != "from_logits" or value.strip().lower() not in ("true", "false")):
        raise RunError(
            f"--loss takes a loss, or one with from_logits=true or false, such as "
            f"bce,from_logits=false, but got {text!r}"
        )
    loss = WrittenLoss(name=name, from_logits=value.strip().lower() == "true" if setting else None)
    if loss.known is None:
        judge("sigmoid", name)  # which names the nearest one
    if setting and loss.known not in _TAKE_LOGITS:
        raise RunError(f"from_logits is a setting of {', '.join(_TAKE_LOGITS)}, but got {text!r} (--loss)")
    return loss
