"""The rules of classes and of labels, as a study writes them."""

import pytest
from pydantic import TypeAdapter, ValidationError

from spaces.errors import RunError
from spaces.policies import (
    Argmax,
    ClassThreshold,
    CostMatrix,
    Fixed,
    LabelThreshold,
    MaxF1,
    MaxMacroF1,
    MaxMicroF1,
    RecallAt,
    TopK,
    check_answers,
)

of_classes, of_labels = TypeAdapter(ClassThreshold), TypeAdapter(LabelThreshold)


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ({}, MaxMacroF1()),
        ({"reject_below": 0.5}, MaxMacroF1(reject_below=0.5)),
        ("argmax", Argmax(policy="argmax")),
        ({"policy": "recall_at", "of_class": "focal", "recall": 0.9},
         RecallAt(policy="recall_at", of_class="focal", recall=0.9)),
        ({"policy": "cost", "costs": [[0, 1, 2], [1, 0, 1], [5, 1, 0]]},
         CostMatrix(policy="cost", costs=((0, 1, 2), (1, 0, 1), (5, 1, 0)))),
    ],
    ids=str,
)  # fmt: skip
def test_rules_of_classes(written, read):
    found = of_classes.validate_python(written)
    assert found == read
    assert of_classes.validate_python(found.model_dump()) == found
    assert of_classes.validate_json(found.model_dump_json()) == found


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ({}, MaxF1()),
        (0.5, Fixed(policy="fixed", at=0.5)),
        ({"beta": 2}, MaxF1(beta=2)),
        ("max_micro_f1", MaxMicroF1(policy="max_micro_f1")),
        ({"policy": "top_k", "k": 3}, TopK(policy="top_k", k=3)),
    ],
    ids=str,
)
def test_rules_of_labels(written, read):
    found = of_labels.validate_python(written)
    assert found == read
    assert of_labels.validate_python(found.model_dump()) == found


@pytest.mark.parametrize(
    "written", ["youden", {"policy": "fixed", "at": 0.5}, {"policy": "cost", "c_fp": 1}, 0.5]
)
def test_rules_of_one_threshold_are_none_of_classes(written):
    with pytest.raises(ValidationError):
        of_classes.validate_python(written)


@pytest.mark.parametrize(
    ("classes", "asked", "place"),
    [
        ((0, 1, 2), 1, 1),
        ((0, 1, 2), "1", 1),
        ((0, 1, 2), 1.0, 1),
        ((1.0, 2.0), 2, 1),
        ((1.0, 2.0), "2", 1),
        ((-1, 0), "-1", 0),
        ((False, True), True, 1),
        ((False, True), "false", 0),
        ((False, True), 1, 1),
        (("1", "true"), "true", 1),
        (("1", "true"), "1", 0),
    ],
)
def test_a_class_is_named_by_its_value(classes, asked, place):
    assert RecallAt(policy="recall_at", of_class=asked).code(classes) == place


@pytest.mark.parametrize(
    ("rule", "answers", "message"),
    [
        (
            RecallAt(policy="recall_at", of_class=3),
            (0, 1),
            "of_class must be one of the classes 0, 1, but got 3",
        ),
        (RecallAt(policy="recall_at", of_class="x"), (0, 1), "must be one of the classes 0, 1, but got 'x'"),
        (
            RecallAt(policy="recall_at", of_class=1),
            ("1", "2"),
            "'1', '2', but got 1; the classes are text: quote it",
        ),
        (
            RecallAt(policy="recall_at", of_class="A"),
            ("a", "b"),
            "must be one of the classes 'a', 'b', but got 'A'",
        ),
        (
            CostMatrix(policy="cost", costs=((0, 1), (1, 0))),
            ("a", "b", "c"),
            "costs must have a row for each class, but got 2 rows for 3 classes: 'a', 'b', 'c'",
        ),
        (
            TopK(policy="top_k", k=3),
            ("a", "b"),
            "threshold.k must be at most the number of labels, 2, but got 3",
        ),
    ],
)
def test_a_rule_that_asks_for_other_answers_is_refused(rule, answers, message):
    with pytest.raises(RunError, match=message) as caught:
        check_answers(rule, answers)
    assert caught.value.exit_code == 2


def test_rules_that_name_no_answers_are_for_any():
    for rule in (Argmax(policy="argmax"), MaxF1(), TopK(policy="top_k", k=2)):
        check_answers(rule, ("a", "b"))
