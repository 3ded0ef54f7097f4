"""The study of an audited network: the task, and the trunk where a function of the program makes it."""

from pathlib import Path

import pytest

from audit.files import audited_text
from audit.studies import known_models, task_of, trunk_of, written
from spaces.errors import RunError
from spaces.study_file import parse

HEAD = "import keras\nfrom keras import layers\n"


def program(last: str, loss: str, labels: str = "y = y\n") -> str:
    return (
        f"{HEAD}{labels}m = keras.Sequential([keras.Input((4,)), {last}])\n"
        f"m.compile('adam', {loss!r})\nm.fit(x, y)\n"
    )


def task(text: str) -> str:
    return task_of(known_models(audited_text(text, Path("a.py")).models)[0])


@pytest.mark.parametrize(
    ("text", "found"),
    [
        (program("layers.Dense(1, activation='softmax')", "binary_crossentropy"), "binary"),
        (program("layers.Dense(1)", "hinge"), "binary"),
        (program("layers.Dense(2, activation='sigmoid')", "categorical_crossentropy"), "binary"),
        (program("layers.Dense(5, activation='sigmoid')", "categorical_crossentropy"), "classes"),
        (program("layers.Dense(5, activation='softmax')", "mse"), "classes"),
        (program("layers.Dense(5, activation='sigmoid')", "binary_crossentropy"), "labels"),
        (program("layers.Dense(1)", "mse"), "number"),
    ],
)
def test_the_task_is_that_of_last_layer_and_loss(text, found):
    assert task(text) == found
    parse(written(found, "a.py", "mlp", {"source": "npz", "path": "data.npz"}))


def test_labels_decide_first():
    labels = (
        "from sklearn.preprocessing import MultiLabelBinarizer\ny = MultiLabelBinarizer().fit_transform(y)\n"
    )
    text = program("layers.Dense(5, activation='softmax')", "categorical_crossentropy", labels)
    assert task(text) == "labels"


def test_a_question_that_is_not_known_is_refused():
    text = program("layers.Dense(n, activation='softmax')", "categorical_crossentropy")
    with pytest.raises(RunError, match="--study needs a model with one output whose question is known"):
        task(text)


BUILD = "def build(width=8):\n    m = keras.Sequential([keras.Input((4,)), layers.Dense(1)])\n    return m\n"


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (f"'''A doc.'''\n{HEAD}N = 3\n{BUILD}if __name__ == '__main__':\n    build().fit(x, y)\n", None),
        (
            f"{HEAD}{BUILD}m = build()\nm.fit(x, y)\n",
            "mlp of this project, since importing the program would run it",
        ),
        (
            f"{HEAD}{BUILD.replace('width=8', 'width')}",
            "mlp of this project, since no function of the program",
        ),
        (
            f"{HEAD}layers.Conv2D\n{BUILD.replace('return m', 'm.fit(x, y)')}",
            "image_cnn of this project, since no",
        ),
        (f"{HEAD}layers.LSTM\nx = 1\n", "conv1d_cnn of this project, since no function"),
    ],
)
def test_a_network_is_named_where_importing_the_program_runs_nothing(tmp_path, text, told):
    path = tmp_path / "train.py"
    path.write_text(text)
    trunk = trunk_of(text, path, tmp_path / "out.yaml")
    if told is not None:
        assert trunk.told.startswith(told)
        assert trunk.module is None
        assert trunk.name == told.split()[0]
        return
    assert trunk.name.startswith("trunk_train_")
    assert trunk.name.endswith(":features")
    assert "from train import build" in str(trunk.module)
    compile(str(trunk.module), "trunk.py", "exec")
    elsewhere = trunk_of(text, path, tmp_path.parent / "out.yaml")
    assert elsewhere.told == "mlp of this project, since the study does not lie beside the program"
