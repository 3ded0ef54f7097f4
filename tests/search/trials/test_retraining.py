"""What a trial that is trained again is given of a GPU."""

import pytest

from search.trials.retraining import _share_of
from spaces.study import Study
from tests.helpers.records import record


@pytest.mark.parametrize(
    ("device", "fused", "share", "given"),
    [
        pytest.param("gpu:0", None, 0.25, 0.25, id="a process of its own"),
        pytest.param("gpu:0", 8, 0.03, 0.5, id="fused: the share of the process, not its part of the clock"),
        pytest.param("cpu", None, 0.25, 0.0, id="where its GPU was not there"),
        pytest.param("cpu", 8, 0.03, 0.0, id="fused, where its GPU was not there"),
    ],
)
def test_a_trial_is_given_what_its_process_had(device, fused, share, given):
    study = Study.model_validate({"resources": {"gpus": 0.5}})
    assert _share_of(record(device=device, fused=fused, gpu_share=share), study) == given
