"""`audit --study out.yaml`: a study that can be run, of the network that has findings."""

import warnings

import numpy as np
import pytest
import yaml

from cluster.cli import main
from spaces.study_file import read
from tests.helpers import last_layers
from tests.helpers.last_layers import save

PROGRAM = """import keras
from keras import layers


def build_model():
    model = keras.Sequential([
        keras.Input((4,)),
        layers.Dense(8, activation="relu"),
        layers.Dense(1, activation="softmax"),
    ])
    model.compile("adam", "binary_crossentropy")
    return model


if __name__ == "__main__":
    build_model().fit(x, y)
"""


@pytest.fixture
def home(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "train.py").write_text(PROGRAM)
    x, y, _ = last_layers.rows(300)
    np.savez(tmp_path / "data.npz", X=x, y=y)
    return tmp_path


@pytest.mark.slow
def test_the_network_of_a_program_is_the_trunk(home, capsys):
    assert main(["audit", "train.py", "--study", "out.yaml"]) == 1
    said = capsys.readouterr().out
    assert said.endswith("the right heads of train.py are searched by: python search.py run out.yaml\n")
    text = (home / "out.yaml").read_text()
    assert "# The trunk is the network of build_model() in train.py.\n" in text
    assert "# The rows are yours to name" in text
    study = read(home / "out.yaml")
    assert study.name == "train-heads"
    assert set(study.space.heads) == {"sigmoid", "softmax", "margin"}
    assert main(["describe", "out.yaml"]) == 0  # which builds its network
    (home / "train.py").write_text(PROGRAM.replace("8", "9"))
    assert main(["describe", "out.yaml"]) == 2
    assert "train.py has changed since this file was written" in capsys.readouterr().err


@pytest.mark.slow
def test_the_network_of_a_saved_model_is_the_trunk(home, keras, capsys):
    model = keras.Sequential(
        [
            keras.Input((4,)),
            keras.layers.Dense(8, activation="relu"),
            keras.layers.Dense(2, activation="softmax"),
        ]
    )
    rng = np.random.default_rng(0)
    np.savez(home / "two.npz", X=rng.normal(size=(90, 4)).astype(np.float32), y=np.arange(90) % 2)
    save(home, model, "m.keras", loss="binary_crossentropy")
    assert main(["audit", "m.keras", "--data", "two.npz", "--study", "out.yaml", "--format", "json"]) == 1
    assert "the right heads of m.keras are searched by" in capsys.readouterr().err
    held = yaml.safe_load((home / "out.yaml").read_text())
    assert held["data"] == {
        "source": "npz",
        "path": str(home / "two.npz"),
        "x": "X",
        "y": "y",
    }
    assert held["trunk"]["name"].endswith(":anew")
    assert main(["describe", "out.yaml"]) == 0


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["train.py", "--study", "data.npz"], "--study writes a new file, but data.npz is there"),
        (["train.py", "--study", "no/out.yaml"], "--study writes a .yaml file in a folder that is there"),
        (["train.py", "--study", "out.txt"], "--study writes a .yaml file in a folder that is there"),
        (
            ["good.py", "--study", "out.yaml"],
            "--study is written for a finding about a model, but none was found",
        ),
    ],
)
def test_a_study_that_cannot_be_written_says_why(home, capsys, arguments, said):
    (home / "good.py").write_text("x = 1\n")
    assert main(["audit", *arguments]) == 2
    assert said in capsys.readouterr().err
    assert not (home / "out.yaml").exists()


def test_a_second_trunk_is_not_written_over_the_first(home, keras, capsys):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        save(home, last_layers.dense(1, "softmax"), "m.keras", loss="binary_crossentropy")
    (home / "trunk.keras").touch()
    assert main(["audit", "m.keras", "--study", "out.yaml"]) == 2
    assert "--study writes trunk.keras beside out.yaml, but one is there" in capsys.readouterr().err
