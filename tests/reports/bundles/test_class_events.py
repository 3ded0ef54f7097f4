"""What the bundle of a trial of classes says of events: which classes are seizures, and how they did."""

import numpy as np
import pytest

from reports.boards.advice import best_baseline
from reports.bundles import card
from reports.bundles.config import bundle_config, training_scale
from reports.bundles.picking import Choice
from reports.bundles.schema import BundleConfig
from search.data.rows import Rows
from search.data.splits import Split
from search.data.task_labels import Classes
from search.evaluation.by_task import scoring_for
from search.evaluation.recorded_decisions import fitted_of, seizures
from search.events.evaluation import decided_patients
from search.events.scoring import EVENT_METRICS
from search.trials.preparation import Prepared
from tests.helpers import schemas
from tests.helpers.task_runs import CLASS_TASK, study_of, timed, written

DIGESTS = {"data_digest": "d" * 64, "split_digest": "s" * 64, "code_digest": "c" * 64, "versions": {}}


def made(folder, **events):
    """The best trial of a run, and the config of its bundle; its validation rows stand for all parts."""
    study = study_of(CLASS_TASK, **({"events": events} if events else {}))
    run = written(folder / "run", study, (1.5,))
    record, (_, score), reference = run.record("00001"), run.scores("00001"), run.reference()
    every = np.arange(len(reference.y))
    rows = Rows(
        np.tile(np.arange(4, dtype=np.float32), (len(every), 1)),
        reference.y.astype(np.int16),
        Classes(reference.answers),
        groups=reference.groups,
        recordings=reference.groups,
        times=timed(reference, study.events).times,
        window_s=1.0,
    )
    split = Split(train=every, validation=every, test=every, by="group", leaky=False, groups_known=True)
    prepared = Prepared(rows, split, DIGESTS["data_digest"], DIGESTS["split_digest"], study)
    test = scoring_for(study, study.threshold, reference).estimates(
        fitted_of(record, study), score, reference
    )
    found = seizures(record, study, score, rows.labels.seizures(study.events))
    config = bundle_config(
        study,
        Choice(record=record),
        prepared,
        DIGESTS,
        test,
        decided_patients(reference, found, study.events),
        1,
        best_baseline(run.records()),
        [],
        [],
        training_scale(prepared),
        folder,
    )
    return record, config


def test_it_says_which_classes_are_seizures_and_how_they_did(tmp_path):
    record, config = made(tmp_path, scorer="ovlp", positive=["focal", "gener/alised"])
    (tmp_path / "config.yaml").write_text(config.text(), encoding="utf-8")
    said = schemas.content(tmp_path / "config.yaml")
    assert schemas.faults(said, "bundle.schema.json") == []
    back = BundleConfig.model_validate(said)
    assert back.text() == config.text()
    assert (back.format, back.events.positive) == (6, ("focal", "gener/alised"))
    assert back.labels.seizures(back.events) == (1, 2)
    assert set(EVENT_METRICS) <= {*back.test.metrics}
    hits, ref = (
        sum(patient.seizures * share(patient) for patient in back.test.patients)
        for share in (lambda patient: patient.sensitivity or 0, lambda patient: 1)
    )
    assert back.test.metrics["event_sensitivity"].value == pytest.approx(hits / ref)
    told = card.text(record, config)
    assert "windows decided to be focal or gener/alised that touch or overlap become one event" in told
    assert f"| false alarms per 24 h | {back.test.metrics['fa_per_day'].value:.3f} |" in told
    assert "Worst patient: p" in told


def test_without_them_it_says_what_it_said(tmp_path):
    record, config = made(tmp_path)
    assert (config.format, config.events, config.test.patients) == (5, None, ())
    assert not set(EVENT_METRICS) & {*config.test.metrics}
    assert "## Events" not in card.text(record, config)
