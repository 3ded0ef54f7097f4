"""Labels of any two values become 0 and 1, and everything else is refused with the reason."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from search.data.rows import Labels
from search.data.sources.labels import binarize
from spaces.errors import RunError

ACCEPTED = [
    ([0, 1, 1], None, [0, 1, 1], Labels(0, 1)),
    ([False, True], None, [0, 1], Labels(False, True)),
    (np.array([1.0, 0.0]), None, [1, 0], Labels(0.0, 1.0)),
    (np.array([[0], [1]], dtype=np.uint8), None, [0, 1], Labels(0, 1)),
    ([0, 1], 0, [1, 0], Labels(1, 0)),
    ([0, 1], True, [0, 1], Labels(0, 1)),
    ([0, 1], 1.0, [0, 1], Labels(0, 1)),
    (np.array([True, False]), 1, [1, 0], Labels(False, True)),
    (np.array([-1, 1]), 1, [0, 1], Labels(-1, 1)),
    (["women", "men", "women"], "women", [1, 0, 1], Labels("men", "women")),
    (np.array(["no", "yes"]), "no", [1, 0], Labels("yes", "no")),
    (np.array(["no", "yes"], dtype=object), "yes", [0, 1], Labels("no", "yes")),
    (np.array([0.1, 0.2], dtype=np.float32), 0.1, [1, 0], Labels(0.2, 0.1)),
    ([np.int64(2), np.int64(3)], 3, [0, 1], Labels(2, 3)),
]

REFUSED = [
    (
        [0, 1, 2],
        1,
        r"a binary task has two label values; found 3 classes: 0, 1, 2; choose two or merge them \(here\)",
    ),
    (list(range(100)), 1, r"found 100 classes: 0, 1, 2, 3, 4, 5 and 94 more"),
    (["a", "a"], "a", r'two classes, but all 2 rows have "a"'),
    ([], None, "at least one row"),
    ([0, None, 1], None, "1 of 3 are missing"),
    (np.array([0.0, np.nan, np.nan]), None, "2 of 3 are missing"),
    ([0.0, float("nan"), 1.0], None, "1 of 3 are missing"),
    (np.array([-1, 1]), None, r"data.positive is required .* but the labels are -1, 1; .* positive: 1"),
    (["no", "yes"], None, r'data.positive is required .* positive: "yes"'),
    (["0", "1"], None, "data.positive is required"),
    ([0, 1], "1", r'must be one of the labels 0, 1, but got "1"; the labels are numbers: .* positive: 1'),
    (["0", "1"], 1, r'but got 1; the labels are text: quote it, e.g. positive: "1"'),
    (["no", "yes"], True, r"but got true; YAML reads yes, no"),
    (["men", "women"], "Women", r'"women" differs in spaces or capitals alone'),
    ([0, 1], 2, r"must be one of the labels 0, 1, but got 2 \(here\)"),
    ([b"a", b"b"], "a", r"but got bytes; save them as text"),
    (np.array([b"a", b"b"]), "a", r"but got bytes; save them as text"),
    (np.array([1j, 2j]), 1, "booleans, numbers or text, but got complex128"),
    ([["a"], ["b"]], "a", "but got list"),
    (["1", 1, 0], 1, "all text or all numbers, but got 1 of text and 2 numbers"),
    (np.eye(2), 1, r"one value per row, \(n,\), but got shape \(2, 2\); for one-hot columns"),
]


@pytest.mark.parametrize(("values", "positive", "y", "labels"), ACCEPTED)
def test_two_values_become_0_and_1(values, positive, y, labels):
    encoded, kept = binarize(values, positive, "here")
    assert encoded.dtype == np.int8
    assert encoded.tolist() == y
    assert kept == labels
    assert (type(kept.negative), type(kept.positive)) == (type(labels.negative), type(labels.positive))


@pytest.mark.parametrize(("values", "positive", "message"), REFUSED)
def test_refusals_state_the_rule_and_what_came(values, positive, message):
    with pytest.raises(RunError, match=message) as caught:
        binarize(values, positive, "here")
    assert "\n" not in str(caught.value)
    assert caught.value.exit_code == 2


numbers = st.integers(-(2**40), 2**40) | st.floats(-1e6, 1e6, width=32)


@settings(deadline=None)
@given(
    pair=st.lists(st.text(max_size=5), min_size=2, max_size=2, unique=True)
    | st.lists(numbers, min_size=2, max_size=2, unique=True),
    picks=st.lists(st.booleans(), min_size=2, max_size=30),
    positive=st.booleans(),
)
def test_decoding_gives_the_labels_back(pair, picks, positive):
    values = [pair[0], pair[1], *(pair[pick] for pick in picks)]
    y, labels = binarize(values, pair[positive], "here")
    assert [labels.positive if one else labels.negative for one in y] == values
    assert labels.positive == pair[positive]
