"""A graph decides as the scores do: of K classes, K labels and a number, ties and infinite cuts included."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from search.evaluation.recorded_decisions import decided
from search.scores.calibration import Calibration
from spaces.study import Study
from tests.helpers.task_runs import CLASS_TASK, LABEL_TASK, NUMBER_TASK, study_of, written

SEEDS = st.integers(0, 10_000)


def record_of(task, **fields):
    from tests.helpers.records import record

    empty = dict.fromkeys(("threshold_score", "threshold"))
    return record(task=task, calibration_a=fields.pop("a", None), **{**empty, **fields})


def both(made, raw):
    """What the graph's operations say of raw scores, and how the record decides the same scores."""
    from keras import ops

    from search.networks.deciders import decider_of

    decider = decider_of(made)
    score = decider.calibrate(raw)
    said = {name: ops.convert_to_numpy(values) for name, values in decider.says(score).items()}
    score = np.asarray(ops.convert_to_numpy(score), np.float32)
    return said, score, decided(made, Study(), score)


def scores(rng, n, size):
    """Rounded scores: many are equal."""
    return (np.round(rng.normal(size=(n, size)) * 2) / 2).astype(np.float32)


@given(SEEDS, st.integers(2, 5), st.sampled_from([None, 0.3, 0.6]))
def test_classes_are_decided_by_the_graph_as_by_their_offsets(seed, size, reject_below):
    rng = np.random.default_rng(seed)
    offsets = np.round(rng.normal(size=size) * 2) / 2
    offsets = (offsets - offsets.mean()).astype(np.float32)
    if rng.random() < 0.3 and size > 2:
        offsets[rng.integers(size)] = -np.inf
    made = record_of("classes", a=1.0, offsets=tuple(map(float, offsets)), reject_below=reject_below)
    said, _, expected = both(made, scores(rng, 200, size))
    held = np.ones(200, np.bool_)
    if reject_below is not None:  # two exponentials may differ in the last digit
        held = np.abs(said["probability"].max(axis=1) - reject_below) > 1e-6
    np.testing.assert_array_equal(said["label"][held], expected[held])
    np.testing.assert_allclose(said["probability"].sum(axis=1), 1, rtol=1e-6)


@given(SEEDS, st.integers(2, 5))
def test_labels_are_decided_by_the_graph_as_by_their_thresholds(seed, size):
    rng = np.random.default_rng(seed)
    cuts = [float(cut) for cut in (np.round(rng.normal(size=size) * 2) / 2 + rng.choice([0, np.inf], size))]
    slopes = tuple(float(np.float32(a)) for a in rng.uniform(0.5, 2, size))
    shifts = tuple(float(np.float32(b)) for b in rng.normal(size=size))
    cut = {"thresholds": tuple(cuts), "plateaus_low": tuple(cuts), "plateaus_high": tuple(cuts)}
    made = record_of("labels", calibrations_a=slopes, calibrations_b=shifts, **cut)
    raw = scores(rng, 200, size)
    said, score, expected = both(made, raw)
    np.testing.assert_array_equal(said["label"], expected)
    by_label = [
        Calibration(a, b).apply(raw[:, k]) for k, (a, b) in enumerate(zip(slopes, shifts, strict=True))
    ]
    np.testing.assert_allclose(score, np.stack(by_label, axis=1), rtol=1e-6, atol=1e-6)


@given(SEEDS, st.integers(2, 5), st.integers(1, 6))
def test_the_graph_takes_the_same_labels_with_the_largest_scores(seed, size, k):
    rng, even = np.random.default_rng(seed), {"calibrations_b": (0.0,) * size}
    made = record_of("labels", calibrations_a=(1.0,) * size, top_k=k, **even)
    said, _, expected = both(made, scores(rng, 200, size))
    np.testing.assert_array_equal(said["label"], expected)
    assert (said["label"].sum(axis=1) == min(k, size)).all()


def test_two_classes_are_decided_as_one_threshold_decides():
    rng = np.random.default_rng(0)
    z, t = np.round(rng.normal(size=(500, 1)) * 4).astype(np.float32) / 2, 0.5
    made = record_of("classes", a=1.0, offsets=(t / 2, -t / 2))
    said, _, _ = both(made, np.hstack([-z / 2, z / 2]))
    one = record_of("binary", a=1.0, threshold_score=t, threshold=0.6)
    alone, _, _ = both(one, z[:, 0])
    np.testing.assert_array_equal(said["label"], alone["label"])
    np.testing.assert_allclose(said["probability"][:, 1], alone["probability"], rtol=1e-6)


def test_a_number_is_not_decided():
    made = record_of("number")
    said, score, expected = both(made, np.array([1.0, 2.0], np.float32))
    assert (said, expected) == ({}, None)
    assert score.tolist() == [1.0, 2.0]


@pytest.mark.slow
@pytest.mark.parametrize("task", [CLASS_TASK, LABEL_TASK, NUMBER_TASK], ids=lambda task: task.name)
def test_every_form_of_the_model_decides_as_the_trial_and_nothing_of_rows_that_are_not_finite(task, tmp_path):
    from search.networks import export
    from search.networks import model as network
    from search.networks.deciders import decider_of

    run = written(tmp_path / "run", study_of(task))
    record = run.record("00001")
    built = network.build(record.ask.config, (4,), "float32")
    model = export.deciding_model(record, built.get_weights(), (4,), "float32")
    x = np.random.default_rng(0).normal(size=(300, 4)).astype(np.float32)
    said = model.predict(x, verbose=0)
    made = export.export(model, tmp_path, x, said, decider_of(record).margin, formats=export.FORMATS[:3])
    assert [one.left_out for one in made] == [None] * 3
    assert all(one.probability_difference < 1e-5 for one in made)
    decisions = decided(record, run.study(), said["score"])
    if decisions is not None:
        np.testing.assert_array_equal(said["label"], decisions)
    assert said["score"].shape == (300, task.size)[: 1 + task.kind.sized]
