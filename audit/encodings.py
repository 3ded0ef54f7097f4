"""Labels as columns: one-hot and the like."""

from collections.abc import Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import Any

from audit.arrays import as_array
from audit.call import Call, Handler
from audit.labels import counted, one_hot
from audit.model_facts import LabelFacts
from audit.values import NONE, UNKNOWN, Array, whole


def eye(call: Call) -> Any:
    """`np.eye(K)`: its rows are one-hot labels."""
    count = whole(call.get(0, "N"))
    facts = LabelFacts(encoding="one_hot", classes=count, columns=count, rank=2, low=0, high=1, seen="np.eye")
    return Array(labels=facts)


def encoded(call: Call) -> Any:
    """`to_categorical`, `tf.one_hot` and `pd.get_dummies`."""
    source = as_array(call, call.get(0, "y", "x", "indices", "data"))
    given = call.get(1, "num_classes", "nb_classes", "depth") if call.name != "get_dummies" else None
    if call.name == "get_dummies" and call.get(None, "drop_first") is not None:
        return replace(source, labels=LabelFacts())
    columns = None if given is None or given == NONE else whole(given)
    facts = one_hot(source.labels, columns, call.place, call.name)
    if given is not None and given != NONE and columns is None:
        facts = replace(facts, classes=None, columns=None)
    return replace(source, labels=facts)


def binarized(call: Call) -> Any:
    """`label_binarize` of scikit-learn."""
    source = as_array(call, call.get(0, "y"))
    count = counted(call.get(None, "classes"))
    if count is None or count < 3:
        return replace(source, labels=LabelFacts(rank=2, place=call.place))
    if source.labels.encoding != "integers":
        return replace(source, labels=LabelFacts(rank=2, columns=count, classes=count, place=call.place))
    return replace(source, labels=one_hot(source.labels, count, call.place, call.name))


def of_texts(call: Call) -> Any:
    """Methods of `Series.str`: words that are columns, and whether a word is held."""
    array = call.owner.owner
    if not isinstance(array, Array):
        return UNKNOWN
    if call.name == "get_dummies":
        facts = LabelFacts(encoding="multi_hot", rank=2, low=0, high=1, place=call.place, seen="get_dummies")
        return Array(roots=array.roots, part=array.part, many=array.many, labels=facts)
    if call.name == "contains":
        facts = LabelFacts(encoding="integers", classes=2, rank=1, low=0, high=1, place=call.place)
        return Array(facts, array.roots, array.part, array.many, statistic="telling")
    return UNKNOWN


ENCODINGS: Mapping[str, Handler] = MappingProxyType(
    {
        **dict.fromkeys(
            (
                *("tensorflow.one_hot", "keras.ops.one_hot", "keras.backend.one_hot"),
                *("keras.utils.to_categorical", "pandas.get_dummies"),
            ),
            encoded,
        ),
        "sklearn.label_binarize": binarized,
        **dict.fromkeys(("numpy.eye", "numpy.identity"), eye),
    }
)
"""Functions that encode labels, by their canonical names."""
