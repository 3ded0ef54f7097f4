"""Types of seizures as classes: each window has that which fills most of it, and no type goes without one."""

from dataclasses import replace

import numpy as np
import pytest

from search.data.rows import Labels
from search.data.sources.eeg import layouts, seizure_classes
from search.data.sources.eeg.recordings import plan_recordings, read_recording
from search.data.task_labels import Classes
from search.events.unlabelled_seizures import unmarked
from spaces.eeg import Eeg
from spaces.errors import RunError
from spaces.study_file import parse
from tests.helpers.edf_files import write_edf
from tests.helpers.stored import load

CLASSES = {"sz_foc_ia": "focal", "sz_foc_a": "focal", "sz_gen_nm_typical": "generalised"}
EVENTS = """onset\tduration\teventType
0\t60\tbckg
5\t6\tsz_foc_ia
20\t4\tsz_gen_nm_typical
24.4\t3\tsz_foc_a
40\t2\tblink
"""


def recording(tmp_path, events=EVENTS):
    folder = tmp_path / "sub-01" / "eeg"
    folder.mkdir(parents=True)
    signals = np.random.default_rng(0).normal(scale=20, size=(19, 60 * 256))
    write_edf(folder / "sub-01_task-rest_run-01_eeg.edf", signals)
    (folder / "sub-01_task-rest_run-01_events.tsv").write_text(events)


def config(**changes):
    return Eeg(source="eeg", path=".", **{"form": "raw", "classes": CLASSES, **changes})


def pieces(tmp_path, **changes):
    plan = plan_recordings(config(**changes), tmp_path)
    return [piece for job in plan.jobs for piece in read_recording(job)]


def test_windows_have_the_class_of_the_seizure_they_lie_in(tmp_path):
    recording(tmp_path)
    found = pieces(tmp_path)
    y = np.concatenate([piece.y for piece in found])
    expected = np.zeros(60, np.int16)
    expected[5:11], expected[20:24], expected[24:27] = 1, 2, 1
    assert y.dtype == np.int16
    assert y.tolist() == expected.tolist()
    assert found[0].form.labels == Classes(("background", "focal", "generalised"))
    seizures = found[0].timeline[0].seizures
    assert seizures == ((5.0, 11.0), (20.0, 24.0), (24.4, 27.4))
    assert found[0].timeline[0].kinds == ((5.0, 11.0, 1), (20.0, 24.0, 2), (24.4, 27.4, 1))


def test_seizures_of_two_classes_that_touch_stay_two(tmp_path):
    """As one that spreads from a focus: the recording has one seizure, and each class its part of it."""
    recording(tmp_path, EVENTS + "50\t4\tsz_foc_ia\n54\t6\tsz_gen_nm_typical\n")
    (one,) = pieces(tmp_path)[-1].timeline
    assert one.seizures[-1] == (50.0, 60.0)
    assert one.kinds[-2:] == ((50.0, 54.0, 1), (54.0, 60.0, 2))
    assert one.of_classes((1, 2)).seizures == one.seizures
    assert one.of_classes((2,)).seizures == ((20.0, 24.0), (54.0, 60.0))


def test_seizures_of_classes_are_cut_at_gaps():
    assert seizure_classes.kinds(
        (((5.0, 11.0), (24.4, 27.4)), ((20.0, 24.0),)), ((0.0, 8.0), (9.5, 60.0)), ((0.0, 8.0), (9.5, 23.0))
    ) == ((5.0, 8.0, 1), (9.5, 11.0, 1), (20.0, 23.0, 2))


def test_a_seizure_of_any_class_marks_its_windows(tmp_path):
    recording(tmp_path, EVENTS + "45.25\t0.4\tsz_gen_nm_typical\n")
    rows = load(config(), tmp_path)
    assert [str(one).partition(" at ")[2] for one in unmarked(rows)] == ["45.25 s for 0.4 s"]
    without = tuple(replace(one, kinds=()) for one in rows.timeline)
    assert unmarked(replace(rows, timeline=without)) == ()


def test_without_classes_it_is_seizure_or_background(tmp_path):
    recording(tmp_path)
    found = pieces(tmp_path, classes={})
    assert found[0].form.labels == Labels("background", "seizure")
    with_classes = np.concatenate([piece.y for piece in pieces(tmp_path)])
    np.testing.assert_array_equal(np.concatenate([piece.y for piece in found]), with_classes > 0)


def test_a_seizure_of_a_type_without_a_class_is_refused(tmp_path):
    recording(tmp_path, EVENTS + "50\t2\tsz_gen_tc\n")
    with pytest.raises(RunError, match=r"every type of seizure needs a class, .* list it there or in data"):
        pieces(tmp_path)
    y = np.concatenate([piece.y for piece in pieces(tmp_path, other_types="sz_gen_tc")])
    assert set(y[50:52].tolist()) == {0}


def test_most_of_a_window_decides():
    of_classes = (((0.0, 0.4), (1.0, 1.7)), ((0.4, 1.0),))
    found = seizure_classes.codes(np.array([0.0, 1.0, 2.0]), config(), of_classes)
    assert found.tolist() == [2, 1, 0]


def test_annotations_without_types_have_no_classes(tmp_path):
    found = layouts.Found(
        edf=tmp_path / "chb01_01.edf",
        name="chb01_01",
        group="chb01",
        layout="chbmit",
        annotations=None,
        expected="chb01-summary.txt",
    )
    with pytest.raises(RunError, match=r"annotations of layout bids name, but this one is of chbmit"):
        seizure_classes.intervals(found, config(), 60.0)


def test_what_a_study_says_of_classes():
    data = {"source": "eeg", "path": "."}
    study = parse({"data": {**data, "classes": CLASSES}})
    assert study.data.kind == "classes"
    assert tuple(study.space.heads) == ("softmax", "one_vs_rest", "margin")
    assert parse({"data": data}).data.kind == "binary"
    for classes, message in (
        ({"sz_a": "background"}, "background is what is no seizure"),
        ({"sz_a": "one", "SZ_A": "two"}, "must give each type one class"),
        ({"sz_a": " "}, "must not be blank"),
    ):
        with pytest.raises(RunError, match=message):
            parse({"data": {**data, "classes": classes}})
    with pytest.raises(RunError, match="a type of event is listed once"):
        parse({"data": {**data, "classes": {"Blink": "one"}, "other_types": "blink"}})
