"""Programs whose fixes are safe: mended, they have no finding, and trained for an epoch they are right."""

import re
from pathlib import Path

import numpy as np
import pytest

from audit.files import audited_text
from audit.fixes import fixed
from tests.conftest import ROOT

HEAD = "import numpy as np\nimport keras\nfrom keras import layers\n"
ROWS = 2000


def program(
    last: str, loss: str, *, metrics: str = "", labels: str = "y", decode: str = "p[:, 0] > 0.5"
) -> str:
    return f"""{HEAD}
def build():
    return keras.Sequential([
        keras.Input((4,)),
        layers.Dense(16, activation="relu"),
        {last},
    ])

labels = {labels}
model = build()
model.compile(keras.optimizers.Adam(0.02), loss={loss}{metrics})
model.fit(x, labels, epochs=1, batch_size=16, verbose=0)
p = model.predict(x, verbose=0)
decided = {decode}
"""


OF_LOGITS = "keras.losses.BinaryCrossentropy(from_logits=True)"
ONE_HOT = "keras.utils.to_categorical(y, 2)"
LARGEST = "np.argmax(p, axis=1)"
PROGRAMS = {
    "HS101": program("layers.Dense(1, activation='softmax')", "'binary_crossentropy'"),
    "HS103": program(
        "layers.Dense(2, activation='softmax')", "'binary_crossentropy'", labels=ONE_HOT, decode=LARGEST
    ),
    "HS104": program("layers.Dense(1, activation='relu')", "'binary_crossentropy'"),
    "HS104, tanh": program("layers.Dense(1, activation='tanh')", "'binary_crossentropy'"),
    "HS105": program("layers.Dense(1, activation='sigmoid')", OF_LOGITS),
    "HS106": program("layers.Dense(1)", "'binary_crossentropy'"),
    "HS109": program(
        "layers.Dense(2, activation='sigmoid'),\n        layers.Activation('softmax')",
        "'categorical_crossentropy'",
        labels=ONE_HOT,
        decode=LARGEST,
    ),
    "HS201": program(
        "layers.Dense(2, activation='softmax')",
        "'categorical_crossentropy'",
        labels="np.where(y > 0.5, 1, 0)",
        decode=LARGEST,
    ),
    "HS201, one-hot": program(
        "layers.Dense(2, activation='softmax')",
        "'sparse_categorical_crossentropy'",
        labels=ONE_HOT,
        decode=LARGEST,
    ),
    "HS101, two layers": program(
        "layers.Dense(1),\n        layers.Activation('softmax')", "'binary_crossentropy'"
    ),
}


def mended(tmp_path: Path, text: str) -> tuple[str, list[str]]:
    path = tmp_path / "a.py"
    path.write_text(text)
    result = fixed(path)
    assert result.refused is None
    assert result.content is not None
    return result.content.decode(), [one.rule.id for one in result.done]


@pytest.mark.parametrize("name", PROGRAMS)
def test_a_program_is_mended_and_has_no_finding(tmp_path, name):
    text, done = mended(tmp_path, PROGRAMS[name])
    assert done == [name.partition(",")[0]]
    assert audited_text(text, Path("a.py")).findings == ()


@pytest.mark.parametrize(
    "path", sorted((ROOT / "docs" / "audit").glob("HS[1-5]*.md")), ids=lambda one: one.stem
)
def test_the_wrong_example_of_a_page_is_mended_if_that_is_safe(tmp_path, path):
    code = re.findall(r"^```python\n(.*?)^```$", path.read_text(encoding="utf-8"), flags=re.S | re.M)[0]
    found = audited_text(code, Path("a.py")).findings
    if not any(one.edits for one in found):
        return
    text, done = mended(tmp_path, code)
    assert done == [path.stem]
    assert audited_text(text, Path("a.py")).findings == ()


@pytest.mark.slow
@pytest.mark.parametrize("name", PROGRAMS)
def test_a_mended_program_is_right_after_an_epoch(tmp_path, keras, name):
    rng = np.random.default_rng(0)
    y = (np.arange(ROWS) % 2).astype(np.float32)
    x = rng.normal(size=(ROWS, 4)).astype(np.float32)
    x[:, 0] += 4 * y - 2
    text, _ = mended(tmp_path, PROGRAMS[name])
    keras.utils.set_random_seed(0)
    held = {"x": x, "y": y}
    exec(compile(text, name, "exec"), held)
    assert np.mean(np.asarray(held["decided"]) == (y == 1)) > 0.95
