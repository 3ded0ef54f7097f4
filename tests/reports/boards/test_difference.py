"""Two trials on the same rows: a real difference is seen, none is not."""

from types import SimpleNamespace

import numpy as np
import pytest

from reports.boards.difference import _best_values, compare
from search.events.evaluation import decided_patients
from search.record import Ask
from search.runs.run_folder import RunFolder
from search.scores.half_splits import draw_halves
from search.scores.metrics import decide
from search.scores.reference import Reference
from search.trials.trial import RunFacts, record
from spaces.errors import RunError
from spaces.study import Study
from tests.helpers.seizures import RAW, REFERENCE


@pytest.fixture(scope="module")
def run(tmp_path_factory) -> RunFolder:
    """Three trials of 1,200 rows of 40 groups: two equally good ones, and one that knows little."""
    rng = np.random.default_rng(0)
    groups = np.repeat([f"g{k:02d}" for k in range(40)], 30)
    y = (rng.random(1200) < 0.3).astype(np.int8)
    signal = np.where(y == 1, 1.5, -1.5)
    folder = RunFolder(tmp_path_factory.mktemp("runs") / "toy")
    folder.create(Study(), {})
    folder.write_reference(Reference(y, groups, None, None, draw_halves(y, groups, None, 0)), np.arange(1200))
    facts = RunFacts(groups="known", leaky=False, data_digest="d", code_digest="c")
    for number, share in enumerate((1.0, 1.0, 0.2)):
        score = (share * signal + rng.normal(size=1200)).astype(np.float32)
        folder.write_scores(f"{number:05d}", score, score)
        folder.write_record(_record(number, facts, state="completed", threshold_score=0.0))
    folder.write_record(_record(3, facts, state="failed", error="it fell over"))
    return folder


def _record(number: int, facts: RunFacts, **fields):
    ask = Ask(number=number, kind="baseline", baseline="prevalence", seed=0)
    return record(ask, Study(), facts, cross_fit_by="group", device="cpu", train_s=0.0, **fields)


@pytest.mark.parametrize("metric", ["f1", "average_precision"])
def test_a_difference_is_seen_and_none_is_a_tie(run, metric):
    assert compare(run, "00000", "00001", metric).tied
    apart = compare(run, "00000", "00002", metric)
    assert apart.low > 0
    assert not apart.tied
    back = compare(run, "00002", "00000", metric)
    assert back.difference == pytest.approx(-apart.difference)


def test_a_trial_is_never_better_than_itself(run):
    same = compare(run, "00000", "00000")
    assert (same.difference, same.low, same.high) == (0, 0, 0)


def test_events_are_compared_on_the_same_draws_of_patients(tmp_path):
    """Against plain resamples of whole patients; one trial finds nothing of two patients."""
    reference, raw = REFERENCE, RAW
    worse = np.where(np.isin(reference.groups, ["p0", "p3"]), raw.min(), raw).astype(np.float32)
    study = Study.model_validate({"objective": {"metric": "event_sensitivity"}})
    folder = RunFolder(tmp_path / "events")
    folder.create(study, {})
    folder.write_reference(reference, np.arange(len(raw)))
    facts = RunFacts(groups="known", leaky=False, data_digest="d", code_digest="c")
    cut = float(np.quantile(raw, 0.8))
    for number, score in enumerate((raw, worse)):
        folder.write_scores(f"{number:05d}", score, score)
        folder.write_record(_record(number, facts, state="completed", threshold_score=cut))
    found = compare(folder, "00000", "00001")
    of_patients = [decided_patients(reference, decide(score, cut), study.events) for score in (raw, worse)]
    hits = np.array([[one.sensitivity * one.seizures for one in side] for side in of_patients])
    seizures = np.array([one.seizures for one in of_patients[0]])
    assert found.difference == pytest.approx((hits[0].sum() - hits[1].sum()) / seizures.sum())
    drawn = np.random.default_rng(5).integers(len(seizures), size=(20_000, len(seizures)))
    plain = (hits[0][drawn].sum(axis=1) - hits[1][drawn].sum(axis=1)) / seizures[drawn].sum(axis=1)
    assert (found.low, found.high) == pytest.approx(np.quantile(plain, (0.025, 0.975)), abs=0.03)
    assert found.difference > 0
    assert compare(folder, "00000", "00000").difference == 0


def test_a_failed_trial_has_nothing_to_compare(run):
    with pytest.raises(RunError, match="only measured trials can be compared, but 00003 failed"):
        compare(run, "00000", "00003")


def test_the_best_of_a_head_decides_something():
    """A constant decision ranks last: with sensitivity it is perfect, and tells nothing."""
    same = {"head": "sigmoid", "loss": "bce", "objective": "sensitivity"}
    values = ((0.7, False), (0.81, False), (1.0, True))
    rows = [{**same, "value_mean": value, "constant_decision": constant} for value, constant in values]
    assert _best_values(SimpleNamespace(rows=rows)) == {("sigmoid", "bce"): 0.81}
