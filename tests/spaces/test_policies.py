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


def test_a_class_is_found_by_its_value_and_type():
    rule = RecallAt(policy="recall_at", of_class="1")
    assert rule.code(("0", "1")) == 1
    assert RecallAt(policy="recall_at", of_class=2).code((0, 1, 2)) == 2
    with pytest.raises(RunError, match=r"threshold\.of_class must be one of the classes 0, 1, but got '1'"):
        rule.code((0, 1))
