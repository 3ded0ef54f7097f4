"""Fixes are applied whole or not at all; a second run has nothing to do."""

import json
from pathlib import Path

import pytest

import audit.files
from audit.finding import Audited, Edit, Finding
from audit.fixes import difference, fixed
from audit.rules import RULES
from cluster.cli import main


def finds(monkeypatch, *words):
    """Has the audit find words, each with an edit: (rule, word, what to put there or None for no edit)."""

    def audit_source(text: str, path: Path) -> Audited:
        found = []
        for number, line in enumerate(text.splitlines(), start=1):
            for rule, word, put in words:
                at = line.find(word)
                if at >= 0:
                    edit = Edit(start=(number, at), end=(number, at + len(word)), text=put or "")
                    edits = () if put is None else (edit,)
                    place = {"line": number, "column": at + 1, "code": line.strip()}
                    found.append(
                        Finding(rule=RULES[rule], path=path, **place, message="m", fix="f", edits=edits)
                    )
        error = "is not Python: a bracket" if "(((" in text else None
        return Audited(path=path, findings=() if error else tuple(found), error=error)

    monkeypatch.setattr(audit.files, "audit_source", audit_source)


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "a.py"
    path.write_bytes("# coding: latin-1\r\nx = 'é', one\r\ny = two, one\r\n".encode("latin-1"))
    return path


def test_all_that_fits_is_applied_in_the_files_own_encoding_and_line_ends(file, monkeypatch):
    finds(monkeypatch, ("HS101", "one", "1"), ("HS102", "two", "2.0"))
    result = fixed(file)
    assert result.content == "# coding: latin-1\r\nx = 'é', 1\r\ny = 2.0, 1\r\n".encode("latin-1")
    assert [(one.rule.id, one.line) for one in result.done] == [("HS101", 2), ("HS102", 3), ("HS101", 3)]
    assert result.left.findings == ()
    assert file.read_bytes().endswith(b"one\r\n")


def test_edits_that_touch_are_applied_one_after_the_other(file, monkeypatch):
    finds(monkeypatch, ("HS101", "one", "1"), ("HS102", "'é', one", "two"), ("HS103", "two", "2"))
    result = fixed(file)
    assert result.content == "# coding: latin-1\r\nx = 2\r\ny = 2, 1\r\n".encode("latin-1")
    assert result.left.findings == ()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ([("HS101", "one", "one")], "the fix of HS101 did not mend it"),
        ([("HS101", "one", "two"), ("HS102", "two", "one")], "the fix of HS10"),
        ([("HS101", "one", "(((")], "with its fixes the file is not Python: a bracket"),
        ([("HS101", "two", "\N{SNOWMAN}")], "the file's encoding lacks a character"),
        ([("HS101", "two", "three"), ("HS102", "three", None)], "the fix of HS101 made another finding"),
    ],
)
def test_a_fix_that_does_not_fit_leaves_the_file_alone(file, monkeypatch, words, said):
    finds(monkeypatch, *words)
    result = fixed(file)
    assert result.content is None
    assert result.done == ()
    assert result.left.findings != ()
    assert result.refused is not None
    assert any(
        part in result.refused for part in (said, said.replace("[12]", "1"), said.replace("[12]", "2"))
    )


def test_an_edit_outside_leaves_all_edits_undone(file, monkeypatch):
    def audit_source(text: str, path: Path) -> Audited:
        edits = [Edit(start=(2, 0), end=(2, 1), text="z"), Edit(start=(9, 0), end=(9, 1), text="z")]
        rows = [
            Finding(rule=RULES["HS101"], path=path, line=2, message="m", fix="f", edits=(edit,))
            for edit in edits
        ]
        return Audited(path=path, findings=tuple(rows))

    monkeypatch.setattr(audit.files, "audit_source", audit_source)
    result = fixed(file)
    assert result.content is None
    assert result.refused == "an edit must lie within the file, but one is at line 9, column 0"


def write_notebook(path, *sources):
    cells = [{"cell_type": "code", "metadata": {}, "source": one} for one in sources]
    held = {"metadata": {"title": "é"}, "cells": cells, "nbformat": 4, "nbformat_minor": 5}
    path.write_bytes(b"\xef\xbb\xbf" + json.dumps(held, indent=4, ensure_ascii=False).encode() + b"\n")


def test_a_notebook_keeps_all_other_bytes(tmp_path, monkeypatch):
    finds(monkeypatch, ("HS101", "one", "1"))
    path = tmp_path / "a.ipynb"
    write_notebook(path, ["%time one\n", "é = 'é'\n", "y = one"], "not (python", "x = one # \x0c\n")
    result = fixed(path)
    assert result.content == path.read_bytes().replace(b"one", b"1")
    assert [(one.cell, one.line) for one in result.done] == [(1, 1), (1, 3), (3, 1)]
    assert result.left.findings == ()


def test_a_command_of_a_notebook_is_not_edited(tmp_path, monkeypatch):
    finds(monkeypatch, ("HS101", "pass", "1"))
    path = tmp_path / "a.ipynb"
    write_notebook(path, ["!ls\n", "x = 1"])
    assert fixed(path).refused == "an edit must not touch a command of IPython"


def test_the_difference_is_shown_without_indent():
    edits = (
        Edit(start=(2, 4), end=(2, 7), text="two,\n        three"),
        Edit(start=(4, 0), end=(4, 0), text="x\n"),
    )
    finding = Finding(rule=RULES["HS101"], path=Path("a.py"), line=2, message="m", fix="f", edits=edits)
    assert difference("if a:\n    one\n    b\n    c\n", finding) == [
        "-     one",
        "+     two,",
        "+         three",
        "+ x",
    ]


def test_the_command_says_what_it_did_and_has_nothing_to_do_again(file, monkeypatch, capsys):
    finds(monkeypatch, ("HS101", "one", "1"))
    file.chmod(0o750)
    link = file.with_name("link.py")
    link.symlink_to(file)
    assert main(["audit", str(link), "--fix"]) == 0
    said = capsys.readouterr().out
    assert f"fixed {link}:2:10: HS101 softmax-over-one-unit: f\n" in said
    assert "no findings in 1 file\n" in said
    assert link.is_symlink()
    assert file.stat().st_mode & 0o777 == 0o750
    assert b"one" not in file.read_bytes()
    before = file.stat().st_mtime_ns
    assert main(["audit", str(link), "--fix"]) == 0
    assert capsys.readouterr().out == "no findings in 1 file\n"
    assert file.stat().st_mtime_ns == before


def test_the_command_leaves_a_file_alone_that_it_cannot_mend(file, monkeypatch, capsys):
    finds(monkeypatch, ("HS101", "one", "one"))
    before = file.read_bytes()
    assert main(["audit", str(file), "--fix", "--format", "json"]) == 1
    came = capsys.readouterr()
    assert f"{file} stays as it is: the fix of HS101 did not mend it" in came.err
    assert len(json.loads(came.out)["findings"]) == 2
    assert file.read_bytes() == before
