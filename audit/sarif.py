"""What was found as SARIF 2.1.0 (OASIS), which GitHub, GitLab and editors read."""

import hashlib
import json
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote

from audit.finding import Audited, Edit, Finding
from audit.rules import RULES

SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/cs01/schemas/sarif-schema-2.1.0.json"
_INDEX = {name: index for index, name in enumerate(RULES)}


def as_sarif(files: Sequence[Audited]) -> str:
    """Returns what was found in files as one run of a SARIF log.

    The lines of a notebook's cells are none of its file, so a finding there names its cell beside.
    """
    seen: Counter[str] = Counter()
    unread = [file for file in files if file.error is not None]
    run: dict[str, Any] = {
        "tool": {"driver": {"name": "headsearch audit", "rules": [_rule(name) for name in RULES]}},
        "invocations": [
            {
                "executionSuccessful": not unread,
                "toolExecutionNotifications": [
                    {
                        "level": "error",
                        "message": {"text": f"{file.path}: {file.error}"},
                        "locations": [{"physicalLocation": {"artifactLocation": _file(file.path)}}],
                    }
                    for file in unread
                ],
            }
        ],
        "columnKind": "unicodeCodePoints",
        "results": [_result(one, seen) for file in files for one in file.findings],
    }
    return json.dumps({"$schema": SCHEMA, "version": "2.1.0", "runs": [run]}, indent=2)


def _rule(name: str) -> dict[str, Any]:
    rule = RULES[name]
    return {
        "id": rule.id,
        "name": "".join(word.capitalize() for word in rule.name.split("-")),
        "shortDescription": {"text": rule.summary},
        "help": {"text": f"docs/audit/{rule.id}.md of headsearch says more"},
        "defaultConfiguration": {"level": rule.severity},
    }


def _result(one: Finding, seen: Counter[str]) -> dict[str, Any]:
    place: dict[str, Any] = {"physicalLocation": {"artifactLocation": _file(one.path)}}
    if one.cell is not None:
        place["logicalLocations"] = [
            {"name": f"cell {one.cell}", "fullyQualifiedName": f"cell {one.cell}, line {one.line}"}
        ]
    elif one.path.suffix.lower() == ".py":
        region: dict[str, Any] = {"startLine": one.line, "startColumn": one.column}
        place["physicalLocation"]["region"] = region | ({"snippet": {"text": one.code}} if one.code else {})
    elif one.code:
        place["logicalLocations"] = [{"name": one.code}]
    return {
        "ruleId": one.rule.id,
        "ruleIndex": _INDEX[one.rule.id],
        "level": one.rule.severity,
        "message": {"text": f"{one.message}; fix: {one.fix}"},
        "locations": [place],
        "partialFingerprints": {"headsearchCode/v1": _fingerprint(one, seen)},
        **({"fixes": [_fix(one)]} if one.edits and one.cell is None else {}),
    }


def _fingerprint(one: Finding, seen: Counter[str]) -> str:
    """What stays when lines are put in above: file, rule and code, and which of several alike it is."""
    said = "\0".join((one.path.as_posix(), one.rule.id, one.code))
    seen[said] += 1
    return f"{hashlib.sha256(said.encode('utf-8', 'surrogatepass')).hexdigest()[:32]}:{seen[said]}"


def _fix(one: Finding) -> dict[str, Any]:
    replaced = [
        {"deletedRegion": _region(edit), "insertedContent": {"text": edit.text}} for edit in one.edits
    ]
    changes = [{"artifactLocation": _file(one.path), "replacements": replaced}]
    return {"description": {"text": one.fix}, "artifactChanges": changes}


def _region(edit: Edit) -> dict[str, int]:
    return {
        "startLine": edit.start[0],
        "startColumn": edit.start[1] + 1,
        "endLine": edit.end[0],
        "endColumn": edit.end[1] + 1,
    }


def _file(path: Path) -> dict[str, str]:
    """A path from here as a relative reference; an absolute one as the URI of a file."""
    if path.is_absolute():
        return {"uri": f"file://{_quoted(path)}"}
    quoted = _quoted(path)
    # A first part with a colon would be read as the scheme of a URI.
    return {"uri": f"./{quoted}" if ":" in quoted.partition("/")[0] else quoted}


def _quoted(path: Path) -> str:
    return quote(path.as_posix().encode("utf-8", "surrogateescape"), safe="/:")
