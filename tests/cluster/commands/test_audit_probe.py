"""`audit MODEL.keras --data X.npz`: findings of a model on rows, and what a wrong call says."""

import json
import warnings

import numpy as np
import pytest

from cluster.cli import main
from tests.helpers import last_layers
from tests.helpers.last_layers import dense, save

pytestmark = pytest.mark.usefixtures("keras")


@pytest.fixture(scope="module")
def home(keras, tmp_path_factory):
    home = tmp_path_factory.mktemp("probe")
    x, y, _ = last_layers.rows(600)
    np.savez(home / "rows.npz", X=x, y=y, signed=2 * y - 1, words=np.where(y == 1, "a", "b"))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        bce = {"loss": "binary_crossentropy", "metrics": ["accuracy"]}
        save(home, dense(1, "sigmoid"), "good.keras", **bce)
        save(home, dense(1, "softmax"), "constant.keras", **bce)
        save(home, dense(2, "sigmoid"), "sums.keras", loss="sparse_categorical_crossentropy")
        save(home, keras.Sequential([keras.Input((4,)), keras.layers.Lambda(lambda v: v)]), "lambda.keras")
    return home


@pytest.fixture(autouse=True)
def here(home, monkeypatch):
    monkeypatch.chdir(home)


def rules(capsys, *arguments):
    assert main(["audit", *arguments, "--format", "json"]) == 1
    held = json.loads(capsys.readouterr().out)
    return [one["rule"] for one in held["findings"]]


@pytest.mark.slow
def test_a_good_model_has_no_findings(capsys):
    assert main(["audit", "good.keras", "--data", "rows.npz"]) == 0
    said = capsys.readouterr().out
    assert said.startswith("decoded by its logit at 0, a probability of 0.5: accuracy ")
    assert "wrong: argmax over one column, which calls every row negative: accuracy " in said
    assert said.endswith("no findings in 1 file\n")


@pytest.mark.slow
def test_what_a_model_does_is_found(capsys):
    assert rules(capsys, "constant.keras", "--data", "rows.npz") == ["HS101", "HS901", "HS902", "HS904"]
    assert rules(capsys, "sums.keras", "--data", "rows.npz") == ["HS102", "HS901", "HS903"]
    assert main(["audit", "constant.keras", "--data", "rows.npz"]) == 1
    said = capsys.readouterr().out
    assert "every row gets the output 1: the model cannot tell rows apart (600 rows)" in said
    assert "Keras reports an accuracy of 0.333; decoded by the logit below the softmax at 0 it is 0." in said


@pytest.mark.slow
def test_labels_are_held_against_head_and_loss(capsys):
    assert "HS202" in rules(capsys, "good.keras", "--data", "rows.npz", "--labels", "signed")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (
            ["good.keras", "sums.keras", "--data", "rows.npz"],
            "--data goes with one saved model (.keras), but got",
        ),
        (["rows.npz", "--data", "rows.npz"], "--data goes with one saved model (.keras), but got rows.npz"),
        (["good.keras", "--data", "rows.csv"], "--data takes rows as arrays (.npz), but got rows.csv"),
        (["good.keras", "--data", "no.npz"], "--data takes rows as arrays (.npz), but no.npz gave: "),
        (["good.keras", "--data", "rows.npz", "--labels", "z"], "--labels must name an array of rows.npz"),
        (
            ["good.keras", "--labels", "y"],
            "--labels names an array of --data, which is not given, but got 'y'",
        ),
        (["lambda.keras", "--data", "rows.npz"], "a network must load in safe mode, which a Lambda does not"),
        (["no.keras", "--data", "rows.npz"], "a model is a .keras file, but no.keras is not there"),
    ],
)
def test_a_wrong_call_is_one_line(capsys, arguments, said):
    assert main(["audit", *arguments]) == 2
    came = capsys.readouterr()
    assert said in came.err
    assert came.err.count("\n") == 1
    assert came.out == ""
