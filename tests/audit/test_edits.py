"""What a finding would change, applied: the program then lacks that finding, and has no new one."""

import pytest

from audit.finding import Edit
from tests.audit.reading import audited
from tests.audit.test_following import HEAD as FOLLOWING_HEAD
from tests.audit.test_following import PROGRAMS
from tests.audit.test_mistakes_people_made import MISTAKES
from tests.audit.test_rules import HEAD, WRONG

ALL = {
    **{f"rule: {name}": HEAD + text for name, text in WRONG.items()},
    **{f"mistake: {name}": text for name, text in MISTAKES.items()},
    **{f"followed: {name}": FOLLOWING_HEAD + text for name, text in PROGRAMS.items()},
}
MENDED = [name for name, text in ALL.items() if any(one.edits for one in audited(text).findings)]


def applied(text: str, edits: tuple[Edit, ...]) -> str:
    lines = text.split("\n")
    for edit in sorted(edits, key=lambda one: one.start, reverse=True):
        (line, column), (end, end_column) = edit.start, edit.end
        assert line == end
        old = lines[line - 1]
        lines[line - 1] = old[:column] + edit.text + old[end_column:]
    return "\n".join(lines)


@pytest.mark.parametrize("name", MENDED)
def test_an_edit_mends_what_it_is_for_and_breaks_nothing(name):
    before = audited(ALL[name])
    for finding in before.findings:
        if not finding.edits:
            continue
        after = audited(applied(ALL[name], finding.edits))
        assert after.error is None
        others = {(one.rule.id, one.line) for one in before.findings if one != finding}
        assert {(one.rule.id, one.line) for one in after.findings} <= others


def test_many_findings_can_be_mended():
    assert len(MENDED) > 25


@pytest.mark.parametrize(
    ("wrong", "right"),
    [
        (
            "m = Sequential([Dense(1, activation='softmax')])\nm.compile(loss='binary_crossentropy')",
            "m = Sequential([Dense(1, activation='sigmoid')])\nm.compile(loss='binary_crossentropy')",
        ),
        (
            'm = Sequential([Dense(1, "softmax")])\nm.compile("adam", "sparse_categorical_crossentropy")',
            'm = Sequential([Dense(1, "sigmoid")])\nm.compile("adam", "binary_crossentropy")',
        ),
        (
            "m = Sequential([Dense(3, )])\nm.compile(loss='sparse_categorical_crossentropy')",
            'm = Sequential([Dense(3, activation="softmax")])\n'
            "m.compile(loss='sparse_categorical_crossentropy')",
        ),
        (
            "m = Sequential([Dense(1)])\nm.add(Activation('relu'))\nm.compile(loss='binary_crossentropy')",
            "m = Sequential([Dense(1)])\nm.add(Activation('sigmoid'))\nm.compile(loss='binary_crossentropy')",
        ),
        (
            "m = Sequential([Dense(1, activation='sigmoid')])\n"
            "m.compile(loss=keras.losses.BinaryCrossentropy(from_logits=True))",
            "m = Sequential([Dense(1, activation='sigmoid')])\n"
            "m.compile(loss=keras.losses.BinaryCrossentropy(from_logits=False))",
        ),
        (
            "y = tf.one_hot(t, 4)\nm = Sequential([Dense(4, activation='softmax')])\n"
            "m.compile(loss=keras.losses.SparseCategoricalCrossentropy())\nm.fit(x, y)",
            "y = tf.one_hot(t, 4)\nm = Sequential([Dense(4, activation='softmax')])\n"
            "m.compile(loss=keras.losses.CategoricalCrossentropy())\nm.fit(x, y)",
        ),
        (
            "m = Sequential([Dense(4, activation='softmax')])\n"
            "m.compile(loss='categorical_crossentropy')\nnp.argmax(m.predict(x_test))",
            "m = Sequential([Dense(4, activation='softmax')])\n"
            "m.compile(loss='categorical_crossentropy')\nnp.argmax(m.predict(x_test), axis=1)",
        ),
    ],
)
def test_edits_are_the_fewest_characters(wrong, right):
    (finding,) = audited(wrong).findings
    assert applied(wrong, finding.edits) == right


@pytest.mark.parametrize(
    "text",
    [
        "m = Sequential([Dense(1, activation='softmax')])\nm.compile(loss=choose())",
        "m = Sequential([Dense(1, activation='softmax')])\nm.compile(loss='hinge')",
        "y = tf.one_hot(t, 2)\nm = Sequential([Dense(1, activation='softmax')])\n"
        "m.compile(loss='categorical_crossentropy')\nm.fit(x, y)",
        "m = Sequential([Dense(5, activation='softmax')])\nm.compile(loss='binary_crossentropy')",
        "ACTIVATION = 'softmax'\nm = Sequential([Dense(1, activation=ACTIVATION)])\n"
        "m.compile(loss='binary_crossentropy')",
        "from keras.losses import SparseCategoricalCrossentropy\ny = tf.one_hot(t, 4)\n"
        "m = Sequential([Dense(4, activation='softmax')])\n"
        "m.compile(loss=SparseCategoricalCrossentropy())\nm.fit(x, y)",
    ],
)
def test_where_a_person_must_choose_nothing_is_edited(text):
    (finding,) = audited(text).findings
    assert finding.edits == ()
