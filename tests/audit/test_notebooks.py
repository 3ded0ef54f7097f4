"""A notebook is one program whose lines lead back to cells; commands are left out without moving a line."""

import ast
import json
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from audit.files import audit_file
from audit.magics import as_python, lines_of
from audit.notebooks import NotebookError, read

WRONG = "Dense(1, activation='softmax')"


def notebook(*sources, **metadata) -> str:
    cells = [{"cell_type": "code", "source": one, "outputs": [], "metadata": {}} for one in sources]
    return json.dumps({"cells": cells, "metadata": metadata, "nbformat": 4, "nbformat_minor": 5}, indent=1)


@pytest.mark.parametrize(
    ("cell", "python"),
    [
        ("x = 1\ny = x % 2\n", "x = 1\ny = x % 2\n"),
        ("%matplotlib inline\nx = 1", "pass\nx = 1"),
        ("!pip install keras \\\n  numpy\nx = 1", "pass\n\nx = 1"),
        ("if a:\n    !ls\n    %cd ..\n", "if a:\n    pass\n    pass\n"),
        ("files = !ls\nx = %sql select\n", "files = _command()\nx = _command()\n"),
        ("keras.layers?\n?keras\nkeras??\nx = 1\n", "pass\npass\npass\nx = 1\n"),
        ("%time f(x)\n", "0    ;f(x)\n"),
        ("    %timeit -n 10 f(x)\n!ls", "    0            ;f(x)\npass"),
        ("%time\n", "pass\n"),
        ("v = ('%d'\n % y)\n!ls\n", "v = ('%d'\n % y)\npass\n"),
        ("s = '''\n%s\n!ls'''\n!ls\n", "s = '''\n%s\n!ls'''\npass\n"),
        ("s = 'it''s' # it's (\n!ls\n", "s = 'it''s' # it's (\npass\n"),
        ("s = r'\\\\' \\\n  '%'\n!ls\n", "s = r'\\\\' \\\n  '%'\npass\n"),
        ("%%time\nx = 1\n!ls\n", "\nx = 1\npass\n"),
        ("# a note\n%%capture out\nx = 1\n", "# a note\n%%capture out\nx = 1\n"),
        ("%%bash\nls\necho\n", "\n\n\n"),
        ("\n%%writefile model.py\nx = 1\n", "\n\n\n"),
        ("!ls\r\nx = 1\r\n", "pass\r\nx = 1\r\n"),
        ("if x != 1:\n    print('100 %')\n!ls", "if x != 1:\n    print('100 %')\npass"),
    ],
)
def test_commands_are_left_out(cell, python):
    if cell.startswith("# a note"):
        python = python.replace("%%capture out", "pass")
    assert as_python(cell) == python
    assert len(lines_of(as_python(cell))) == len(lines_of(cell))


@given(
    st.lists(
        st.sampled_from(["!ls", "%cd x", "x = 1", "f(", ")", "'''", "if a:", "    b", "%%time", "\\", "?x"])
    )
)
def test_no_line_moves_and_what_stays_has_its_column(lines):
    cell = "".join(f"{line}\n" for line in lines)
    made = lines_of(as_python(cell))
    assert len(made) == len(lines)
    for line, now in zip(lines, made, strict=True):
        assert now.rstrip("\n") in (line, "", "pass")


def test_lines_lead_back_to_cells(tmp_path):
    path = tmp_path / "a.ipynb"
    text = notebook(
        ["%matplotlib inline\n", "import keras"], "x = (", f"\nif x:\n    {WRONG} # ü", f"{WRONG}"
    )
    path.write_text(text)
    found = audit_file(path)
    assert [(one.cell, one.line, one.column, one.rule.id) for one in found.findings] == [
        (3, 3, 5, "HS101"),
        (4, 1, 1, "HS101"),
    ]
    assert found.findings[0].code == f"{WRONG} # ü"
    assert found.unknown == ("cell 2 is not Python: '(' was never closed (line 1 of the cell)",)
    ast.parse(read(text).text)


def test_a_timed_statement_is_read_and_shown_as_it_is_written(tmp_path):
    path = tmp_path / "a.ipynb"
    path.write_text(notebook([f"%time {WRONG}"]))
    [found] = audit_file(path).findings
    assert (found.cell, found.line, found.column, found.code) == (1, 1, 7, f"%time {WRONG}")


def test_cells_are_counted_with_those_of_text(tmp_path):
    held = json.loads(notebook(WRONG))
    held["cells"].insert(0, {"cell_type": "markdown", "source": ["# a title"]})
    path = tmp_path / "a.ipynb"
    path.write_text(json.dumps(held))
    assert [one.cell for one in audit_file(path).findings] == [2]


def test_old_notebooks_are_read():
    cells = [{"cell_type": "code", "input": ["x = 1\n", "y = 2"]}, {"cell_type": "code", "input": "z = 3"}]
    held = {"worksheets": [{"cells": cells}], "nbformat": 3}
    assert read(json.dumps(held)).text == "x = 1\ny = 2\nz = 3\n"


@pytest.mark.parametrize(
    ("raw", "said"),
    [
        ("{", "a notebook must be JSON, but this gave: Expecting property name"),
        ("[]", "a notebook must hold cells, but this holds none"),
        ("{}", "a notebook must hold cells, but this holds none"),
        ('{"cells": 1}', "a notebook must hold cells, but this holds none"),
        ('{"worksheets": [1]}', "a notebook must hold cells, but this holds none"),
        (notebook([1]), "the source of a cell must be text, but that of cell 1 is not"),
        (notebook(None), "the source of a cell must be text, but that of cell 1 is not"),
        (notebook("x", kernelspec={"language": "R"}), "a notebook must be one of Python, but this is of R"),
        (notebook("x", language_info={"name": "julia"}), "but this is of julia"),
        ("[" * 100_000, "a notebook must be JSON, but this gave: "),
    ],
)
def test_what_is_no_notebook_says_so(raw, said):
    with pytest.raises(NotebookError, match=re.escape(said)):
        read(raw)
