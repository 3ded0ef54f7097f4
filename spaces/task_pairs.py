"""Which head takes which loss where there are K classes, K labels, or a number to predict."""

from collections.abc import Iterable, Mapping
from types import MappingProxyType

from spaces.pair_table import PairTable

_SPELLINGS: Mapping[str, str] = MappingProxyType(
    {
        "binary_crossentropy": "bce",
        "log_loss": "bce",
        "categorical_crossentropy": "cce",
        "sparse_categorical_crossentropy": "sparse_cce",
        "binary_focal_crossentropy": "focal",
        "categorical_focal_crossentropy": "focal",
        "mean_squared_error": "mse",
        "mean_absolute_error": "mae",
        "asymmetric_loss": "asymmetric",
        "huber_loss": "huber",
    }
)
_ACCURACY = "accuracy is a metric, not a loss: it has no gradient"


def _each(
    rules: Iterable[tuple[Iterable[str], Iterable[str], str]],
) -> Mapping[tuple[str, str], str]:
    """Spells rules out, pair by pair; of two rules for a pair the first holds."""
    found: dict[tuple[str, str], str] = {}
    for heads, losses, why in rules:
        for head in heads:
            for loss in losses:
                found.setdefault((head, loss), why)
    return found


_CLASS_HEADS: Mapping[str, str] = MappingProxyType(
    {
        "softmax": "Dense(K, softmax)",
        "one_vs_rest": "Dense(K, sigmoid)",
        "margin": "Dense(K)",
        "sigmoid_k": "Dense(K, sigmoid)",
        "linear_k": "Dense(K)",
        "sigmoid": "Dense(1, sigmoid)",
        "softmax_1": "Dense(1, softmax)",
        "linear": "Dense(1)",
    }
)
_CLASS_LOSSES = (
    *("bce", "cce", "sparse_cce", "focal", "brier", "mse"),
    *("categorical_hinge", "hinge", "squared_hinge", "accuracy"),
)
_ENTROPIES, _HINGES = ("cce", "sparse_cce"), ("hinge", "squared_hinge")
_SPARSE = (
    "the labels are written as integers instead of columns; loss and gradient are identical, and here the "
    "head encodes the labels, so that integers never meet a loss of columns"
)
CLASSES = PairTable(
    task="classes",
    heads=_CLASS_HEADS,
    losses=_CLASS_LOSSES,
    spellings=_SPELLINGS,
    same={
        ("softmax", "sparse_cce"): (_SPARSE, ("softmax", "cce")),
        ("softmax", "mse"): (
            "the squared error of probabilities is the Brier score times 2/K",
            ("softmax", "brier"),
        ),
        **{
            ("sigmoid_k", loss): (
                "K columns that each answer for themselves are the one_vs_rest head",
                ("one_vs_rest", loss),
            )
            for loss in ("bce", "focal")
        },
        ("linear_k", "categorical_hinge"): (
            "K linear units that are compared are the margin head",
            ("margin", "categorical_hinge"),
        ),
        **{
            (head, loss): (
                "K linear units with the loss taken from the logits are the softmax head",
                ("softmax", loss.removeprefix("sparse_")),
            )
            for head in ("linear_k", "margin")
            for loss in (*_ENTROPIES, "focal", "brier")
        },
        **{
            (head, "bce"): (
                "K linear units that each answer for themselves are the one_vs_rest head",
                ("one_vs_rest", "bce"),
            )
            for head in ("linear_k", "margin")
        },
    },
    refused=_each(
        (
            (_CLASS_HEADS, ("accuracy",), _ACCURACY),
            (
                ("softmax_1",),
                _CLASS_LOSSES,
                "softmax over one unit is the constant 1: the network cannot answer anything else",
            ),
            (
                ("sigmoid",),
                _CLASS_LOSSES,
                "one unit answers one question, and of K classes it can at most tell one from the rest",
            ),
            (
                ("linear",),
                _CLASS_LOSSES,
                "one linear unit predicts the number of a class, as if classes had an order and distances",
            ),
            (
                ("softmax",),
                ("bce",),
                "binary cross-entropy over one-hot softmax columns trains K independent sigmoids on "
                "TensorFlow, and predict() speaks of another model",
            ),
            (
                ("one_vs_rest", "sigmoid_k"),
                _ENTROPIES,
                "categorical cross-entropy on K sigmoid columns trains a softmax of their logits on "
                "TensorFlow, and predict() serves rows that do not sum to one",
            ),
            (
                ("one_vs_rest", "sigmoid_k"),
                ("brier", "mse"),
                "squared error of K sigmoids is dominated by the K - 1 classes that each row is not",
            ),
            (
                ("softmax", "one_vs_rest", "sigmoid_k"),
                ("categorical_hinge", *_HINGES),
                "hinge asks for margins that lead by 1, which outputs held within (0, 1) only reach at the "
                "ends, where their gradient dies",
            ),
            (
                ("margin", "linear_k"),
                _HINGES,
                "hinge on K columns trains K margins apart, which nothing makes comparable",
            ),
            (
                ("margin", "linear_k"),
                ("mse",),
                "squared error of K linear units is a regression of 0 and 1: the outputs are neither logits "
                "nor probabilities",
            ),
        )
    ),
    nearest={
        "bce": ("one_vs_rest", "bce"),
        **dict.fromkeys((*_ENTROPIES, "accuracy"), ("softmax", "cce")),
        "focal": ("softmax", "focal"),
        **dict.fromkeys(("brier", "mse"), ("softmax", "brier")),
        **dict.fromkeys(("categorical_hinge", *_HINGES), ("margin", "categorical_hinge")),
    },
    nearer={("softmax", "bce"): ("softmax", "cce")},
)
"""Pairs for K exclusive classes."""

_LABEL_HEADS: Mapping[str, str] = MappingProxyType(
    {
        "sigmoids": "Dense(K, sigmoid)",
        "sigmoid_k": "Dense(K, sigmoid)",
        "linear_k": "Dense(K)",
        "softmax": "Dense(K, softmax)",
        "sigmoid": "Dense(1, sigmoid)",
    }
)
_LABEL_LOSSES = (
    *("bce", "focal", "asymmetric", "cce", "sparse_cce", "brier", "mse"),
    *("categorical_hinge", "hinge", "squared_hinge", "accuracy"),
)
_LABEL_PAIRS = ("bce", "focal", "asymmetric")
LABELS = PairTable(
    task="labels",
    heads=_LABEL_HEADS,
    losses=_LABEL_LOSSES,
    spellings=_SPELLINGS,
    same={
        (name, loss): (f"K {units} are the sigmoids head", ("sigmoids", loss))
        for name, units in (
            ("linear_k", "linear units with the loss taken from each logit"),
            ("sigmoid_k", "columns that each answer for themselves"),
        )
        for loss in _LABEL_PAIRS
    },
    refused=_each(
        (
            (_LABEL_HEADS, ("accuracy",), _ACCURACY),
            (
                ("softmax",),
                _LABEL_LOSSES,
                "softmax columns share one probability, so that a row with two labels can be sure of "
                "neither, and a row with none has nowhere to go",
            ),
            (
                ("sigmoid",),
                _LABEL_LOSSES,
                "one unit answers for one label, and there are K of them",
            ),
            (
                _LABEL_HEADS,
                ("cce",),
                "categorical cross-entropy takes the columns for exclusive classes: rows with several labels "
                "have a floor that no training gets below, and rows with none a loss of 0",
            ),
            (
                _LABEL_HEADS,
                ("sparse_cce",),
                "an integer names one class, and a row has none or several labels",
            ),
            (
                _LABEL_HEADS,
                ("brier", "mse"),
                "squared error of K sigmoids hardly notices the rare labels, and its gradient dies where the "
                "network is surely wrong",
            ),
            (
                _LABEL_HEADS,
                ("categorical_hinge", *_HINGES),
                "hinge trains margins, which outputs held within (0, 1) never reach, and which say nothing "
                "of how likely a label is",
            ),
        )
    ),
    nearest=dict.fromkeys(_LABEL_LOSSES, ("sigmoids", "bce")) | {n: ("sigmoids", n) for n in _LABEL_PAIRS},
    nearer={},
)
"""Pairs for K independent labels."""

_NUMBER_HEADS: Mapping[str, str] = MappingProxyType(
    {
        "linear": "Dense(1)",
        "relu": "Dense(1, relu)",
        "sigmoid": "Dense(1, sigmoid)",
        "tanh": "Dense(1, tanh)",
        "softmax_1": "Dense(1, softmax)",
    }
)
_NUMBER_LOSSES = ("mse", "mae", "huber", "bce", "cce", "sparse_cce", "hinge", "squared_hinge", "accuracy")
_NUMBER_PAIRS = ("mse", "mae", "huber")
NUMBER = PairTable(
    task="number",
    heads=_NUMBER_HEADS,
    losses=_NUMBER_LOSSES,
    spellings=_SPELLINGS,
    same={},
    refused=_each(
        (
            (
                _NUMBER_HEADS,
                ("accuracy",),
                "accuracy counts the predictions that equal the target exactly, which a real number never "
                "does",
            ),
            (
                _NUMBER_HEADS,
                ("bce", *_ENTROPIES),
                "cross-entropy compares probabilities, and a number is none",
            ),
            (_NUMBER_HEADS, _HINGES, "hinge compares the sides of a margin, and a number has none"),
            (
                ("softmax_1",),
                _NUMBER_PAIRS,
                "softmax over one unit is the constant 1: the network cannot answer anything else",
            ),
            (
                ("sigmoid", "tanh"),
                _NUMBER_PAIRS,
                "the output is held within an interval that the targets do not keep to",
            ),
            (
                ("relu",),
                _NUMBER_PAIRS,
                "relu gives no number below 0, and where it gives 0 it has no gradient to leave it",
            ),
        )
    ),
    nearest=dict.fromkeys(_NUMBER_LOSSES, ("linear", "mse")) | {n: ("linear", n) for n in _NUMBER_PAIRS},
    nearer={},
)
"""Pairs for a number."""
