"""Events of classes: those of the same decisions in a binary study, of the seizures of the classes named."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from search.data.rows import Labels, Recording, Rows
from search.data.task_labels import Classes, LabelNames
from search.evaluation.multiclass import ClassScoring, FittedClasses
from search.events.evaluation import check_events, decided_patients, event_estimates
from search.events.intervals import detections
from search.events.scoring import EVENT_METRICS, EventCounts, scoring_of
from search.events.timelines import find_timeline
from search.scores.calibration import Calibration, Fit
from search.scores.half_splits import Halves
from search.scores.metrics import decide
from search.scores.multiclass.offsets import ClassChoice
from search.trials.preparation import reference_of
from spaces.errors import RunError
from spaces.policies import Argmax
from spaces.study import UNSAID, Events
from spaces.study_file import parse, settled
from spaces.tasks import Task
from tests.helpers import event_reference
from tests.helpers.stored import digest, stored

EEG = {"source": "eeg", "path": ".", "classes": {"sz_foc": "focal", "sz_gen": "generalised"}}
NPZ = {"source": "npz", "path": "x.npz", "x": "x", "y": "y"}
NAMES = ("background", "focal", 3, "a b")


def rows_of(y, labels, lengths, timeline=None, window_s=1.0) -> Rows:
    """Windows of one second, one after another, of recordings of these lengths; two of them a patient."""
    names = np.concatenate([np.full(length, f"r{k}") for k, length in enumerate(lengths)])
    return Rows(
        x=np.zeros((len(y), 1), np.float32),
        y=y,
        labels=labels,
        groups=np.concatenate([np.full(length, f"p{k // 2}") for k, length in enumerate(lengths)]),
        recordings=names,
        times=np.concatenate([np.arange(length, dtype=np.float64) for length in lengths]),
        window_s=window_s,
        timeline=timeline,
    )


def reference(rows, events=UNSAID):
    n = len(rows)
    return reference_of(rows, np.arange(n), Halves("group", np.zeros((n, 0), np.bool_)), events)


def estimates(scoring, decided, of):
    """What `ClassScoring` makes of these decisions, -1 being none."""
    size = len(scoring.classes)
    score = np.where(decided[:, None] == np.arange(size), 20, 0).astype(np.float32)
    choice = ClassChoice((0.0,) * size, (0.0,) * size, (0.0,) * size, reject_below=0.9)
    fitted = FittedClasses(Fit(Calibration(1.0, 0.0)), choice, True)
    assert choice.decide(score).tolist() == decided.tolist()
    return scoring.estimates(fitted, score, of)


@st.composite
def decisions(draw):
    """Classes in any order, which of them are seizures, true and decided classes, and recordings."""
    names = tuple(draw(st.permutations(NAMES)))
    positive = draw(st.lists(st.sampled_from(names), min_size=1, max_size=3, unique=True))
    lengths = draw(st.lists(st.integers(2, 25), min_size=1, max_size=4))
    n = sum(lengths)
    y = np.array(draw(st.lists(st.integers(0, 3), min_size=n, max_size=n)), np.int16)
    decided = np.array(draw(st.lists(st.integers(-1, 3), min_size=n, max_size=n)), np.int16)
    rules = Events(
        scorer=draw(st.sampled_from(["szcore", "ovlp"])),
        drop_shorter_s=draw(st.sampled_from([0, 2])),
        merge_gaps_s=draw(st.sampled_from([0, 3])),
        positive=positive,
    )
    return names, lengths, y, decided, rules


@given(decisions())
@settings(deadline=None, max_examples=60)
def test_they_are_those_of_the_same_decisions_of_two_values(data):
    names, lengths, y, decided, rules = data
    seizures = [k for k, name in enumerate(names) if name in rules.positive]
    classes = reference(rows_of(y, Classes(names), lengths), rules)
    of_two = reference(rows_of(np.isin(y, seizures).astype(np.int8), Labels(0, 1), lengths))
    assert classes.timeline == of_two.timeline
    scoring = ClassScoring(
        classes=names,
        rule=Argmax(policy="argmax"),
        calibration="none",
        metric="macro_f1",
        seed=3,
        events=rules,
    )
    positive = np.isin(decided, seizures)
    found = estimates(scoring, decided, classes).whole
    expected = event_estimates(of_two, np.where(positive, 1, -1).astype(np.float32), 0.0, rules, 3)
    assert {name: found[name] for name in EVENT_METRICS} == expected
    # And by timescoring's own object, one recording after another.
    sums, at = np.zeros(3), 0
    for recording in of_two.timeline:
        mine = positive[at : at + round(recording.duration_s)]
        at += len(mine)
        events = detections(np.arange(len(mine), dtype=float), 1.0, mine, recording.duration_s, rules)
        counts = event_reference.scored(recording.duration_s, recording.seizures, events, rules.scorer)
        sums += [counts.tp, counts.fp, counts.refTrue]
    tp, fp, ref = (np.array(one) for one in sums)
    slow = {
        name: float(of(EventCounts(tp, fp, ref, np.array(float(at))))) for name, of in EVENT_METRICS.items()
    }
    told = {name: np.nan if found[name].value is None else found[name].value for name in EVENT_METRICS}
    assert told == pytest.approx(slow, nan_ok=True)
    more = estimates(replace(scoring, events=Events()), decided, classes).whole
    assert more == {name: one for name, one in found.items() if name not in EVENT_METRICS}


def annotated(y, *kinds):
    """A recording of 60 s with seizures of these starts, ends and classes, and rows of the classes `y`."""
    spans = tuple((start, end) for start, end, _ in kinds)
    timeline = (Recording("r0", "p0", 60.0, spans, kinds=kinds),)
    return rows_of(np.array(y, np.int16), Classes(("background", "focal", "generalised")), [60], timeline)


def test_true_seizures_are_those_of_the_classes_named():
    kinds = ((5.25, 11.0, 1), (20.0, 24.5, 2), (24.5, 27.4, 1), (40.0, 41.0, 2))
    rows = annotated([0] * 60, *kinds)
    for positive, seizures, told in (
        ("focal", ((5.25, 11.0), (24.5, 27.4)), "2, of 'focal'"),
        (["generalised"], ((20.0, 24.5), (40.0, 41.0)), "2, of 'generalised'"),
        (
            ["generalised", "focal"],
            ((5.25, 11.0), (20.0, 27.4), (40.0, 41.0)),
            "3, of 'generalised', 'focal'",
        ),
    ):
        found = find_timeline(rows, np.arange(60), Events(positive=positive))
        assert found.recordings == (Recording("r0", "p0", 60.0, seizures),)
        assert found.told.endswith(f"seizures by annotation {told}")
    found = find_timeline(rows, np.arange(60))
    assert found.recordings is None
    assert found.told == (
        "event scores: none, since no one class is the positive one (events.positive names those that are)"
    )


spans = st.tuples(st.integers(0, 50), st.integers(1, 9), st.integers(1, 3))


@given(st.lists(spans, max_size=6), st.sets(st.integers(1, 3)))
def test_seizures_of_classes_are_the_union_of_theirs(drawn, classes):
    kinds = tuple(sorted((float(start), float(start + length), kind) for start, length, kind in drawn))
    found = Recording("r", "p", 60.0, (), kinds=kinds).of_classes(tuple(classes))
    inside = {s for start, end, kind in kinds if kind in classes for s in range(int(start), int(end))}
    assert {s for start, end in found.seizures for s in range(int(start), int(end))} == inside
    assert all(a[1] < b[0] for a, b in zip(found.seizures, found.seizures[1:], strict=False))
    assert found.kinds == ()


def test_a_detection_in_a_seizure_of_another_class_is_a_false_alarm():
    """What is scored is the union of the classes named: no more, and no class by itself."""
    y = np.zeros(60, np.int16)
    y[5:11], y[40:50] = 1, 2
    rows = annotated(y, (5.0, 11.0, 1), (40.0, 50.0, 2))
    names = rows.labels.values
    scoring = ClassScoring(
        classes=names,
        rule=Argmax(policy="argmax"),
        calibration="none",
        metric="macro_f1",
        seed=0,
        events=Events(scorer="ovlp", positive="focal"),
    )
    found = estimates(scoring, np.where(y > 0, 1, 0).astype(np.int16), reference(rows, scoring.events)).whole
    assert (found["event_sensitivity"].value, found["event_precision"].value) == (1.0, 0.5)
    assert found["fa_per_day"].value == 86_400 / 60
    both = replace(scoring, events=Events(scorer="ovlp", positive=["focal", "generalised"]))
    found = estimates(both, np.where(y > 0, 1, 0).astype(np.int16), reference(rows, both.events)).whole
    assert (found["event_sensitivity"].value, found["event_precision"].value) == (1.0, 1.0)


def test_a_class_without_a_seizure_has_no_sensitivity():
    rows = annotated([0] * 60, (5.0, 11.0, 1))
    events = Events(positive="generalised")
    scoring = ClassScoring(
        classes=rows.labels.values,
        rule=Argmax(policy="argmax"),
        calibration="none",
        metric="macro_f1",
        seed=0,
        events=events,
    )
    found = estimates(scoring, np.full(60, -1, np.int16), reference(rows, events)).whole
    assert [found[name].value for name in EVENT_METRICS] == [None, None, None, 0.0]


def test_seizures_of_classes_are_kept_in_stretches():
    recording = Recording(
        "r",
        "p",
        60.0,
        ((5.0, 9.0), (41.0, 50.0)),
        ((0.0, 20.0), (40.5, 60.0)),
        ((5.0, 9.0, 1), (41.0, 50.0, 2)),
    )
    (_, first), (_, second) = recording.parts()
    assert (first.kinds, second.kinds) == (((5.0, 9.0, 1),), ((0.5, 9.5, 2),))
    found = recording.of_classes((2,))
    assert (found.seizures, found.stretches) == (((41.0, 50.0),), recording.stretches)


def test_recordings_with_gaps_are_scored_in_stretches():
    """As of two values, of a class in one stretch and of both: hours and alarms are those recorded."""
    kinds, stretches = ((5.0, 9.0, 1), (41.0, 50.0, 2)), ((0.0, 20.0), (40.0, 60.0))
    recording = Recording("r0", "p0", 60.0, ((5.0, 9.0), (41.0, 50.0)), stretches, kinds)
    times = np.concatenate([np.arange(20.0), np.arange(40.0, 60.0)])
    y = np.zeros(40, np.int16)
    y[5:9], y[21:30] = 1, 2
    decided = np.where(np.isin(times, (6, 19, 40, 45)), 2, 0).astype(np.int16)
    shared = {"recordings": np.full(40, "r0"), "groups": np.full(40, "p0"), "times": times, "window_s": 1.0}
    x, names = np.zeros((40, 1), np.float32), ("background", "focal", "generalised")
    for positive, seizures in (
        (["focal"], (1,)),
        (["generalised"], (2,)),
        (["focal", "generalised"], (1, 2)),
    ):
        events = Events(scorer="ovlp", positive=positive)
        rows = Rows(x, y, Classes(names), timeline=(recording,), **shared)
        two = Rows(
            x,
            np.isin(y, seizures).astype(np.int8),
            Labels(0, 1),
            timeline=(recording.of_classes(seizures),),
            **shared,
        )
        scoring = ClassScoring(
            classes=names,
            rule=Argmax(policy="argmax"),
            calibration="none",
            metric="macro_f1",
            seed=0,
            events=events,
        )
        found = estimates(scoring, decided, reference(rows, events)).whole
        score = np.where(np.isin(decided, seizures), 1, -1).astype(np.float32)
        expected = event_estimates(reference(two), score, 0.0, events, 0)
        assert {name: found[name] for name in EVENT_METRICS} == expected
    assert found["event_sensitivity"].value == 1
    assert found["fa_per_day"].value == 2 / (40 / 86_400)  # at 19 and at 40 s, which no gap joins


def test_prepared_data_keep_them_under_the_digest_that_they_had(tmp_path):
    rows = annotated([0] * 60, (5.25, 11.0, 1), (20.0, 24.5, 2))
    assert stored(rows, tmp_path).rows.timeline == rows.timeline
    bare = replace(rows, timeline=tuple(replace(one, kinds=()) for one in rows.timeline))
    assert digest(rows) == digest(bare)


def test_a_record_says_what_was_counted():
    assert scoring_of(Events(positive=["focal", 3]))["positive"] == ["focal", 3]
    assert "positive" not in scoring_of(Events())


def test_patients_are_counted_by_the_same_code():
    y = np.zeros(100, np.int16)
    y[10:20], y[60:70] = 1, 2
    rows = rows_of(y, Classes(("background", "focal", "generalised")), [50, 50])
    events = Events(positive=["focal", "generalised"])
    of_two = reference(replace(rows, y=(y > 0).astype(np.int8), labels=Labels(0, 1)))
    score = np.where(y == 1, 1, -1).astype(np.float32)
    assert decided_patients(reference(rows, events), decide(score, 0.0), events) == decided_patients(
        of_two, decide(score, 0.0), events
    )


@pytest.mark.parametrize(
    ("positive", "message"),
    [
        ("tonic", "events.positive must be of the classes 'background', 'focal', 3, but got 'tonic'"),
        ("3", "events.positive must be of the classes 'background', 'focal', 3, but got '3'"),
        ([3, True], "events.positive must be of the classes 'background', 'focal', 3, but got True"),
        (
            ["background", "focal", 3],
            "events.positive must leave a class out, which is background, but got all: 'background', "
            "'focal', 3",
        ),
    ],
)
def test_what_is_no_class_or_all_of_them_is_refused(positive, message):
    rows = rows_of(np.arange(3, dtype=np.int16), Classes(("background", "focal", 3)), [3])
    with pytest.raises(RunError) as caught:
        find_timeline(rows, np.arange(3), Events(positive=positive))
    assert str(caught.value) == message


def test_classes_that_are_numbers_are_named_by_their_value():
    assert Events(positive=[2, 1.0]).places((0.0, 1.0, 2.0)) == (1, 2)
    assert Events(positive=[2.0]).places((0, 1, 2)) == (2,)
    assert Events(positive=True).places((False, True)) == (1,)
    assert Events(positive=["a b", "a b"]).places(("a", "a b", "b")) == (1,)


def test_what_needs_times_says_so():
    rows = replace(
        rows_of(np.arange(3, dtype=np.int16), Classes(("background", "focal", 3)), [3]), times=None
    )
    study = parse({"data": {**NPZ, "task": "classes"}, "events": {"positive": "focal"}})
    with pytest.raises(RunError) as caught:
        check_events(study, reference(rows, study.events))
    assert str(caught.value) == (
        "events.positive needs recordings that the rows cover: their names, the rows' times and window_s "
        "(data.recording, data.time, data.window_s; of decide --recording, --start, --window-s), but these "
        "are unknown or cover too little"
    )


def test_seizures_without_a_class_are_refused():
    rows = annotated([0] * 60, (5.0, 11.0, 1))
    rows = replace(rows, timeline=tuple(replace(one, kinds=()) for one in rows.timeline))
    with pytest.raises(RunError) as caught:
        find_timeline(rows, np.arange(60), Events(positive="focal"))
    assert str(caught.value) == (
        "events.positive needs the class of every seizure, but the seizures that the data state have none; "
        "leave them out: then rows of these classes that touch are one seizure"
    )


@pytest.mark.parametrize(
    ("data", "task", "message"),
    [
        (
            {"source": "eeg", "path": "."},
            None,
            "events.positive is of a task of classes, but the task is binary; of two values data.positive "
            "names it (study: events.positive)",
        ),
        (
            EEG,
            None,
            "events.positive must be of the classes 'background', 'focal', 'generalised', but got 'tonic' "
            "(study: events.positive)",
        ),
        (
            {**NPZ, "seizures": "sz"},
            None,
            "events.positive needs the class of every seizure, which data.seizures does not say; leave "
            "data.seizures out: then rows of these classes that touch are one seizure "
            "(study: events.positive)",
        ),
        (
            {**NPZ, "task": "labels"},
            None,
            "events.positive is of a task of classes, but the task is labels; leave it out "
            "(study: events.positive)",
        ),
        (
            NPZ,  # whose labels tell what they are
            Task(name="number", location=1.0, scale=2.0),
            "events.positive is of a task of classes, but the task is number; leave it out "
            "(study: events.positive)",
        ),
    ],
)
def test_what_a_study_itself_tells_to_be_no_class_is_refused_as_it_is_read(data, task, message):
    written = {"data": data, "events": {"positive": "tonic"}}
    with pytest.raises(RunError) as caught:
        settled(parse(written), task)
    assert str(caught.value) == message


@pytest.mark.parametrize(
    ("asked", "what"),
    [
        ({"objective": {"metric": "event_f1"}}, "objective.metric"),
        ({"threshold": "sensitivity_at_fa_per_day"}, "threshold"),
    ],
)
def test_nothing_of_classes_is_chosen_by_events(asked, what):
    why = (
        "events of classes (events.positive) are counted and may be required (--require fa_per_day.max=2), "
        f"but nothing is chosen by them (study: {what})"
    )
    with pytest.raises(RunError) as caught:
        parse({"data": EEG, "events": {"positive": "focal"}, **asked})
    assert str(caught.value).endswith(why)
    assert "\n" not in str(caught.value)


def test_labels_that_apply_each_for_itself_have_no_events():
    rows = rows_of(np.zeros((3, 2), np.int8), LabelNames(("a", "b")), [3])
    found = find_timeline(rows, np.arange(3))
    assert found.told == "event scores: none, since no one class is the positive one"
