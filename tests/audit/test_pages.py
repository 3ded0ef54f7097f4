"""Each rule has a page, whose wrong example breaks that rule alone and whose right example breaks none."""

import re
from pathlib import Path

import pytest

from audit.rules import RULES
from audit.source import audit_source
from tests.conftest import ROOT

PAGES = ROOT / "docs" / "audit"
READ = [name for name in RULES if not name.startswith("HS9")]
"""Rules that a program alone can break."""
CODE = re.compile(r"^## (Wrong|Right)\n```python\n(.*?)^```$", re.S | re.M)


def page(name: str) -> str:
    return (PAGES / f"{name}.md").read_text(encoding="utf-8")


def test_the_pages_are_those_of_the_rules():
    assert {path.stem for path in PAGES.iterdir()} == set(RULES)


@pytest.mark.parametrize("name", RULES)
def test_a_page_says_what_why_and_how_it_is_mended(name):
    text, rule = page(name), RULES[name]
    assert text.startswith(f"# {name}: ")
    assert f"`{rule.name}`, {rule.severity}." in text
    for part in ("Why it matters", "Fix", *(("Wrong", "Right") if name in READ else ("How it is found",))):
        assert f"\n## {part}\n" in text


@pytest.mark.parametrize("name", READ)
def test_the_wrong_example_breaks_this_rule_and_the_right_one_none(name):
    examples = dict(CODE.findall(page(name)))
    wrong = audit_source(examples["Wrong"], Path("wrong.py"))
    assert [one.rule.id for one in wrong.findings] == [name]
    right = audit_source(examples["Right"], Path("right.py"))
    assert right.findings == ()
    assert (wrong.error, right.error) == (None, None)


def test_the_index_lists_every_rule():
    listed = re.findall(
        r"^\| \[(\w+)\]\(audit/(\w+)\.md\) \| (\w+) \| (.+) \|$",
        (ROOT / "docs" / "audit.md").read_text(encoding="utf-8"),
        flags=re.M,
    )
    assert listed == [(rule.id, rule.id, rule.severity, rule.summary) for rule in RULES.values()]
