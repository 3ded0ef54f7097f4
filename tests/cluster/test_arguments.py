"""Options: what they stand for, and how messages name them."""

import pytest

from cluster.arguments import as_typed, label_value
from cluster.commands.judge import OPTIONS


@pytest.mark.parametrize(
    ("text", "value"),
    [("1", 1), ("1.5", 1.5), ("true", True), ("yes", "yes"), ("seizure", "seizure"), ("a: b", "a: b"),
     ("[a, b]", "[a, b]"), ("{", "{"), ("", ""), ("null", "null"), ("'1'", "1")],
)  # fmt: skip
def test_a_label_is_what_a_study_would_hold(text, value):
    found = label_value(text)
    assert (found, type(found)) == (value, type(value))


@pytest.mark.parametrize(
    ("message", "typed"),
    [
        ("data.positive is required", "--positive is required"),
        ("(judge: data.window_s)", "(judge: --window-s)"),
        ("correct the groups (data.group), so that", "correct the groups (--group), so that"),
        ("write data.exact_names: true where", "write --set data.exact_names=true where"),
        ("state --set data.step_s, the seconds", "state --set data.step_s, the seconds"),
        ("data.seizures needs data.recording", "--set data.seizures needs --recording"),
        (
            "data.csv and data.x.npz and /home/data.group stay",
            "data.csv and data.x.npz and /home/data.group stay",
        ),
        ("data.path must exist", "--data must exist"),
        ("data.x_train", "data.x_train"),
    ],
)
def test_messages_name_what_was_typed(message, typed):
    assert as_typed(message, OPTIONS) == typed
