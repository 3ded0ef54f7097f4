"""A Keras model is judged by its logits: numbers by hand and by scikit-learn, a bundle that decides alike."""

import numpy as np
import onnxruntime
import pytest
from sklearn.metrics import accuracy_score, f1_score, precision_score, recall_score, roc_auc_score

from reports.boards.requirements import parse as requirements
from reports.bundles import bundle
from reports.decisions import decision_folder
from reports.decisions.judge import judge, rows_of, scores_of
from reports.decisions.promotion import promote
from search.data.rows import Labels, Rows
from search.networks import backend
from spaces.data import Npz, Scores
from spaces.errors import RunError
from spaces.study import Study
from spaces.trained_heads import written_loss
from tests.helpers import last_layers, reference
from tests.helpers.last_layers import behind, dense, save, undefined_for_some

pytestmark = [
    pytest.mark.usefixtures("keras"),
    pytest.mark.filterwarnings("ignore:You are using a softmax over axis"),
]


def judged(folder, model, told=None, head=None, n=300, objective=None, **compiled):
    """Judges a model on rows that are saved beside it; returns what came, the rows' inputs and labels."""
    backend.start(1)
    x, y, groups = last_layers.rows(n)
    np.savez(folder / "rows.npz", X=x, y=y, g=groups)
    path = save(folder, model, **compiled)
    rows = Rows(x=x, y=y.astype(np.int8), labels=Labels(0, 1), groups=groups.astype(np.str_), recordings=None)
    data = Scores(
        source="scores", path=str(folder / "rows.npz"), label="y", score=("model.keras",), group="g"
    )
    loss = None if told is None else written_loss(told)
    study = Study.model_validate({"data": data, "objective": objective or {}})
    found = judge(path, rows, "X", study, folder / "run", loss=loss, head=head)
    return found, x, y


def test_the_rows_of_a_run_are_those_that_it_was_made_of():
    shared = {"path": "a.npz", "y": "l", "group": "g", "recording": "r", "time": "t", "window_s": 4.0}
    rows = Npz(source="npz", x="X", **shared, step_s=0.5, exact_names=True, positive="sz", task="binary")
    assert shared.keys() | {
        "source",
        "x",
        "step_s",
        "exact_names",
        "positive",
        "seizures",
        "split",
        "task",
    } == set(Npz.model_fields)
    scores = Scores.model_validate(scores_of(rows, "model.keras"))
    assert scores.score == ("model.keras",)
    assert rows_of(scores, "X") == rows


LOSSES = {
    "bce": "binary_crossentropy",
    "cce": "categorical_crossentropy",
    "hinge": "hinge",
    "mse": "mean_squared_error",
}
PAIRS = {
    "sigmoid": (lambda: dense(1, "sigmoid"), "bce", lambda z: z[:, 0]),
    "softmax": (lambda: dense(2, "softmax"), "cce", lambda z: z[:, 1] - z[:, 0]),
    "softmax, bce": (lambda: dense(2, "softmax"), "bce", lambda z: (z[:, 1] - z[:, 0]) / 2),
    "two sigmoids": (lambda: dense(2, "sigmoid"), "bce", lambda z: (z[:, 1] - z[:, 0]) / 2),
    "two sigmoids, cce": (lambda: dense(2, "sigmoid"), "cce", lambda z: z[:, 1] - z[:, 0]),
    "softmax over one": (lambda: dense(1, "softmax"), "bce", lambda z: z[:, 0]),
    "margin": (lambda: dense(1), "hinge", lambda z: z[:, 0]),
    "tanh": (lambda: dense(1, "tanh"), "hinge", lambda z: z[:, 0]),
    "linear": (lambda: dense(1), "mse", lambda z: z[:, 0]),
}
"""How to build each, its loss, and its raw score from the logits `(n, units)`."""


@pytest.mark.parametrize("kind", PAIRS)
def test_raw_scores_and_metrics_equal_those_by_hand(tmp_path, kind):
    build, loss, decode = PAIRS[kind]
    model = build()
    found, x, y = judged(tmp_path, model, loss=LOSSES[loss])
    run = found.decisions.run
    [record] = run.records()
    raw, score = run.scores("00000")
    expected = decode(last_layers.logits(x, model.output_shape[-1]))
    assert np.allclose(raw, expected, atol=1e-5)
    assert record.metrics["roc_auc"].value == pytest.approx(roc_auc_score(y, raw), abs=1e-12)
    assert record.threshold_score == reference.choose(y, score, run.study().threshold)[0]
    decided = score >= np.float32(record.threshold_score)
    assert record.metrics["f1"].value == pytest.approx(f1_score(y, decided), abs=1e-12)
    assert found.told[-1].startswith("beware: no file says on which rows a model was trained")


def worth(decided, y):
    return (
        f"accuracy {accuracy_score(y, decided):.3f}, sensitivity {recall_score(y, decided):.3f}, "
        f"specificity {recall_score(1 - y, ~decided):.3f}"
    )


def test_wrong_decodes_are_measured_beside_the_right_one(tmp_path):
    found, x, y = judged(tmp_path, dense(1, "sigmoid"), told="bce")
    z, none = last_layers.logits(x, 1)[:, 0], np.zeros(len(y), bool)
    assert f"decoded by its logit at 0, a probability of 0.5: {worth(z >= 0, y)}" in found.told
    assert f"wrong: argmax over one column, which calls every row negative: {worth(none, y)}" in found.told
    twice = "wrong: a sigmoid of predict() once more, at 0.5, which calls every row positive"
    assert f"{twice}: {worth(~none, y)}" in found.told


def test_wrong_decodes_of_two_columns_are_measured(tmp_path):
    found, x, y = judged(tmp_path, dense(2, "sigmoid"), told="cce")
    z = last_layers.logits(x, 2)
    how = "decoded by the difference of its logits at 0, a probability of 0.5"
    assert f"{how}: {worth(z[:, 1] >= z[:, 0], y)}" in found.told
    assert f"wrong: column 0 taken for the positive class: {worth(z[:, 0] >= 0, y)}" in found.told
    assert f"wrong: column 1 alone at 0.5: {worth(z[:, 1] >= 0, y)}" in found.told
    hot, said = np.stack([y == 0, y == 1], axis=1), z > 0
    both = [f"{of(hot, said, average='micro'):.3f}" for of in (precision_score, recall_score)]
    assert any(f"count both columns alike: {both[0]} and {both[1]}, " in line for line in found.told)


@pytest.mark.parametrize(
    ("build", "loss", "line"),
    [
        (lambda: dense(1), "mse", "decoded by its score at 0.5: "),
        (lambda: dense(1), "bce,from_logits=false", "decoded by its score at 0.5: "),
        (lambda: dense(1), None, "at 0, where a logit or a margin has its middle: "),
        (lambda: dense(1, "softmax"), "bce", "decoded by the logit below the softmax at 0: "),
        (lambda: dense(1, "tanh"), "hinge", "decoded by what is below the tanh at 0: "),
        (lambda: dense(1), "hinge", "wrong: predict() at 0.5, where Keras' accuracy cuts it: "),
        (lambda: dense(1), "mse", "wrong: predict() at 0, as if it were a logit: "),
    ],
)
def test_the_middle_is_that_of_what_was_trained(tmp_path, build, loss, line):
    found, _, _ = judged(tmp_path, build(), told=loss)
    assert [one for one in found.told if one.startswith(line)]


def test_what_a_softmax_over_one_unit_hides_is_found_where_tensorflow_trained_it(keras, tmp_path):
    if keras.config.backend() != "tensorflow":
        pytest.skip("TensorFlow alone trains it")
    x, y, _ = last_layers.rows()
    keras.utils.set_random_seed(0)
    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(1, activation="softmax")])
    model.compile(keras.optimizers.Adam(0.1), "binary_crossentropy")
    model.fit(x, y, epochs=10, verbose=0)
    assert (model.predict(x, verbose=0) == 1).all()
    found, _, _ = judged(tmp_path, model)
    assert "ends in Dense(1, softmax), loss binary_crossentropy(from_logits=False)" in found.told[0]
    assert "which calls every row positive: accuracy 0.333" in " ".join(found.told)
    [record] = found.decisions.run.records()
    assert record.metrics["roc_auc"].value > 0.75


def test_outputs_of_another_kind_are_probabilities_where_they_can_be(tmp_path, keras):
    inputs = keras.Input((4,))
    parts = [keras.layers.Dense(1, activation="sigmoid")(inputs) for _ in range(2)]
    model = keras.Model(inputs, keras.layers.Average()(parts))
    for layer, scale in zip(model.layers[1:3], (1.0, 2.0), strict=True):
        layer.set_weights([scale * last_layers.W[:, 1:], last_layers.B[1:]])
    found, x, _ = judged(tmp_path, model)
    p = model.predict(x, verbose=0)[:, 0].astype(np.float64)
    assert np.allclose(found.decisions.run.scores("00000")[0], np.log(p / (1 - p)), atol=1e-5)
    assert "Average is no activation of a head" in found.told[1]
    check_bundle(tmp_path, found)


def test_a_sigmoid_of_a_sigmoid_is_decoded_by_the_logit_below_both(tmp_path, keras):
    model = behind(1, keras.layers.Activation("sigmoid"), activation="sigmoid")
    found, x, _ = judged(tmp_path, model, told="bce")
    assert np.allclose(found.decisions.run.scores("00000")[0], last_layers.logits(x, 1)[:, 0], atol=1e-5)
    assert found.told[0].startswith("model.keras ends in Dense(1, sigmoid) of a sigmoid, ")
    check_bundle(tmp_path, found)


def test_a_loss_that_is_told_keeps_what_the_file_says_of_it(tmp_path):
    found, _, _ = judged(tmp_path, dense(1), told="bce", loss="binary_crossentropy")
    assert "from_logits=False takes a linear unit for a probability" in found.told[1]


def test_an_output_of_relu_is_a_score(tmp_path):
    found, x, _ = judged(tmp_path, dense(1, "relu"))
    expected = np.maximum(last_layers.logits(x, 1)[:, 0], 0)
    assert np.allclose(found.decisions.run.scores("00000")[0], expected, atol=1e-5)


def check_bundle(folder, found, **promoted):
    """The bundle decides every row as the decision on the stored scores does, in all its forms."""
    run = found.decisions.run
    made = promote(run, folder / "shipped", **promoted)
    x = np.load(folder / "rows.npz")["X"]
    _, stored = run.scores("00000")
    table = bundle.load(folder / "shipped").predict(x)
    score = table["score"].to_numpy()
    known = np.isfinite(score)
    assert np.allclose(score[known], stored, atol=1e-4)
    decided = stored >= np.float32(made.threshold_score)
    session = onnxruntime.InferenceSession(str(folder / "shipped/model.onnx"))
    said = dict(zip([one.name for one in session.get_outputs()], session.run(None, {"x": x}), strict=True))
    assert np.array_equal(said["label"][known], decided)
    assert (said["label"][~known] == -1).all()
    assert decision_folder.read(folder / "shipped").column == "model.keras"
    return known


@pytest.mark.parametrize("kind", ["sigmoid", "softmax, bce", "softmax over one", "linear"])
def test_the_bundle_has_the_decision_in_its_graph(tmp_path, kind):
    build, loss, _ = PAIRS[kind]
    found, _, _ = judged(tmp_path, build(), loss=LOSSES[loss])
    assert check_bundle(tmp_path, found).all()
    card = (tmp_path / "shipped/MODEL_CARD.md").read_text()
    assert "model.onnx: compared with model.keras on 300 rows" in card


def test_a_bundle_says_where_its_probabilities_were_moved(tmp_path):
    found, _, _ = judged(tmp_path, dense(1, "sigmoid"), objective={"prevalence": 0.01})
    promote(found.decisions.run, tmp_path / "shipped")
    assert bundle.load(tmp_path / "shipped").config.decision.prevalence == 0.01
    assert decision_folder.read(tmp_path / "shipped").told["prevalence"] == 0.01
    assert "moved to where a share 0.01" in (tmp_path / "shipped/README.md").read_text()


def test_rows_without_a_score_are_counted_and_unknown(tmp_path):
    found, x, y = judged(tmp_path, undefined_for_some())
    missing = np.flatnonzero(x[:, 0] < -1.5)
    [line] = [one for one in found.told if "NaN or infinity" in one]
    assert f"for {len(missing)} of 300 rows, {y[missing].sum()} of them positive" in line
    assert f"(row {missing[0] + 1}, " in line
    assert found.decisions.run.resolved()["judged"]["rows_left_out"] == len(missing)
    known = check_bundle(tmp_path, found)
    assert np.array_equal(np.flatnonzero(~known), missing)
    shipped = bundle.load(tmp_path / "shipped")
    said, numbers = shipped.predict(x)["label"].to_pylist(), shipped.outputs(x)["label"]
    names = {1: shipped.labels.positive, 0: shipped.labels.negative, -1: None}
    assert said == [names[number] for number in numbers.tolist()]
    assert said.count(None) == len(missing)


def test_a_model_that_says_one_thing_of_all_rows_is_refused(tmp_path):
    model = dense(1, "sigmoid")
    model.set_weights([np.zeros((4, 1)), np.ones(1)])
    with pytest.raises(RunError, match=r"different scores, but model.keras gives 1 to all 300") as error:
        judged(tmp_path, model)
    assert error.value.exit_code == 1
    assert not (tmp_path / "run").exists()


def test_another_model_or_other_rows_are_not_shipped(tmp_path):
    found, x, y = judged(tmp_path, dense(1, "sigmoid"))
    np.savez(tmp_path / "rows.npz", X=x + np.float32(0.5), y=y, g=y)
    with pytest.raises(RunError, match=r"must give the probabilities of model\.keras"):
        promote(found.decisions.run, tmp_path / "shipped")
    save(tmp_path / "run", behind(1, activation="sigmoid"))
    with pytest.raises(RunError, match=r"must stay as it was, but .*model.keras has changed"):
        promote(found.decisions.run, tmp_path / "shipped", requirements=requirements(()))
    assert not (tmp_path / "shipped").exists()


def test_probability_is_claimed_without_calibration_where_the_pair_fits(tmp_path):
    for name, activation, claims in (("a", "sigmoid", True), ("b", "tanh", False)):
        folder = tmp_path / name
        folder.mkdir()
        x, y, groups = last_layers.rows()
        np.savez(folder / "rows.npz", X=x, y=y, g=groups)
        data = Scores(source="scores", path=str(folder / "rows.npz"), label="y", score=("model.keras",))
        study = Study(data=data, objective={"calibration": "none"})
        rows = Rows(x=x, y=y.astype(np.int8), labels=Labels(0, 1))
        path = save(folder, dense(1, activation))
        found = judge(path, rows, "X", study, folder / "run", loss=written_loss("bce,from_logits=false"))
        [record] = found.decisions.run.records()
        assert (record.metrics["brier"].value is not None) is claims


def test_npz_settings_are_those_of_a_run(tmp_path):
    """What a bundle reads again is what the command read."""
    found, _, _ = judged(tmp_path, dense(1, "sigmoid"))
    assert found.decisions.run.resolved()["judged"]["array"] == Npz(source="npz", path="").x
