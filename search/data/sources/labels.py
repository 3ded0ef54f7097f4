"""Encodes labels: of two values as 0 and 1, of more by the task they ask, keeping the original values."""

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from search.data.rows import AnyLabels, Labels
from search.data.task_labels import Classes, LabelNames, Quantity
from spaces.base import Label
from spaces.errors import RunError, first_of
from spaces.tasks import Asked, TaskName

MOST_CLASSES = 50
"""Whole numbers of more values than this may be a number to predict: the study has to say."""
MOST_CODES = 10_000
"""Of classes that a study names."""

POSITIVE = "data.positive"
"""What names the positive label in a study."""
LARGEST = 1e37
"""Of a number to predict: a part of float32's range, so that predictions that are far off are finite."""
SHOWN = 6
"""Label values that a message lists before it says `and N more`."""


def binarize(
    values: Sequence[object] | NDArray[Any],
    positive: Label | None,
    where: str,
    setting: str = POSITIVE,
) -> tuple[NDArray[np.int8], Labels]:
    """Encodes two label values as 0 and 1.

    Numbers compare by value, so `positive: true`, `1` and `1.0` all name the label 1; text equals text alone.
    Without `positive`, labels 0/1 and false/true (again by value) take 1 and true.

    Args:
        values: one label per row, `(n,)` or `(n, 1)`: booleans, whole numbers, numbers or text.
        positive: the value of the positive class, `data.positive` of the study.
        where: what to call the labels in messages, e.g. `labels.npz: y`.
        setting: what names the positive value: a study's, or an option such as `--positive`.

    Returns:
        `y`, `(n,)` int8 with 1 for positive, and the two original values.

    Raises:
        RunError: not two classes, missing values, or `positive` is absent or not among the labels.
    """
    return _two_values(*_classes(values, where), positive, where, setting)


def encoded(
    values: Sequence[object] | NDArray[Any],
    task: Asked,
    positive: Label | None,
    where: str,
    setting: str = POSITIVE,
) -> tuple[NDArray[Any], AnyLabels]:
    """Encodes labels by the task that a study says, or that they say themselves.

    Two values are a binary task, more values one of classes, columns of 0 and 1 one of labels, and real
    numbers one of a number. Whole numbers of very many values may be classes or a number: the study has to
    say which.

    Args:
        values: one label per row, `(n,)` or `(n, 1)`, or columns `(n, K)`.
        task: what a study says, `data.task`.
        positive: the value of the positive class, `data.positive`; given, the task is binary.
        where: what to call the labels in messages, e.g. `labels.npz: y`.
        setting: what names the positive value, see `binarize`.

    Returns:
        `y` as `search.data.rows.Rows` has it, and what it stands for.

    Raises:
        RunError: the labels are not of the task, or do not say which one is meant.
    """
    if isinstance(values, np.ndarray) and values.ndim == 2 and values.shape[1] > 1:
        if task in ("binary", "number") or positive is not None:
            _classes(values, where)  # which refuses them
        columns = _columns(values, where)
        return _OF_COLUMNS[task](columns, where)
    classes, codes = _classes(values, where)
    name = _told(classes, where) if task == "auto" and positive is None else task
    return _OF_VALUES[name](classes, codes, positive, where, setting)


def _two_values(
    classes: list[Label],
    codes: NDArray[np.int64],
    positive: Label | None,
    where: str,
    setting: str,
) -> tuple[NDArray[np.int8], Labels]:
    if len(classes) > 2:
        raise RunError(
            f"a binary task has two label values; found {len(classes)} classes: {_listed(classes)}; "
            f"choose two or merge them ({where})"
        )
    if len(classes) < 2:
        raise RunError(
            f"labels must have two classes, but all {len(codes)} rows have {_shown(classes[0])} ({where})"
        )
    if positive is None:
        at = _default_positive(classes, where, setting)
    else:
        at = _position(positive, classes, where, setting)
    return (codes == at).astype(np.int8), Labels(negative=classes[1 - at], positive=classes[at])


def _told(classes: list[Label], where: str) -> TaskName:
    """What labels of one value a row ask."""
    if len(classes) <= 2:
        return "binary"
    if isinstance(classes[0], str):
        return "classes"
    if any(value != int(value) for value in classes):
        return "number"
    if len(classes) > MOST_CLASSES:
        raise RunError(
            f"labels of {len(classes)} whole numbers may be classes or a number to predict; say which: "
            f"data.task: classes, or data.task: number ({where})"
        )
    return "classes"


def _many_values(
    classes: list[Label], codes: NDArray[np.int64], positive: Label | None, where: str, setting: str
) -> tuple[NDArray[np.int16], Classes]:
    if not 2 <= len(classes) <= MOST_CODES:
        raise RunError(
            f"a task of classes has 2 to {MOST_CODES} values, but the labels have {len(classes)}; for real "
            f"numbers write data.task: number ({where})"
        )
    _refuse_blanks_alone(classes, where)
    return codes.astype(np.int16), Classes(tuple(classes))


def _refuse_blanks_alone(classes: list[Label], where: str) -> None:
    """Refuses classes that are one to a reader: a stray blank would be a class of its own."""
    seen: dict[str, Label] = {}
    for one in classes:
        other = seen.setdefault(" ".join(str(one).split()), one)
        if other is not one:
            raise RunError(
                f"classes must differ in more than blanks, but got {_shown(other)} and {_shown(one)}; "
                f"give them one spelling ({where})"
            )


def _numbers(
    classes: list[Label], codes: NDArray[np.int64], positive: Label | None, where: str, setting: str
) -> tuple[NDArray[np.float64], Quantity]:
    if isinstance(classes[0], str | bool):
        raise RunError(
            f"a task of a number needs numbers, but the labels are {_listed(classes)}; "
            f"leave data.task out, or write classes ({where})"
        )
    targets = np.array(classes, np.float64)[codes]
    if (beyond := int(np.count_nonzero(np.abs(targets) > LARGEST))) > 0:
        raise RunError(
            f"numbers to predict must lie within {LARGEST:g} either way, since predictions are float32, but "
            f"{beyond} of {len(targets)} do not; rescale them ({where})"
        )
    return targets, Quantity(where.rpartition(": ")[2])


def _no_columns(
    classes: list[Label], codes: NDArray[np.int64], positive: Label | None, where: str, setting: str
) -> tuple[NDArray[Any], AnyLabels]:
    raise RunError(
        "a task of labels needs a column of 0 and 1 for each, (n, K), but every row has one value: "
        f"{_listed(classes)}; for exclusive classes write data.task: classes ({where})"
    )


_OF_VALUES: Mapping[Asked, Callable[..., tuple[NDArray[Any], AnyLabels]]] = {
    "auto": _two_values,  # where a positive value is named
    "binary": _two_values,
    "classes": _many_values,
    "labels": _no_columns,
    "number": _numbers,
}


def _columns(values: NDArray[Any], where: str) -> NDArray[np.int8]:
    """Columns of 0 and 1, or of false and true."""
    if values.dtype.kind not in "biuf" or not np.isin(values, (0, 1)).all():
        raise RunError(
            f"labels in columns must be 0 and 1, or false and true, but {values.shape[1]} columns of "
            f"{values.dtype} hold other values ({where})"
        )
    return values.astype(np.int8)


def _one_hot(columns: NDArray[np.int8], where: str) -> tuple[NDArray[np.int16], Classes]:
    several = int(np.count_nonzero(columns.sum(axis=1) != 1))
    if several:
        raise RunError(
            f"classes are exclusive, one 1 in every row, but {several} of {len(columns)} rows have none or "
            f"several: they are labels; write data.task: labels, or leave it out ({where})"
        )
    return columns.argmax(axis=1).astype(np.int16), Classes(tuple(range(columns.shape[1])))


def _independent(columns: NDArray[np.int8], where: str) -> tuple[NDArray[np.int8], LabelNames]:
    return columns, LabelNames(tuple(map(str, range(columns.shape[1]))))


def _as_they_tell(columns: NDArray[np.int8], where: str) -> tuple[NDArray[Any], AnyLabels]:
    if (columns.sum(axis=1) == 1).all():
        raise RunError(
            f"every row of {columns.shape[1]} columns has one 1, as one-hot columns of classes have; "
            f"say what they are: data.task: classes, or data.task: labels ({where})"
        )
    return _independent(columns, where)


_OF_COLUMNS: Mapping[Asked, Callable[[NDArray[np.int8], str], tuple[NDArray[Any], AnyLabels]]] = {
    "auto": _as_they_tell,
    "classes": _one_hot,
    "labels": _independent,
}


def _classes(values: Sequence[object] | NDArray[Any], where: str) -> tuple[list[Label], NDArray[np.int64]]:
    """The distinct labels, sorted, as plain Python values, and each row's place among them."""
    if isinstance(values, np.ndarray):
        if values.ndim == 2 and values.shape[1] == 1:
            values = values[:, 0]
        if values.ndim != 1:
            hint = "; for one-hot columns save y.argmax(axis=1)" if values.ndim == 2 else ""
            raise RunError(
                f"labels must be one value per row, (n,), but got shape {values.shape}{hint} ({where})"
            )
        if values.dtype.kind == "O":
            values = values.tolist()
    if len(values) == 0:
        raise RunError(f"labels must hold at least one row, but got none ({where})")
    if isinstance(values, np.ndarray):
        return _array_classes(values, where)
    return _list_classes(values, where)


def _array_classes(values: NDArray[Any], where: str) -> tuple[list[Label], NDArray[np.int64]]:
    if values.dtype.kind not in "biufU":
        raise RunError(f"{_TYPES}, but got {_type_name(values.dtype.type)}{_fix(values[0])} ({where})")
    if values.dtype.kind == "f":
        _refuse_missing(int(np.count_nonzero(~np.isfinite(values))), len(values), where)
    distinct, codes = np.unique(values, return_inverse=True)
    return [_plain(value) for value in distinct], codes.astype(np.int64)


def _list_classes(values: Sequence[object], where: str) -> tuple[list[Label], NDArray[np.int64]]:
    _refuse_missing(sum(map(_is_missing, values)), len(values), where)
    for value in values:
        if not isinstance(value, bool | int | float | str | np.bool_ | np.integer | np.floating):
            raise RunError(f"{_TYPES}, but got {_type_name(type(value))}{_fix(value)} ({where})")
    plain = [_plain(value) for value in values]
    if len({isinstance(value, str) for value in plain}) > 1:
        text = sum(isinstance(value, str) for value in plain)
        raise RunError(
            f"labels must be all text or all numbers, "
            f"but got {text} of text and {len(plain) - text} numbers ({where})"
        )
    distinct: list[Any] = sorted(set(plain))
    places = {value: place for place, value in enumerate(distinct)}
    return distinct, np.array([places[value] for value in plain], dtype=np.int64)


_TYPES = "labels must be booleans, numbers or text"


def _type_name(kind: type) -> str:
    return "bytes" if issubclass(kind, bytes) else kind.__name__


def _fix(value: object) -> str:
    return "; save them as text, with .astype(str)" if isinstance(value, bytes) else ""


def _plain(value: Any) -> Label:
    """A numpy scalar as the Python value that prints alike: float32 0.1 becomes 0.1, not 0.10000000149."""
    if isinstance(value, np.floating):
        return float(str(value))
    plain: Label = value.item() if isinstance(value, np.generic) else value
    return plain


def _is_missing(value: object) -> bool:
    return value is None or (isinstance(value, float | np.floating) and not math.isfinite(value))


def _refuse_missing(missing: int, n: int, where: str) -> None:
    if missing:
        raise RunError(
            f"every row needs a label, but {missing} of {n} are missing (None, NaN or infinite); "
            f"drop those rows ({where})"
        )


def _default_positive(classes: list[Label], where: str, setting: str) -> int:
    if classes == [0, 1]:
        return 1
    raise RunError(
        f"{setting} is required unless labels are 0/1 or false/true, "
        f"but the labels are {_listed(classes)}; "
        f"name the positive one, e.g. {_written(classes[1], setting)} ({where})"
    )


def _position(positive: Label, classes: list[Label], where: str, setting: str) -> int:
    if positive in classes:
        return classes.index(positive)
    raise RunError(
        f"{setting} must be one of the labels {_listed(classes)}, but got {_shown(positive)}"
        f"{_positive_hint(positive, classes, setting)} ({where})"
    )


def _written(value: Label, setting: str) -> str:
    """How a label is given: as YAML in a study, or after an option."""
    return f"{setting} {value}" if setting.startswith("--") else f"positive: {_shown(value)}"


def _positive_hint(positive: Label, classes: list[Label], setting: str) -> str:
    """The likely slip: quotes too many, quotes too few, or YAML's booleans."""
    text_labels = isinstance(classes[0], str)
    if setting.startswith("--") and isinstance(positive, str) != text_labels:
        return f"; e.g. {_written(classes[1], setting)}"
    if isinstance(positive, str) and not text_labels:
        return f"; the labels are numbers: write it without quotes, e.g. positive: {_shown(classes[1])}"
    if isinstance(positive, bool) and text_labels:
        return (
            "; YAML reads yes, no, on, off, true and false without quotes as booleans: "
            f"quote it, e.g. positive: {_shown(classes[1])}"
        )
    if text_labels and not isinstance(positive, str):
        return f"; the labels are text: quote it, e.g. positive: {_shown(classes[1])}"
    if isinstance(positive, str):
        near = [label for label in classes if str(label).strip().casefold() == positive.strip().casefold()]
        return f"; {_shown(near[0])} differs in spaces or capitals alone" if near else ""
    return ""


def _shown(value: Label) -> str:
    """A label as YAML would take it: text in double quotes, booleans in small letters."""
    if isinstance(value, str):
        return f'"{value}"'
    return str(value).lower() if isinstance(value, bool) else repr(value)


def _listed(classes: list[Label]) -> str:
    return first_of(map(_shown, classes), SHOWN)
