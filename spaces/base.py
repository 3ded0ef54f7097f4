"""The base class of all parts of a study."""

from collections.abc import Sequence
from typing import Any

from pydantic import BaseModel, ConfigDict

Label = bool | int | float | str
"""One label value, as the user's data have it."""

FUNCTION = r"[A-Za-z_][\w.]*:[A-Za-z_]\w*"
"""`package.module:function`, code of the user's own."""


class SettingError(ValueError):
    """A setting inside a part breaks a rule that only the whole study can know.

    Args:
        setting: its name in the part.
        message: the rule, and what came.
    """

    def __init__(self, setting: str, message: str) -> None:
        super().__init__(message)
        self.setting = setting


class Frozen(BaseModel):
    """A frozen model that refuses keys it does not know."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=False, allow_inf_nan=False)


def place_of(label: Label, classes: Sequence[Label]) -> int | None:
    """Returns the place of a label among classes, None where it is none.

    Numbers are equal whatever their type, as 1, 1.0 and true are; 1 is not the text 1.
    """
    return next((k for k, one in enumerate(classes) if one == label), None)


def as_tuple(value: Any) -> Any:
    """Lets one value stand for a list of one."""
    return value if isinstance(value, list | tuple) else (value,)
