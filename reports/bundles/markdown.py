"""Text of data, studies and errors in the Markdown of cards, where nothing of it is markup."""

import re
from typing import Any

_MARKS = re.compile(r"[\\`*\[\]<|#~&]|(?<![^\W_])_|_(?![^\W_])")
"""What Markdown reads as markup. An underscore between letters or digits is none."""


def escaped(value: Any) -> Any:
    """Returns a value whose every text Markdown shows as it is: on one line, without markup."""
    if isinstance(value, str):
        return _MARKS.sub(r"\\\g<0>", " ".join(value.split()))
    if isinstance(value, dict):
        return {key: escaped(one) for key, one in value.items()}
    return [escaped(one) for one in value] if isinstance(value, list | tuple) else value
