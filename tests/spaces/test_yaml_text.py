"""YAML is read by the core types of version 1.2; what is wrong is one line with its place."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cluster.cli import main
from spaces.study import Study
from spaces.study_file import parse, to_yaml
from spaces.yaml_text import YamlError, dump, load


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("yes", "yes"), ("on", "on"), ("No", "No"), ("true", True), ("FALSE", False),
        ("010", 10), ("0o10", 8), ("0x1F", 31), ("1:30", "1:30"), ("1_000", "1_000"),
        ("1e-4", 1e-4), (".5", 0.5), ("2026-01-31", "2026-01-31"), ("~", None), ("''", ""), ("", None),
    ],
)  # fmt: skip
def test_core_types(text, value):
    found = load(text)
    assert (found, type(found)) == (value, type(value))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a: 1\nb: 2\na: 3", "a key must stand once, but 'a' stands on line 1 and on line 3"),
        ("a: {b: 1, b: 2}", "a key must stand once, but 'b' stands on line 1 and on line 1"),
        ("[" * 100, "must nest at most 50 deep (line 1)"),
        ("\n" + "9" * 5000, "a whole number must have at most 400 digits, but got one of 5000 (line 2)"),
        ("!!int x", "!!int must stand before a whole number, but got 'x' (line 1)"),
        ("!!timestamp x", "a value cannot be read"),
        ("? [1]\n: 2", "a key must be one value, but got [1] (line 1)"),
        ("a: *b", "found undefined alias 'b'"),
        ("a: !!python/object:os.system x", "could not determine a constructor"),
        ("a: [1", "while parsing a flow sequence"),
    ],
)
def test_what_is_wrong_is_one_line(text, message):
    with pytest.raises(YamlError) as caught:
        load(text)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


plain = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**9), 10**9) | st.floats(allow_nan=False)
    | st.text(max_size=8)
    | st.sampled_from(["1e5", "0o17", "yes", "010", "1:30", "null", ".inf", "-", "2026-01-31", "="]),
    lambda inside: st.lists(inside, max_size=3) | st.dictionaries(st.text(max_size=4), inside, max_size=3),
    max_leaves=8,
)  # fmt: skip


@given(plain)
def test_what_is_written_reads_back(content):
    assert load(dump(content)) == content


def test_nan_reads_back():
    assert math.isnan(load(dump(math.nan)))


@pytest.mark.parametrize("name", ["1e5", "0o17", "yes", "010"])
def test_a_study_named_like_a_number_reads_back(name):
    study = Study(name=name)
    assert parse(load(to_yaml(study))) == study


def test_a_study_with_a_doubled_key_ends_with_a_line(tmp_path, capsys):
    (tmp_path / "twice.yaml").write_text("budget: {trials: 2}\nname: twice\nbudget: {trials: 9}\n")
    assert main(["describe", str(tmp_path / "twice.yaml")]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.endswith("does not parse: a key must stand once, but 'budget' stands on line 1 and on line 3")
