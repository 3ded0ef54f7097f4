"""The contract of all heads: what is encoded comes back, upwards is positive, and no logit is too large."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from search.scores.metrics import decide, sigmoid
from spaces.heads import HEADS
from spaces.losses import LOSSES
from tests.helpers.toys import PAIR_NAMES, PAIRS, towards_positive

HUGE = 2.0**99
each_head = pytest.mark.parametrize("head", HEADS.values(), ids=HEADS)
each_pair = pytest.mark.parametrize(("head", "loss"), PAIRS, ids=PAIR_NAMES)
labels = st.lists(st.integers(0, 1), min_size=1, max_size=20).map(np.array)


def logits(columns: int, largest: float) -> st.SearchStrategy[np.ndarray]:
    number = st.floats(-largest, largest, width=32)
    row = st.lists(number, min_size=columns, max_size=columns)
    return st.lists(row, min_size=1, max_size=20).map(lambda rows: np.array(rows, dtype=np.float32))


def test_every_head_and_loss_is_used():
    assert {loss for head in HEADS.values() for loss in head.losses} == set(LOSSES)
    assert all(HEADS[name].name == name for name in HEADS)
    assert all(LOSSES[name].name == name for name in LOSSES)


@each_head
@settings(deadline=None)
@given(st.data())
def test_any_logits_decode_to_finite_scores(head, data):
    z = data.draw(st.one_of(logits(head.logits, 1e4), logits(head.logits, HUGE)))
    score = head.score(z)
    assert score.shape == (len(z),)
    assert score.dtype == np.float32
    assert np.isfinite(score).all()


@each_head
@settings(deadline=None)
@given(st.data(), st.floats(0.0, 100.0, width=32))
def test_a_step_towards_positive_never_lowers_the_score(head, data, step):
    z = data.draw(logits(head.logits, 1e4))
    direction = towards_positive(head)
    assert (head.score(z + np.float32(step) * direction) >= head.score(z)).all()
    for column in np.flatnonzero(direction):
        moved = z.copy()
        # A step that float32 cannot lose beside the logit.
        moved[:, column] += direction[column] * (np.float32(0.01) + np.abs(z[:, column]) * np.float32(0.01))
        assert (head.score(moved) > head.score(z)).sum() >= (np.abs(z).max(axis=1) < 100).sum()
        assert (head.score(moved) >= head.score(z)).all()


@each_head
@pytest.mark.parametrize("size", [1.0, 1e4, HUGE], ids=str)
@settings(deadline=None)
@given(y=labels)
def test_targets_read_as_logits_decode_to_their_labels(head, size, y):
    """The polarity: a network that answers with its own targets, however loudly, is right every time."""
    targets = head.encode(y)
    assert targets.shape == (len(y), head.logits)
    assert targets.dtype == np.float32
    z = (2 * targets - 1) * np.float32(size)
    np.testing.assert_array_equal(decide(head.score(z), 0.0), y == 1)


@each_pair
@settings(deadline=None)
@given(lower=st.floats(-1e4, 1e4), step=st.floats(1e-3, 1e3))
def test_every_loss_pulls_the_score_to_its_label(head, loss, lower, step):
    raw = np.array([lower, lower + step], dtype=np.float32)
    positive = LOSSES[loss].per_row(np.array([1, 1]), raw)
    negative = LOSSES[loss].per_row(np.array([0, 0]), raw)
    assert positive[0] >= positive[1] >= 0
    assert 0 <= negative[0] <= negative[1]
    # Both from the same score: whoever swaps the labels would swap these.
    wrong_way = LOSSES[loss].per_row(np.array([1, 0]), np.array([-2.0, 2.0]))
    right_way = LOSSES[loss].per_row(np.array([1, 0]), np.array([2.0, -2.0]))
    assert (wrong_way > right_way).all()


@settings(deadline=None)
@given(logits(2, 50.0))
def test_the_softmax_head_scores_the_log_odds_of_its_second_column(z):
    e = np.exp(z.astype(np.float64) - z.max(axis=1, keepdims=True))
    np.testing.assert_allclose(sigmoid(HEADS["softmax"].score(z)), e[:, 1] / e.sum(axis=1), rtol=2e-5)


@each_head
@settings(deadline=None)
@given(st.data())
def test_the_score_is_the_mean_of_the_votes(head, data):
    z = data.draw(logits(head.logits, 1e4))
    votes = head.votes(z)
    assert votes.shape[0] == len(z)
    expected = votes.astype(np.float64).mean(axis=1)
    np.testing.assert_allclose(head.score(z), expected, rtol=1e-6, atol=1e-6 * np.abs(z).max())


@settings(deadline=None)
@given(logits(2, 15.0))  # beyond, 1 - p runs out of digits
def test_two_sigmoids_score_the_mean_of_two_log_odds(z):
    p = sigmoid(z.astype(np.float64))
    odds = np.stack([(1 - p[:, 0]) / p[:, 0], p[:, 1] / (1 - p[:, 1])], axis=1)
    np.testing.assert_allclose(
        HEADS["two_sigmoids"].score(z), np.log(odds).mean(axis=1), rtol=1e-5, atol=1e-5
    )


@each_head
def test_tensors_and_arrays_are_decoded_alike(head, keras):
    z = np.random.default_rng(0).normal(size=(50, head.logits), scale=30).astype(np.float32)
    decoded = keras.ops.convert_to_numpy(head.decode(keras.ops.convert_to_tensor(z)))
    np.testing.assert_array_equal(decoded, head.score(z))


@each_head
def test_logits_of_another_shape_or_type_are_refused(head):
    right = np.zeros((4, head.logits), dtype=np.float32)
    assert head.score(right).shape == (4,)
    for wrong in (right.astype(np.float64), right[:, 0], np.zeros((4, 3), dtype=np.float32)):
        with pytest.raises(ValueError, match=rf"float32 logits of shape \(n, {head.logits}\), but got"):
            head.score(wrong)


def test_heads_of_as_many_logits_encode_labels_alike():
    """Fused trials share their targets, whatever head of these they have."""
    y = np.array([0, 1, 1, 0], np.int8)
    for head in HEADS.values():
        first = next(other for other in HEADS.values() if other.logits == head.logits)
        np.testing.assert_array_equal(head.encode(y), first.encode(y))
