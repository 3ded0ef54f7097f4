"""Requirements as people write them, and who meets them."""

import math

import pytest

from reports.boards.requirements import NAMES, Requirement, nearest, parse, unmet
from spaces.errors import RunError


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("sensitivity.min=0.95", Requirement("sensitivity", "min", 0.95)),
        ("sensitivity>=0.95", Requirement("sensitivity", "min", 0.95)),
        (" fa_per_day <= 2 ", Requirement("fa_per_day", "max", 2.0)),
        ("fa_per_day.max=2", Requirement("fa_per_day", "max", 2.0)),
        ("value.min=1e-3", Requirement("value", "min", 0.001)),
        ("f1.MIN=.5", Requirement("f1", "min", 0.5)),
    ],
)
def test_both_spellings_are_read(text, expected):
    assert parse([text]) == (expected,)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("limit", [0.25, 0.9999999])
def test_what_is_printed_reads_back(name, limit):
    requirement = Requirement(name, "max", limit)
    assert parse([str(requirement)]) == (requirement,)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("sensitivity", "such as sensitivity.min=0.95, got 'sensitivity'"),
        ("f1=0.9", "METRIC.min=NUMBER"),
        ("f1>0.9", "METRIC.min=NUMBER"),
        ("f1>=0.9>=0.8", "METRIC.min=NUMBER"),
        ("beauty.min=1", "takes one of value, sensitivity"),
        ("f1.min=nan", "finite number"),
        ("f1.min=inf", "finite number"),
        ("f1.min=high", "finite number"),
        (
            "sensitivity.min=95",
            "sensitivity lies between 0 and 1, but --require asks for 'sensitivity.min=95'",
        ),
        ("mcc.min=-2", "between -1 and 1"),
        ("fa_per_day.max=-1", "between 0 and inf"),
        ("", "METRIC.min=NUMBER"),
    ],
)
def test_anything_else_is_one_clear_line(text, said):
    with pytest.raises(RunError, match="--require") as error:
        parse([text])
    assert said in str(error.value)
    assert error.value.exit_code == 2


def test_the_limit_itself_is_met_and_null_is_not():
    requirements = parse(["sensitivity.min=0.9", "fa_per_day.max=2"])
    assert unmet({"val_sensitivity": 0.9, "val_fa_per_day": 2.0}, requirements) == []
    assert unmet({"val_sensitivity": 0.89, "val_fa_per_day": None}, requirements) == list(requirements)
    assert requirements[1].shortfall({"val_fa_per_day": None}) == math.inf


def test_the_nearest_falls_short_by_least():
    rows = [
        {"id": k, "val_f1": f1, "val_precision": p}
        for k, (f1, p) in enumerate([(0.5, 0.9), (0.7, 0.6), (0.8, None)])
    ]
    assert nearest(rows, parse(["f1.min=0.9"]))["id"] == 2
    assert nearest(rows, parse(["f1.min=0.9", "precision.min=0.8"]))["id"] == 0
    alarming = [
        {"id": 0, "val_f1": 0.9, "val_fa_per_day": 22.0},
        {"id": 1, "val_f1": 0.4, "val_fa_per_day": 20.0},
    ]
    assert (
        nearest(alarming, parse(["f1.min=0.8", "fa_per_day.max=20"]))["id"] == 0
    )  # a tenth too many, not half
    assert nearest([], parse(["f1.min=0.9"])) is None
