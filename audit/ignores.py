"""Comments that keep findings back: `# headsearch: ignore[HS101]`; `# headsearch: ignore` for any rule."""

import io
import re
import tokenize
from collections.abc import Mapping
from dataclasses import replace

from audit.finding import Audited
from audit.rules import RULES

_COMMENT = re.compile(r"#\s*headsearch:\s*ignore\b\s*(?:\[(?P<ids>[^\]]*)\])?")


def without_ignored(found: Audited, text: str) -> Audited:
    """Leaves out the findings on whose line a comment names their rule, or no rule.

    Args:
        found: of this text; its lines are those of the text.
        text: a whole program.

    Returns:
        The same without them; a comment that names no rule that there is counts as not followed.
    """
    ignored = _ignored(text)
    if not ignored:
        return found
    unknown = [
        f"line {line}: the comment ignores {name!r}, which is no rule"
        for line, names in ignored.items()
        for name in sorted(names - RULES.keys())
    ]
    kept = tuple(one for one in found.findings if one.rule.id not in ignored.get(one.line, frozenset()))
    return replace(found, findings=kept, unknown=(*found.unknown, *unknown))


def _ignored(text: str) -> Mapping[int, frozenset[str]]:
    """Of each line that has such a comment, the ids that it names; all there are where it names none."""
    if "headsearch:" not in text:
        return {}
    found: dict[int, frozenset[str]] = {}
    try:
        for token in tokenize.generate_tokens(io.StringIO(text).readline):
            said = _COMMENT.search(token.string) if token.type == tokenize.COMMENT else None
            if said is None:
                continue
            named = {name.strip().upper() for name in (said["ids"] or "").split(",")} - {""}
            found[token.start[0]] = frozenset(named or RULES)
    except (tokenize.TokenError, SyntaxError):
        pass  # what stands after the place that cannot be read is no program, and has no findings
    return found
