"""Programs with tokens and lines lost, swapped and replaced: an answer or "unknown", never a traceback."""

import io
import random
import tokenize
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from audit.finding import Audited
from audit.rules import RULES
from audit.source import audit_source
from tests.audit.test_mistakes_people_made import MISTAKES
from tests.audit.test_right_programs import HEAD, RIGHT
from tests.audit.test_rules import WRONG

PROGRAMS = [*MISTAKES.values(), *(HEAD + text for text in (*RIGHT.values(), *WRONG.values()))]
POOL = (
    *("1", "2", "-1", "0.5", "None", "True", "'softmax'", "'binary_crossentropy'", "model", "x", "y", "self"),
    *("(", ")", "[", "]", "{", "}", ",", ":", "=", "==", ".", "*", "**", "lambda", "if", "else", "for", "in"),
    *("np", "layers", "Dense", "predict", "fit", "compile", "return", "yield", "await", "\n", "\n    ", "@"),
    *(
        "1e999",
        "10**10**10",
        "[" * 50,
        "f'{x}'",
        "x := 1",
        "*args",
        "**kw",
        "'é'",
        "async",
        "class A(A): pass",
    ),
)


Token = tuple[int, str, str]
"""Its kind, what stands before it, and itself."""


def tokens_of(text: str) -> list[Token]:
    """The tokens of a program, and what stands between them."""
    found, at = [], (1, 0)
    lines = text.splitlines(keepends=True)
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        between = ""
        if token.start > at and token.start[0] <= len(lines):
            begin = at[1] if at[0] == token.start[0] else 0
            between = lines[token.start[0] - 1][begin : token.start[1]]
        found.append((token.type, between, token.string))
        at = token.end
    return found


TOKENS = [tokens_of(text) for text in PROGRAMS]


def mutated(rng: random.Random) -> str:
    """A program with a few mutations, most of which leave its grammar; sometimes two programs as one."""
    tokens = list(rng.choice(TOKENS))
    if rng.random() < 0.2:
        tokens += rng.choice(TOKENS)
    for _ in range(rng.randint(1, 6)):
        at = rng.randrange(len(tokens))
        kind, before, _ = tokens[at]
        alike = [one for one in tokens if one[0] == kind]
        other = rng.choice(alike)
        mutation = rng.random()
        if mutation < 0.6:
            tokens[at] = (kind, before, other[2])
        elif mutation < 0.75:
            end = next((k for k in range(at, len(tokens)) if tokens[k][0] == tokenize.NEWLINE), at)
            begin = next((k + 1 for k in range(at - 1, 0, -1) if tokens[k][0] == tokenize.NEWLINE), 0)
            line = tokens[begin : end + 1]
            if rng.random() < 0.5:
                del tokens[begin : end + 1]
            else:
                tokens[begin:begin] = line
        elif mutation < 0.85:
            tokens[at] = (kind, before, rng.choice(POOL))
        elif mutation < 0.95:
            tokens[at:at] = [(kind, before, rng.choice(POOL))]
        else:
            del tokens[at]
        tokens = tokens or [(tokenize.NAME, "", "x")]
    return "".join(before + text for _, before, text in tokens)


def test_unmutated_programs_are_what_they_were():
    for text, tokens in zip(PROGRAMS, TOKENS, strict=True):
        assert "".join(before + text for _, before, text in tokens).strip() == text.strip()


def answered(text: str) -> Audited:
    result = audit_source(text, Path("mutated.py"))
    assert isinstance(result, Audited)
    assert result.error is None or not (result.findings or result.unknown)
    lines = text.count("\n") + 1
    for one in result.findings:
        assert one.rule is RULES[one.rule.id]
        assert 1 <= one.line <= lines
        assert one.column >= 1
        for edit in one.edits:
            assert (1, 0) <= edit.start <= edit.end
    return result


@given(st.integers(0, 2**32))
@settings(max_examples=100, deadline=None)
def test_a_mutated_program_is_answered(seed):
    answered(mutated(random.Random(seed)))


@pytest.mark.slow
@given(st.integers(0, 2**32))
@settings(max_examples=2000, deadline=None)
def test_two_thousand_mutated_programs_are_answered(seed):
    answered(mutated(random.Random(seed)))


@given(st.text())
@settings(max_examples=100, deadline=None)
def test_any_text_is_answered(text):
    answered(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "\x00",
        "def f(:",
        "print 'Python 2'",
        "(" * 500 + ")" * 500,
        "x = " + "-" * 5000 + "1",
        "x = [" + "1, " * 100_000 + "]",
        "def f():\n    return f()\nf()",
        "class A(A):\n    pass\nA()",
        "x = 2 ** 10 ** 10\ny = 'a' * 10 ** 10",
        "\n".join(f"if a{k}:\n    x{k} = 1\nelse:\n    x{k} = 2" for k in range(300)),
        "\n".join("    " * k + "for x in y:" for k in range(15)) + "\n" + "    " * 15 + "z = x",
        "from keras.models import *\nSequential([Sequential()]).add(Sequential)",
        "\ufeffx = 1",
    ],
    ids=lambda text: repr(text[:20]),
)
def test_extreme_programs_are_answered(text):
    answered(text)


def test_most_mutations_still_are_programs():
    rng = random.Random(0)
    answers = [answered(mutated(rng)) for _ in range(100)]
    assert sum(one.error is None for one in answers) > 20
    assert sum(bool(one.findings) for one in answers) > 5
