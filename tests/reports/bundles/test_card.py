"""The card shows names and errors as they are: nothing in them is Markdown or HTML."""

import re

import pytest

from reports.bundles import card


@pytest.mark.parametrize(
    ("name", "written"),
    [
        ("a|b", r"a\|b"),
        ("[x](http://y)", r"\[x\](http://y)"),
        ("<b>&amp;", r"\<b>\&amp;"),
        ("*a* `b` ~~c~~ # d", r"\*a\* \`b\` \~\~c\~\~ \# d"),
        ("_a_ max_f1 b_", r"\_a\_ max_f1 b\_"),
        ("two\nlines\r\n| x", r"two lines \| x"),
        ("back\\slash", r"back\\slash"),
    ],
)
def test_texts_are_written_as_markdown_shows_them(name, written):
    assert card._escaped({"a": [name, 1, None], "b": {"c": (name,)}}) == {
        "a": [written, 1, None],
        "b": {"c": [written]},
    }
    assert re.sub(r"\\([^\w\s]|_)", r"\1", written) == " ".join(name.split())
