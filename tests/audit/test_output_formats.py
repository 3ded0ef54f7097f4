"""What was found as JSON, as GitHub's workflow commands, and as SARIF."""

import json
import re
from pathlib import Path

import pytest

from audit.finding import Audited, Edit, Finding
from audit.output_formats import as_github, as_json
from audit.rules import RULES
from audit.sarif import as_sarif

EDIT = Edit(start=(3, 9), end=(3, 10), text="2")
NASTY = "50%,\n::error::x\x1b[2J"
FOUND = (
    Audited(
        path=Path("my code/é#1.py"),
        findings=(
            Finding(
                rule=RULES["HS101"], path=Path("my code/é#1.py"), line=3, column=5, code="m.add(x)",
                message=NASTY, fix="one unit, a sigmoid", edits=(EDIT,), seen="the model of line 2",
            ),
            Finding(rule=RULES["HS302"], path=Path("my code/é#1.py"), line=9, message="a", fix="b"),
        ),
        unknown=("a loop of line 4",),
    ),
    Audited(
        path=Path("c:x.ipynb"),
        findings=(
            Finding(
                rule=RULES["HS401"], path=Path("c:x.ipynb"), line=2, cell=3, message="a", fix="b",
                edits=(EDIT,),
            ),
        ),
    ),
    Audited(
        path=Path("/tmp/a.keras"),
        findings=(
            Finding(
                rule=RULES["HS101"], path=Path("/tmp/a.keras"), line=1, code="d: Dense(1)", message="a",
                fix="b",
            ),
        ),
    ),
    Audited(path=Path("old.h5"), error="is HDF5"),
)  # fmt: skip


def test_json_holds_everything():
    held = json.loads(as_json(FOUND))
    assert held["files"] == 4
    assert held["errors"] == {"old.h5": "is HDF5"}
    assert held["unknown"] == {"my code/é#1.py": ["a loop of line 4"]}
    assert [
        (one["rule"], one["path"], one["cell"], one["line"], one["column"]) for one in held["findings"]
    ] == [
        ("HS101", "my code/é#1.py", None, 3, 5),
        ("HS302", "my code/é#1.py", None, 9, 1),
        ("HS401", "c:x.ipynb", 3, 2, 1),
        ("HS101", "/tmp/a.keras", None, 1, 1),
    ]
    assert held["findings"][0] == {
        "rule": "HS101", "name": "softmax-over-one-unit", "severity": "error", "path": "my code/é#1.py",
        "cell": None, "line": 3, "column": 5, "code": "m.add(x)", "message": NASTY,
        "fix": "one unit, a sigmoid",
        "seen": "the model of line 2", "edits": [{"start": [3, 9], "end": [3, 10], "text": "2"}],
    }  # fmt: skip
    assert json.loads(as_json(())) == {"findings": [], "unknown": {}, "errors": {}, "files": 0}


def test_commands_of_github_are_a_line_each_and_hold_no_other_command():
    lines = as_github(FOUND).split("\n")
    assert lines == [
        "::error file=my code/é#1.py,line=3,col=5,title=HS101 softmax-over-one-unit"
        "::50%25,%0A::error::x[2J; fix: one unit, a sigmoid",
        "::warning file=my code/é#1.py,line=9,col=1,title=HS302 binary-metric-over-two-columns::a; fix: b",
        "::error file=c%3Ax.ipynb,title=HS401 argmax-of-one-column%2C cell 3%2C line 2::a; fix: b",
        "::error file=/tmp/a.keras,line=1,col=1,title=HS101 softmax-over-one-unit::a; fix: b",
        "::error file=old.h5,title=could not be read::is HDF5",
    ]
    assert as_github(()) == ""


def test_sarif_is_what_its_readers_ask_for():
    """The rules of SARIF 2.1.0 for the parts that are written, and those of GitHub's code scanning."""
    log = json.loads(as_sarif(FOUND))
    assert set(log) == {"$schema", "version", "runs"}
    assert log["version"] == "2.1.0"
    [run] = log["runs"]
    assert set(run) == {"tool", "invocations", "columnKind", "results"}
    assert run["columnKind"] in ("utf16CodeUnits", "unicodeCodePoints")
    rules = run["tool"]["driver"]["rules"]
    assert run["tool"]["driver"]["name"]
    assert [rule["id"] for rule in rules] == list(RULES)
    for rule in rules:
        assert set(rule) == {"id", "name", "shortDescription", "help", "defaultConfiguration"}
        assert re.fullmatch("[A-Z][A-Za-z0-9]+", rule["name"])
        assert rule["defaultConfiguration"]["level"] in ("none", "note", "warning", "error")
        assert rule["shortDescription"]["text"]
    assert [run_of["executionSuccessful"] for run_of in run["invocations"]] == [False]
    assert len(run["results"]) == 4
    for result in run["results"]:
        assert set(result) - {"fixes"} == {
            "ruleId", "ruleIndex", "level", "message", "locations", "partialFingerprints",
        }  # fmt: skip
        assert rules[result["ruleIndex"]]["id"] == result["ruleId"]
        assert result["message"]["text"]
        [place] = result["locations"]
        assert set(place) <= {"physicalLocation", "logicalLocations"}
        region = place["physicalLocation"].get("region", {"startLine": 1, "startColumn": 1})
        assert region["startLine"] >= 1
        assert region["startColumn"] >= 1
        assert all(isinstance(value, str) for value in result["partialFingerprints"].values())


def test_sarif_says_where_and_how():
    first, second, third, fourth = json.loads(as_sarif(FOUND))["runs"][0]["results"]
    place = first["locations"][0]["physicalLocation"]
    assert place == {
        "artifactLocation": {"uri": "my%20code/%C3%A9%231.py"},
        "region": {"startLine": 3, "startColumn": 5, "snippet": {"text": "m.add(x)"}},
    }
    assert first["fixes"] == [
        {
            "description": {"text": "one unit, a sigmoid"},
            "artifactChanges": [
                {
                    "artifactLocation": {"uri": "my%20code/%C3%A9%231.py"},
                    "replacements": [
                        {
                            "deletedRegion": {
                                "startLine": 3,
                                "startColumn": 10,
                                "endLine": 3,
                                "endColumn": 11,
                            },
                            "insertedContent": {"text": "2"},
                        }
                    ],
                }
            ],
        }
    ]
    assert "fixes" not in second
    assert "fixes" not in third
    assert third["locations"][0] == {
        "physicalLocation": {"artifactLocation": {"uri": "./c:x.ipynb"}},
        "logicalLocations": [{"name": "cell 3", "fullyQualifiedName": "cell 3, line 2"}],
    }
    assert fourth["locations"][0] == {
        "physicalLocation": {"artifactLocation": {"uri": "file:///tmp/a.keras"}},
        "logicalLocations": [{"name": "d: Dense(1)"}],
    }


@pytest.mark.parametrize("moved", [0, 5])
def test_fingerprints_stay_when_lines_move_and_tell_twins_apart(moved):
    def log(lines):
        findings = tuple(
            Finding(rule=RULES["HS101"], path=Path("a.py"), line=line, code="x", message="a", fix="b")
            for line in lines
        )
        results = json.loads(as_sarif([Audited(path=Path("a.py"), findings=findings)]))["runs"][0]["results"]
        return [result["partialFingerprints"]["headsearchCode/v1"] for result in results]

    assert log([1 + moved, 2 + moved]) == log([1, 2])
    assert len(set(log([1, 2]))) == 2
