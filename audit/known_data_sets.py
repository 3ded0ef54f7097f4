"""Data sets that are known by name: what their labels are, and generators of more."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import Any

from audit.call import Call, flag
from audit.labels import TABLE, counted, facts_of, integers, reals
from audit.model_facts import LabelFacts
from audit.values import UNKNOWN, Array, Items, Rows, text, whole

_KERAS_CLASSES: Mapping[str, tuple[int, int]] = MappingProxyType(
    {
        "mnist": (10, 1),
        "fashion_mnist": (10, 1),
        "cifar10": (10, 2),
        "cifar100": (100, 2),
        "imdb": (2, 1),
        "reuters": (46, 1),
    }
)
"""Classes of the data sets of Keras, and the axes of their labels."""
_SKLEARN_CLASSES = MappingProxyType(
    {"load_iris": 3, "load_digits": 10, "load_breast_cancer": 2, "load_wine": 3}
)
_SKLEARN_NUMBERS: Mapping[str, tuple[float, float]] = MappingProxyType(
    {
        "load_boston": (5.0, 50.0),
        "load_diabetes": (25.0, 346.0),
        "fetch_california_housing": (0.15, 5.0),
    }
)


def _features(call: Call, part: str = "") -> Array:
    return Array(roots=frozenset({f"{call.name} {call.place.start} x {part}"}), part=part, many=True)


def _labels(call: Call, facts: LabelFacts, part: str = "") -> Array:
    return Array(
        labels=facts, roots=frozenset({f"{call.name} {call.place.start} y {part}"}), part=part, many=True
    )


def of_keras(call: Call) -> Any:
    """`load_data` of a data set of keras.datasets: a training and a test part."""
    name = call.dotted.split(".")[2]
    if name in _KERAS_CLASSES:
        classes, rank = _KERAS_CLASSES[name]
        if name == "cifar100" and text(call.get(0, "label_mode")) == "coarse":
            classes = 20
        facts = integers(classes, call.place, f"keras.datasets.{name}", rank=rank)
    elif name in ("boston_housing", "california_housing"):
        facts = reals(call.place, f"keras.datasets.{name}", low=5.0, high=50.0)
    else:
        return UNKNOWN
    return Items(
        tuple(Items((_features(call, part), _labels(call, facts, part))) for part in ("train", "test"))
    )


def of_sklearn(call: Call) -> Any:
    """`load_iris` and the like."""
    name = call.name
    if name in _SKLEARN_CLASSES:
        facts = integers(_SKLEARN_CLASSES[name], call.place, name)
    else:
        low, high = _SKLEARN_NUMBERS[name]
        facts = reals(call.place, name, low=low, high=high)
    pair = Items((_features(call), _labels(call, facts)))
    if flag(call.get(None, "return_X_y"), False) is True:
        return pair
    return Rows(labels=pair.values[1], features=pair.values[0])


def made(call: Call) -> Any:
    """`make_classification` and its neighbours."""
    if call.name == "make_regression":
        several = call.get(None, "n_targets")
        facts = reals(call.place, call.name, low=-200.0, high=200.0)
        if several is not None and whole(several) != 1:
            facts = LabelFacts(encoding="real", rank=None, place=call.place, seen=call.name)
    elif call.name == "make_multilabel_classification":
        count = call.get(None, "n_classes")
        columns = 5 if count is None else whole(count)
        facts = LabelFacts(
            encoding="multi_hot",
            classes=columns,
            columns=columns,
            rank=2,
            low=0,
            high=1,
            place=call.place,
            seen=call.name,
        )
    elif call.name == "make_hastie_10_2":
        facts = LabelFacts(
            encoding="signed", classes=2, rank=1, low=-1, high=1, place=call.place, seen=call.name
        )
    else:
        given = {
            "make_classification": (call.get(None, "n_classes"), 2),
            "make_blobs": (call.get(2, "centers"), 3),
            "make_gaussian_quantiles": (call.get(None, "n_classes"), 3),
        }.get(call.name, (None, 2))
        facts = integers(given[1] if given[0] is None else counted(given[0]), call.place, call.name)
    return Items((_features(call), _labels(call, facts)))


def random(call: Call) -> Any:
    """`np.random.randint` and its neighbours."""
    name = call.name
    shape: Any = None
    if name in ("randint", "integers", "random_integers"):
        low, high = call.get(0, "low"), call.get(1, "high")
        shape = call.get(2, "size")
        bounds = (0, whole(low)) if high is None else (whole(low), whole(high))
        facts = LabelFacts(place=call.place, seen=f"np.random.{name}")
        if bounds[0] is not None and bounds[1] is not None:
            facts = _drawn(bounds[0], bounds[1], facts)
    elif name in ("rand", "random", "random_sample", "uniform"):
        facts = reals(call.place, f"np.random.{name}", low=0, high=1)
        if name == "uniform":
            ends = (whole(call.get(0, "low")), whole(call.get(1, "high")))
            facts = reals(call.place, f"np.random.{name}", low=ends[0], high=ends[1])
            shape = call.get(2, "size")
        elif name == "rand":
            shape = Items(call.args)
        else:
            shape = call.get(0, "size")
    elif name in ("randn", "normal", "standard_normal"):
        facts = reals(call.place, f"np.random.{name}", low=-3, high=3)
        shape = Items(call.args) if name == "randn" else call.get(2 if name == "normal" else 0, "size")
    elif name == "choice":
        facts = facts_of(call.get(0, "a"), call.place)
        if whole(call.get(0, "a")) is not None:
            facts = integers(whole(call.get(0, "a")), call.place, "np.random.choice")
        shape = call.get(1, "size")
    else:
        return UNKNOWN
    return _labels(call, _shaped(facts, shape))


def _drawn(low: int, high: int, facts: LabelFacts) -> LabelFacts:
    if low == 0 and 2 <= high <= 1000:
        return replace(facts, encoding="integers", classes=high, low=0, high=high - 1)
    return replace(facts, low=low, high=high - 1)


def _shaped(facts: LabelFacts, shape: Any) -> LabelFacts:
    if isinstance(shape, Items) and not shape.open:
        rank = len(shape.values)
        columns = whole(shape.values[-1]) if rank == 2 else None
        if rank == 2 and columns != 1 and facts.encoding == "integers":
            if columns is not None and facts.classes == 2:
                return replace(facts, encoding="multi_hot", rank=2, columns=columns, classes=columns)
            return LabelFacts(rank=2, columns=columns, place=facts.place)
        if rank > 2:
            return LabelFacts(rank=rank, place=facts.place)
        single = rank == 1 and whole(shape.values[0]) == 1
        return replace(facts, rank=None if single else rank, columns=columns)
    if whole(shape) is not None or shape is UNKNOWN or isinstance(shape, Array):
        return replace(facts, rank=1 if (whole(shape) or 0) > 1 else None)
    return facts


_MODES: Mapping[str, LabelFacts] = MappingProxyType(
    {
        "int": LabelFacts(encoding="integers", rank=1, low=0, seen="label_mode 'int'"),
        "sparse": LabelFacts(encoding="integers", rank=1, low=0, seen="class_mode 'sparse'"),
        "binary": LabelFacts(encoding="integers", rank=1, low=0, high=1, classes=2, seen="mode 'binary'"),
        "categorical": LabelFacts(encoding="one_hot", rank=2, low=0, high=1, seen="mode 'categorical'"),
    }
)


def folder(call: Call) -> Any:
    """Images of a folder for each class: `image_dataset_from_directory` and `flow_from_directory`."""
    flow = call.name.startswith("flow")
    given = call.get(None, "class_mode") if flow else call.get(2, "label_mode")
    mode = text(given) if given is not None else "categorical" if flow else "int"
    facts = _MODES.get(mode or "")
    if facts is None:
        return Rows(features=_features(call))
    classes = counted(call.get(3 if flow else None, "classes", "class_names"))
    if classes is not None and mode != "binary":
        columns = classes if facts.encoding == "one_hot" else None
        facts = replace(facts, classes=classes, columns=columns)
    return Rows(labels=_labels(call, replace(facts, place=call.place)), features=_features(call))


def slices(call: Call) -> Any:
    """`tf.data.Dataset.from_tensor_slices` of features and labels."""
    pair = call.get(0, "tensors")
    if isinstance(pair, Items) and len(pair.values) == 2 and not pair.open:
        return Rows(labels=pair.values[1], features=pair.values[0])
    return Rows()


def flow(call: Call) -> Any:
    """`ImageDataGenerator.flow`."""
    return Rows(labels=call.get(1, "y", default=UNKNOWN), features=call.get(0, "x", default=UNKNOWN))


def read(call: Call) -> Any:
    """`np.load` and the like: rows of which nothing else is known."""
    return Array(roots=frozenset({f"{call.name} {call.place.start}"}), many=True)


def table(call: Call) -> Any:
    """`read_csv` and the like: rows in columns."""
    return replace(read(call), labels=LabelFacts(seen=TABLE))


SOURCES: Mapping[str, Callable[[Call], Any]] = MappingProxyType(
    {
        **{f"sklearn.{name}": of_sklearn for name in (*_SKLEARN_CLASSES, *_SKLEARN_NUMBERS)},
        **{
            f"sklearn.make_{name}": made
            for name in (
                *("classification", "multilabel_classification", "blobs", "moons", "circles", "regression"),
                *("gaussian_quantiles", "hastie_10_2"),
            )
        },
        **{
            f"numpy.random.{name}": random
            for name in (
                *("randint", "random_integers", "rand", "random", "random_sample", "uniform", "randn"),
                *("normal", "standard_normal", "choice", "integers"),
            )
        },
        **{f"pandas.{name}": table for name in ("read_csv", "read_excel", "read_parquet", "read_table")},
        **{f"numpy.{name}": table for name in ("loadtxt", "genfromtxt")},
        "numpy.load": read,
        "keras.preprocessing.image_dataset_from_directory": folder,
        "keras.preprocessing.text_dataset_from_directory": folder,
        "keras.utils.image_dataset_from_directory": folder,
        "keras.utils.text_dataset_from_directory": folder,
        "keras.utils.audio_dataset_from_directory": folder,
        "tensorflow.data.Dataset.from_tensor_slices": slices,
        **{
            f"keras.datasets.{name}.load_data": of_keras
            for name in (*_KERAS_CLASSES, "boston_housing", "california_housing")
        },
    }
)
"""Functions that give data, by their canonical names."""
