"""What is known of labels, by how they are written and computed."""

import ast
from dataclasses import replace
from typing import Any

from audit.model_facts import Encoding, LabelFacts, Place
from audit.values import UNKNOWN, Array, Items, Known, Rows, known

PIXELS = "the pixels of images"
"""How labels are seen that are images as they were read, from 0 to 255."""
CUT = "cv2.threshold"
"""How pixels are seen that are 0 or one value."""
TABLE = "a table"
"""How labels are seen that are a whole table: a column of it has one axis."""


def of_literal(values: Any, place: Place) -> LabelFacts:
    """Returns what is known of labels that are written out, as (nested) lists."""
    if not isinstance(values, list | tuple | set) or not values:
        return LabelFacts(place=place)
    rows = list(values)
    if all(isinstance(row, str) for row in rows):
        return LabelFacts(encoding="text", classes=len(set(rows)), rank=1, place=place, seen="a list")
    if all(isinstance(row, int | float) for row in rows):
        return replace(_of_numbers(rows, place), rank=1)
    if all(isinstance(row, list | tuple) for row in rows):
        return _of_rows([list(row) for row in rows], place)
    return LabelFacts(place=place)


def _of_numbers(numbers: list[float], place: Place) -> LabelFacts:
    low, high, different = min(numbers), max(numbers), set(numbers)
    facts = LabelFacts(low=float(low), high=float(high), place=place, seen="a list")
    if different == {-1, 1}:
        return replace(facts, encoding="signed", classes=2)
    if different == {0, 1} and len(numbers) > 2:
        return replace(facts, encoding="integers", classes=2)
    if all(float(one).is_integer() for one in numbers):
        # Whole numbers may be counts, years or steps: those of classes start at 0, and come again.
        classes = low == 0 and high < 100 and len(numbers) > len(different)
        if classes and all(isinstance(one, int) for one in numbers):
            return replace(facts, encoding="integers", classes=int(high) + 1)
        return facts
    return replace(facts, encoding="real")


def _of_rows(rows: list[list[Any]], place: Place) -> LabelFacts:
    widths = {len(row) for row in rows}
    flat = [one for row in rows for one in row]
    if len(widths) != 1 or not flat or not all(isinstance(one, int | float) for one in flat):
        return LabelFacts(place=place)
    columns = widths.pop()
    if columns == 1:
        return replace(_of_numbers(flat, place), rank=2, columns=1)
    facts = LabelFacts(rank=2, columns=columns, low=float(min(flat)), high=float(max(flat)), place=place)
    if set(flat) <= {0, 1}:
        sums = {sum(row) for row in rows}
        one_hot = sums == {1} and len(rows) >= columns
        encoding: Encoding | None = "one_hot" if one_hot else None if sums == {1} else "multi_hot"
        return replace(facts, encoding=encoding, classes=columns, seen="a list of lists")
    whole = all(float(one).is_integer() for one in flat)
    return replace(facts, encoding=None if whole else "real", seen="a list of lists")


def plain(value: Any) -> Any:
    """Returns the Python value that known items are, or `UNKNOWN`."""
    if isinstance(value, Known):
        return value.value
    if isinstance(value, Items) and not value.open:
        inner = [plain(one) for one in value.values]
        return UNKNOWN if any(one is UNKNOWN for one in inner) else inner
    return UNKNOWN


def facts_of(value: Any, place: Place) -> LabelFacts:
    """Returns what is known of a value as labels."""
    if isinstance(value, Array):
        return LabelFacts() if value.served is not None else value.labels
    if isinstance(value, Rows):
        return facts_of(value.labels, place)
    if isinstance(value, Items):
        written = plain(value)
        return LabelFacts() if written is UNKNOWN else of_literal(written, place)
    return LabelFacts()


def shifted(facts: LabelFacts, operation: ast.operator, number: float, before: bool) -> LabelFacts:
    """Returns labels after arithmetic with a number.

    Args:
        before: whether the labels stand before the operator.
    """
    known_kind = facts.encoding in ("integers", "signed", "real") or facts.seen in (PIXELS, CUT)
    if facts.low is None or facts.high is None or not known_kind:
        return LabelFacts(rank=facts.rank, columns=facts.columns)
    if isinstance(operation, ast.Add):
        low, high = facts.low + number, facts.high + number
    elif isinstance(operation, ast.Sub):
        low, high = (
            (facts.low - number, facts.high - number) if before else (number - facts.low, number - facts.high)
        )
    elif isinstance(operation, ast.Mult):
        low, high = facts.low * number, facts.high * number
    elif isinstance(operation, ast.Div) and before and number:
        low, high = facts.low / number, facts.high / number
    else:
        return LabelFacts(rank=facts.rank, columns=facts.columns)
    low, high = min(low, high), max(low, high)
    encoding: Encoding | None = facts.encoding
    if encoding in ("integers", "signed"):
        encoding = "integers" if float(low).is_integer() and float(high).is_integer() else "real"
        if facts.classes == 2 and (low, high) == (-1, 1):
            encoding = "signed"
        elif facts.classes != 2 and (facts.classes is None or high - low != facts.classes - 1):
            encoding = None
    return replace(facts, encoding=encoding, low=low, high=high)


def one_hot(facts: LabelFacts, columns: int | None, place: Place, seen: str) -> LabelFacts:
    """Returns labels as columns with a single 1 in each row."""
    count = facts.classes if columns is None and facts.low in (0, None) else columns
    return LabelFacts(
        encoding="one_hot", classes=count, rank=2, columns=count, low=0, high=1, place=place, seen=seen
    )


def integers(classes: int | None, place: Place, seen: str, *, rank: int = 1) -> LabelFacts:
    """Returns labels that are class numbers from 0."""
    return LabelFacts(
        encoding="integers",
        classes=classes,
        rank=rank,
        columns=1 if rank == 2 else None,
        low=0,
        high=None if classes is None else classes - 1,
        place=place,
        seen=seen,
    )


def reals(place: Place, seen: str, *, low: float | None = None, high: float | None = None) -> LabelFacts:
    """Returns labels that are numbers to predict."""
    return LabelFacts(encoding="real", rank=1, low=low, high=high, place=place, seen=seen)


def counted(value: Any) -> int | None:
    """Returns how many there are of something, by a number or a list."""
    number = known(value)
    if isinstance(number, int) and not isinstance(number, bool):
        return number
    if isinstance(value, Items) and not value.open:
        return len(value.values)
    return None
