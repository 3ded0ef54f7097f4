"""Other rules for trials of other tasks than binary: what cannot be met leaves no number of another rule."""

from search.evaluation.rescoring import TaskRescoring
from spaces.policies import RecallAtPrecision
from tests.helpers.task_runs import LABEL_TASK, study_of, written


def test_a_rule_that_cannot_be_met_leaves_nothing_of_the_rule_before(tmp_path):
    """Precision of .999 is out of reach: what is told of decisions would be that of the study's own rule."""
    labels = written(tmp_path / "run", study_of(LABEL_TASK))
    reference, study = labels.reference(), labels.study()
    rule = RecallAtPrecision(policy="recall_at_precision", precision=0.999)
    record = labels.record("00003")
    [found] = TaskRescoring(reference, study, [rule]).of(record, labels.raw_scores("00003"))
    assert found.error == (
        "label 'spike': recall_at_precision needs a cut with precision of at least 0.999, but the best "
        "reachable is 0.7692"
    )
    assert found.value is found.thresholds is found.constant is None
    assert record.metrics["macro_f1"].value is not None
    decided = [name for name, one in found.metrics.items() if one.value is None]
    assert sorted(decided) == sorted(
        [
            *(
                f"{mean}_{name}"
                for mean in ("macro", "micro", "weighted")
                for name in ("f1", "precision", "recall")
            ),
            *("subset_accuracy", "hamming_loss"),
        ]
    )
    assert {
        name: one for name, one in found.metrics.items() if one.value is not None
    }.items() <= record.metrics.items()
    assert {name for name, of in found.each.items() if of[0].value is None} == {"recall", "precision", "f1"}
    assert found.each["roc_auc"] == record.each["roc_auc"]
    assert found.calibrations_a == record.calibrations_a
