"""The card shows names and errors as they are: nothing in them is Markdown or HTML."""

import re

import pytest

from reports.bundles import card, markdown
from reports.bundles.schema import Validation


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
    assert markdown.escaped({"a": [name, 1, None], "b": {"c": (name,)}}) == {
        "a": [written, 1, None],
        "b": {"c": [written]},
    }
    assert re.sub(r"\\([^\w\s]|_)", r"\1", written) == " ".join(name.split())


def test_the_mean_of_several_seeds_is_told_and_compared_with_the_baseline():
    alone = Validation(
        objective="f1",
        value=0.9,
        value_mean=0.9,
        best_baseline="prevalence",
        best_baseline_value=0.8,
        cross_fit_by="group",
        rows=9,
        in_sample={},
    )
    lucky = alone.model_copy(update={"value_mean": 0.7, "seeds": 3})
    assert card._mean(alone) == ""
    assert card._mean(lucky) == "; 0.700 is the mean of the 3 seeds of its configuration"
    assert card._baseline(alone) == " The best baseline there, prevalence, has 0.800."
    assert card._baseline(lucky) == " The best baseline there, prevalence, has 0.800: it is NOT beaten."
