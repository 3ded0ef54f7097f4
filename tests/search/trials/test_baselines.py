"""The baseline `always`: it stands where events are asked for, and decides every row positive."""

import numpy as np
import pytest

from search.data.rows import Recording
from search.data.trial_data import TrialData
from search.evaluation.binary_rescoring import BinaryRescoring
from search.record import Ask
from search.scores.half_splits import draw_halves
from search.scores.reference import Reference
from search.training.trainer import Place
from search.trials.baselines import baselines_of, trials_of
from search.trials.trial import RunFacts, Trial
from spaces.policies import Cost, MaxF1, SensitivityAtFaPerDay
from spaces.study import Study

SECONDS = 600
STRICT = {"policy": "sensitivity_at_fa_per_day", "fa_per_day": 2}
FACTS = RunFacts(groups="known", leaky=False, data_digest="d", code_digest="c")


@pytest.mark.parametrize(
    ("changes", "names"),
    [
        ({}, ["prevalence", "logistic_regression"]),
        ({"objective": {"metric": "event_f1"}}, ["prevalence", "logistic_regression", "always"]),
        ({"threshold": STRICT}, ["prevalence", "logistic_regression", "always"]),
    ],
)
def test_it_stands_where_events_are_asked_for(changes, names):
    study = Study.model_validate({"name": "toy", "budget": {"trials": 4}, **changes})
    assert list(baselines_of(study)) == names
    assert trials_of(study) == len(names) + 4


def _hours() -> Reference:
    """Four recordings of ten minutes, each of one patient and with one seizure."""
    y = np.zeros((4, SECONDS), np.int8)
    y[:, 300:340] = 1
    names = np.repeat([f"r{k}" for k in range(4)], SECONDS)
    timeline = tuple(
        Recording(name=f"r{k}", group=f"r{k}", duration_s=float(SECONDS), seizures=((300.0, 340.0),))
        for k in range(4)
    )
    times = np.tile(np.arange(SECONDS, dtype=float), 4)
    halves = draw_halves(y.ravel(), names, None, 0)
    return Reference(
        y=y.ravel(), groups=names, recordings=names, times=times, halves=halves, window_s=1.0,
        timeline=timeline,
    )  # fmt: skip


@pytest.mark.parametrize(
    "threshold", [STRICT, {"policy": "cost", "c_fp": 100}, {"policy": "fixed", "at": 0.999999}]
)
@pytest.mark.parametrize("objective", [{}, {"calibration": "platt"}, {"prevalence": 1e-6}])
def test_it_is_always_on_whatever_the_study_says(threshold, objective):
    study = Study.model_validate(
        {
            "name": "toy",
            "objective": {"metric": "event_f1", **objective},
            "threshold": threshold,
            "events": {"scorer": "ovlp"},
        }
    )
    reference = _hours()
    x = np.zeros((reference.y.size, 1), np.float32)
    data = TrialData(x, reference.y, x, reference.y)
    ask = Ask(number=2, kind="baseline", baseline="always", seed=0)
    finished = Trial(
        ask, study, data, reference, FACTS, trainer=None, place=Place(node="here")
    ).to_next_rung()
    record = finished.record
    assert record.error is None
    assert record.constant_decision
    assert record.metrics["sensitivity"].value == 1
    assert record.metrics["specificity"].value == 0
    assert (record.value, record.value_fa_per_day) == (1, 0)  # one detection a recording holds its seizure
    assert record.threshold_policy == "fixed"
    assert record.metrics["brier"].value is None
    policies = [None, MaxF1(), Cost(policy="cost", c_fp=1e3), SensitivityAtFaPerDay(**STRICT)]
    for again in BinaryRescoring(reference, study, policies).of(record, finished.raw):
        assert again == record
