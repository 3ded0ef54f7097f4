"""How a trained pair is decoded: what fits by its head, what does not by what it was trained to say."""

import pytest

from spaces.errors import RunError
from spaces.heads import HEADS
from spaces.pairs import WRITTEN_LOSSES, judge
from spaces.trained_heads import WRITTEN_AS, WrittenLoss, decoding, written_loss

LOGITS = {"linear", "linear_2"}


@pytest.mark.parametrize("loss", WRITTEN_LOSSES)
@pytest.mark.parametrize(("layer", "written"), WRITTEN_AS.items(), ids=WRITTEN_AS.values())
def test_every_pair_is_decoded_and_says_what_does_not_fit(layer, written, loss):
    units, activation = layer
    found = decoding(units, activation, WrittenLoss(name=loss, from_logits=written in LOGITS))
    verdict = judge(written, loss)
    assert HEADS[found.head].logits == units
    if verdict.kind != "refused":
        assert found.head == verdict.instead[0]
        assert found.center == 0
        assert all("hinge" in note for note in found.notes)
    else:
        assert found.notes[0].startswith(verdict.why)
        assert f"head {verdict.instead[0]} with loss {verdict.instead[1]}" in found.notes[0]
        assert not found.probabilistic


@pytest.mark.parametrize(
    ("units", "activation", "loss", "head", "probabilistic", "center"),
    [
        (1, "sigmoid", WrittenLoss(name="binary_crossentropy", from_logits=False), "sigmoid", True, 0),
        (1, "sigmoid", WrittenLoss(name="BinaryCrossentropy", from_logits=True), "sigmoid", False, 0),
        (1, "sigmoid", WrittenLoss(name="MeanSquaredError"), "sigmoid", True, 0),
        (1, "sigmoid", WrittenLoss(name="binary_focal_crossentropy"), "sigmoid", False, 0),
        (1, "sigmoid", None, "sigmoid", False, 0),
        (1, "linear", WrittenLoss(name="BCE", from_logits=True), "sigmoid", True, 0),
        (1, "linear", WrittenLoss(name="bce", from_logits=False), "margin", False, 0.5),
        (1, "linear", WrittenLoss(name="mse"), "margin", False, 0.5),
        (1, "linear", WrittenLoss(name="Hinge"), "margin", False, 0),
        (1, "linear", None, "margin", False, None),
        (1, "softmax", WrittenLoss(name="bce", from_logits=False), "margin", False, 0),
        (1, "tanh", WrittenLoss(name="squared_hinge"), "margin", False, 0),
        (1, "tanh", WrittenLoss(name="mse"), "margin", False, None),
        (2, "softmax", WrittenLoss(name="sparse_categorical_crossentropy"), "softmax", True, 0),
        (2, "softmax", WrittenLoss(name="bce", from_logits=False), "two_sigmoids", False, 0),
        (2, "sigmoid", WrittenLoss(name="CategoricalCrossentropy"), "softmax", False, 0),
        (2, "sigmoid", WrittenLoss(name="bce"), "two_sigmoids", False, 0),
        (2, "linear", WrittenLoss(name="cce", from_logits=True), "softmax", True, 0),
        (2, "linear", WrittenLoss(name="cce", from_logits=False), "softmax", False, 0),
        (2, "linear", None, "softmax", False, 0),
        (1, "relu", WrittenLoss(name="mse"), None, False, None),
        (1, "sigmoid", WrittenLoss(name="poisson"), "sigmoid", False, 0),
    ],
)
def test_the_head_the_claim_and_the_middle(units, activation, loss, head, probabilistic, center):
    found = decoding(units, activation, loss)
    assert (found.head, found.probabilistic, found.center) == (head, probabilistic, center)


@pytest.mark.parametrize(
    ("units", "activation", "loss", "said"),
    [
        (1, "sigmoid", "bce,from_logits=true", "from_logits=True takes what the activation has made into"),
        (1, "linear", "bce,from_logits=false", "whose middle is 0.5, not 0; write from_logits=True"),
        (
            2,
            "linear",
            "sparse_cce,from_logits=false",
            "no decode is right, and their difference is the nearest",
        ),
        (1, "softmax", "bce", "softmax over one unit is the constant 1"),
        (1, "softmax", "cce", "what they were before training"),
        (1, "linear", "hinge", "Keras takes labels of 0 and 1 for these: its middle is 0"),
        (1, "sigmoid", "hinge", "hinge asks for a margin beyond -1 and 1"),
        (2, "softmax", "bce", "half the difference of the logits"),
        (2, "sigmoid", "cce", "one column at 0.5 is not"),
    ],
)
def test_what_does_not_fit_is_told(units, activation, loss, said):
    [note] = decoding(units, activation, written_loss(loss)).notes
    assert said in note


@pytest.mark.parametrize(
    ("head", "units", "activation", "found"),
    [
        ("sigmoid", 1, "linear", "sigmoid"),
        ("margin", 1, "linear", "margin"),
        ("two_sigmoids", 2, "linear", "two_sigmoids"),
        ("two_sigmoids", 2, "sigmoid", "two_sigmoids"),
    ],
)
def test_a_head_that_is_told_is_taken(head, units, activation, found):
    assert decoding(units, activation, None, head).head == found


@pytest.mark.parametrize(
    ("units", "activation", "loss", "said"),
    [(1, "sigmoid", "bce", "by the logit below both"), (2, "softmax", "cce", "by what the sigmoid puts out")],
)
def test_an_activation_of_an_activation_is_told(units, activation, loss, said):
    found = decoding(units, activation, WrittenLoss(name=loss), None, "sigmoid")
    assert said in found.notes[0]
    assert not found.probabilistic
    assert found.center == (None if units == 1 else 0)


def test_a_head_that_is_told_does_not_hide_what_the_loss_took():
    found = decoding(1, "linear", WrittenLoss(name="bce", from_logits=False), "sigmoid")
    assert (found.head, found.center, found.probabilistic) == ("margin", 0.5, False)


@pytest.mark.parametrize("head", ["softmax", "tanh", "softmax_1", "margin"])
def test_a_head_that_the_model_does_not_have_is_refused(head):
    with pytest.raises(RunError, match=r"ends with, Dense\(1, sigmoid\), but got " + head):
        decoding(1, "sigmoid", None, head)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("bec", "loss must be one of"),
        ("bce,logits=true", "--loss takes a loss, or one with from_logits=true or false"),
        ("bce,from_logits=1", "--loss takes a loss"),
        ("hinge,from_logits=true", "from_logits is a setting of bce, cce, sparse_cce, focal"),
    ],
)
def test_a_loss_that_cannot_be_read_is_refused(text, said):
    with pytest.raises(RunError, match=said):
        written_loss(text)
