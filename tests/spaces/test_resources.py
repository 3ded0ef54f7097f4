"""How many trials are fused: auto, off, or a number."""

import pytest

from spaces.errors import RunError
from spaces.resources import Resources
from spaces.study_file import parse


@pytest.mark.parametrize(
    ("written", "read"),
    [("auto", "auto"), ("off", "off"), (False, "off"), (8, 8), ("16", 16), (1, 1), (1024, 1024)],
)
def test_fuse_is_auto_off_or_a_number(written, read):
    assert Resources(fuse=written).fuse == read
    assert Resources(fuse=read) == Resources.model_validate(Resources(fuse=written).model_dump())


def test_a_study_that_says_nothing_of_it_fuses_where_it_pays():
    assert Resources().fuse == "auto"


@pytest.mark.parametrize(
    ("written", "told"),
    [
        (True, "must be auto, off or a number of trials, but got True"),
        ("many", "must be auto, off or a number of trials, but got 'many'"),
        (2.5, "must be auto, off or a number of trials, but got 2.5"),
        (0, "must be 1 to 1024 trials, auto or off, but got 0"),
        (-3, "must be 1 to 1024 trials, auto or off, but got -3"),
        (1025, "must be 1 to 1024 trials, auto or off, but got 1025"),
    ],
)
def test_anything_else_is_refused(written, told):
    with pytest.raises(RunError) as refused:
        parse({"resources": {"fuse": written}})
    assert told in str(refused.value)
    assert str(refused.value).count("\n") == 0


def test_fused_trials_share_one_gpu():
    assert Resources(fuse=4, gpus=1).gpu_share == 1
    assert Resources(fuse=4, gpus=0.5).gpu_share == 0.5
    assert Resources(fuse="auto", gpus=2).gpu_share == 2
    with pytest.raises(RunError, match="share one GPU, so gpus must be at most 1 with fuse 4, but is 2"):
        parse({"resources": {"fuse": 4, "gpus": 2}})
