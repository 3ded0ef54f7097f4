"""Edits of a notebook's cells: the text they make is that of the cells, and every other byte stays."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from audit.finding import Edit
from audit.fixes import FixError, with_edits
from audit.notebook_edits import with_cells
from audit.notebooks import read

LINES = st.text(alphabet='ab "\\é\t%', max_size=6).map(lambda line: line + "\n")
SOURCES = st.one_of(st.lists(LINES, max_size=4), st.lists(LINES, max_size=4).map("".join))


def notebook(sources, **style) -> str:
    cells = [{"cell_type": "code", "metadata": {"cells": [1]}, "source": one} for one in sources]
    held = {"metadata": {"a": "é", "cells": []}, "cells": cells, "nbformat": 4, "x": 1.50e3}
    return json.dumps(held, **style)


@given(
    sources=st.lists(SOURCES, min_size=1, max_size=3),
    data=st.data(),
    style=st.sampled_from([{"indent": 1, "ensure_ascii": False}, {"indent": 4}, {}]),
)
def test_edits_of_a_cell_are_those_of_its_text(sources, data, style):
    raw = notebook(sources, **style)
    cells = read(raw).cells
    cell = data.draw(st.sampled_from(cells))
    at = data.draw(st.lists(st.integers(0, len(cell.text)), max_size=6, unique=True).map(sorted))
    edits = [
        (start, end, data.draw(st.text(alphabet="xé\n", max_size=3)))
        for start, end in zip(at[::2], at[1::2], strict=False)
    ]
    expected = cell.text
    for start, end, put in reversed(edits):
        expected = expected[:start] + put + expected[end:]
    if not sources[cell.number - 1]:
        return  # an empty list has no line to change
    changed = with_cells(raw, {cell: edits})
    held, before = json.loads(changed), json.loads(raw)
    assert "".join(held["cells"][cell.number - 1]["source"]) == expected
    held["cells"][cell.number - 1]["source"] = sources[cell.number - 1]
    assert held == before
    if not edits or expected == cell.text:
        assert changed == raw


def test_only_the_changed_line_is_written_anew():
    raw = (
        '{"cells" : [ {"cell_type":"code","source":["caf\\u00e9\\n" , "a = \\/1\\n","b\\/"]} ],\r\n "x": 1e3}'
    )
    [cell] = read(raw).cells
    changed = with_cells(raw, {cell: [(cell.text.index("1"), cell.text.index("1") + 1, "é2")]})
    assert changed == raw.replace('"a = \\/1\\n"', '"a = /\\u00e92\\n"')


def test_a_name_that_stands_twice_is_refused():
    raw = '{"cells": [], "cells": [{"cell_type": "code", "source": "a = 1"}]}'
    [cell] = read(raw).cells
    with pytest.raises(ValueError, match="cell 1 must be where it was read, but a name stands there twice"):
        with_cells(raw, {cell: [(0, 1, "b")]})


@pytest.mark.parametrize(
    ("start", "end", "said"),
    [
        ((3, 0), (3, 0), "an edit must lie within the file, but one is at line 3, column 0"),
        ((1, 0), (1, 9), "an edit must lie within the file, but one is at line 1, column 9"),
        ((0, 0), (1, 0), "an edit must lie within the file, but one is at line 0, column 0"),
        ((1, 2), (1, 1), "an edit must not end before it starts, but one of line 1 does"),
    ],
)
def test_an_edit_that_does_not_fit_is_refused(start, end, said):
    with pytest.raises(FixError, match=said):
        with_edits("a = 1\nb\n", [Edit(start=start, end=end, text="x")])


def test_lines_are_those_that_python_counts():
    text = "s = '\x0c\u2028'\r\nb = 1\rc\n"
    assert with_edits(text, [Edit(start=(2, 4), end=(2, 5), text="2")]) == text.replace("1", "2")
