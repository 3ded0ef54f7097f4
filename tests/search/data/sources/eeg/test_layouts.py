"""Recordings are found by names alone, in all five layouts, with every patient under one name."""

import logging
import os
from pathlib import Path

import pytest

from search.data.sources.eeg.layouts import LAYOUTS, find
from spaces.eeg import Eeg
from spaces.errors import RunError

TREES = {
    "chbmit": {
        "chb02/chb02_16+.edf": ("chb02_16+", "chb02", "chb02/chb02-summary.txt"),
        "chb17/chb17a_03.edf": ("chb17a_03", "chb17", "chb17/chb17-summary.txt"),
        "chb17/chb17b_57.edf": ("chb17b_57", "chb17", "chb17/chb17-summary.txt"),
    },
    "siena": {
        "PN00/PN00-1.edf": ("PN00-1", "PN00", "PN00/Seizures-list-PN00.txt"),
        "PN10/PN10-4.5.6.edf": ("PN10-4.5.6", "PN10", "PN10/Seizures-list-PN10.txt"),
    },
    "seizeit": {
        "P_ID64/P_ID64_r1.edf": ("P_ID64_r1", "P_ID64", "P_ID64/P_ID64_r1_a2.tsv"),
        "P_ID64/P_ID64_r10.edf": ("P_ID64_r10", "P_ID64", "P_ID64/P_ID64_r10_a1.tsv"),
    },
    "tuh": {
        "dev/aaaaaool/s001_2013/01_tcp_ar/aaaaaool_s001_t000.edf": (
            "dev/aaaaaool/s001_2013/01_tcp_ar/aaaaaool_s001_t000",
            "aaaaaool",
            "dev/aaaaaool/s001_2013/01_tcp_ar/aaaaaool_s001_t000.csv_bi",
        ),
        "train/02_tcp_le/002/00000258/s002_2003/00000258_s002_t001.edf": (
            "train/02_tcp_le/002/00000258/s002_2003/00000258_s002_t001",
            "00000258",
            "train/02_tcp_le/002/00000258/s002_2003/00000258_s002_t001.tse_bi",
        ),
    },
    "bids": {
        "sub-01/eeg/sub-01_eeg.edf": ("sub-01/eeg/sub-01_eeg", "sub-01", "sub-01/eeg/sub-01_events.tsv"),
        "sub-02/ses-01/eeg/sub-02_ses-01_task-szMonitoring_run-00_eeg.edf": (
            "sub-02/ses-01/eeg/sub-02_ses-01_task-szMonitoring_run-00_eeg",
            "sub-02",
            "sub-02/ses-01/eeg/sub-02_ses-01_task-szMonitoring_run-00_events.tsv",
        ),
    },
}
"""By layout and EDF file: its name, its patient and its annotation file."""


def touch(root: Path, *names: str) -> Path:
    for name in names:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    return root


def config(**changes) -> Eeg:
    return Eeg(source="eeg", path=".", **changes)


def refused(root: Path, **changes) -> str:
    with pytest.raises(RunError) as error:
        find(root, config(**changes))
    message = str(error.value)
    assert "\n" not in message
    assert error.value.exit_code == 2
    return message


@pytest.fixture
def chbmit(tmp_path):
    return touch(
        tmp_path, *(f"chb{patient}/chb{patient}_0{k}.edf" for patient in ("01", "09", "21") for k in (1, 2))
    )


@pytest.mark.parametrize("layout", TREES)
@pytest.mark.parametrize("named", [False, True])
def test_each_layout_is_recognised_or_named(tmp_path, layout, named):
    tree = TREES[layout]
    touch(tmp_path, *tree, *(annotations for _, _, annotations in tree.values()))
    found = find(tmp_path, config(layout=layout if named else "auto"))
    assert {f.edf.relative_to(tmp_path).as_posix(): f for f in found}.keys() == tree.keys()
    assert [f.name for f in found] == sorted(f.name for f in found)
    for recording in found:
        name, group, annotations = tree[recording.edf.relative_to(tmp_path).as_posix()]
        assert (recording.name, recording.group) == (name, group)
        assert recording.annotations == tmp_path / annotations
        assert (recording.layout, recording.part) == (layout, None)


@pytest.mark.parametrize(
    ("layout", "expected"),
    [
        ("chbmit", ["chb02-summary.txt", "chb17-summary.txt", "chb17-summary.txt"]),
        ("siena", ["Seizures-list-PN00.txt", "Seizures-list-PN10.txt"]),
        ("seizeit", ["P_ID64_r1_a1.tsv", "P_ID64_r10_a1.tsv"]),
        ("tuh", ["aaaaaool_s001_t000.csv_bi", "00000258_s002_t001.csv_bi"]),
        ("bids", ["sub-01_events.tsv", "sub-02_ses-01_task-szMonitoring_run-00_events.tsv"]),
    ],
)
def test_without_annotations_recordings_are_found_and_say_what_was_expected(tmp_path, layout, expected):
    touch(tmp_path, *TREES[layout])
    found = find(tmp_path, config())
    assert [f.expected for f in found] == expected
    assert all(f.annotations is None for f in found)


@pytest.mark.parametrize("layout", TREES)
def test_a_folder_of_the_data_set_will_do_as_root(tmp_path, layout):
    edf, (_, group, annotations) = next(iter(TREES[layout].items()))
    touch(tmp_path, edf, annotations)
    (recording,) = find((tmp_path / edf).parent, config())
    assert recording.name == Path(edf).stem
    assert recording.group == group
    assert recording.annotations == tmp_path / annotations


@pytest.mark.parametrize(
    ("layout", "count", "groups"),
    [("chbmit", 3, {"chb05"}), ("siena", 3, {"PN00"}), ("seizeit", 3, {"P_ID64"}), ("tuh", 70, {"aaaaaool"})],
)
def test_real_folders(shared, layout, count, groups):
    found = find(shared / "eeg_recordings" / layout, config())
    assert len(found) == count == len({f.name for f in found})
    assert {f.group for f in found} == groups
    assert {f.layout for f in found} == {layout}
    assert all(f.annotations.is_file() for f in found)


def test_the_first_annotation_file_of_several_counts(tmp_path):
    touch(tmp_path, "P_ID1_r1.edf", "P_ID1_r1_a2.tsv", "P_ID1_r1_a1.tsv", "P_ID1_r10_a1.tsv")
    assert find(tmp_path, config())[0].annotations.name == "P_ID1_r1_a1.tsv"
    touch(tmp_path / "t", "aa_s001_t000.edf", "aa_s001_t000.tse_bi", "aa_s001_t000.csv_bi")
    assert find(tmp_path / "t", config())[0].annotations.name == "aa_s001_t000.csv_bi"


def test_hidden_files_derivatives_and_other_files_are_passed_over(tmp_path, caplog):
    touch(
        tmp_path,
        *("sub-01/eeg/sub-01_eeg.EDF", "sub-01/eeg/._sub-01_eeg.edf", ".git/annex/sub-09_eeg.edf"),
        *("derivatives/sub-01/eeg/sub-01_eeg.edf", "sourcedata/sub-08_eeg.edf", "sub-01/eeg/sub-01_eeg.json"),
    )
    with caplog.at_level(logging.WARNING):
        assert [f.name for f in find(tmp_path, config())] == ["sub-01/eeg/sub-01_eeg"]
        assert not caplog.records
        touch(tmp_path, "sub-01/ecg/sub-01_ecg.edf")
        assert len(find(tmp_path, config())) == 1
    assert "1 EDF file (sub-01/ecg/sub-01_ecg.edf)" in caplog.text


def test_linked_folders_are_walked_once(tmp_path):
    touch(tmp_path / "far", "chb01_01.edf")
    (tmp_path / "root").mkdir()
    os.symlink(tmp_path / "far", tmp_path / "root" / "chb01")
    os.symlink(tmp_path / "root", tmp_path / "far" / "up")
    assert [f.name for f in find(tmp_path / "root", config())] == ["chb01_01"]


def test_a_link_to_a_file_that_was_not_fetched_is_a_recording(tmp_path):
    touch(tmp_path, "chb01_01.edf")
    os.symlink(tmp_path / "nowhere", tmp_path / "chb01_02.edf")
    assert len(find(tmp_path, config())) == 2


def test_no_edf_files(tmp_path):
    assert (
        refused(tmp_path)
        == f"data.path must hold EDF or BDF recordings (*.edf, *.bdf), but {tmp_path} has none"
    )
    file = touch(tmp_path, "chb01_01.edf") / "chb01_01.edf"
    assert refused(file) == f"data.path must name a folder of EDF recordings, but {file} is none"
    assert "but" in refused(tmp_path / "gone")


@pytest.mark.skipif(os.geteuid() == 0, reason="root reads every folder")
def test_a_folder_that_cannot_be_read(tmp_path):
    touch(tmp_path, "chb01/chb01_01.edf")
    (tmp_path / "chb01").chmod(0)
    try:
        assert "data.path must be readable" in refused(tmp_path)
    finally:
        (tmp_path / "chb01").chmod(0o700)


def test_a_layout_that_is_not_known_names_the_signs(tmp_path):
    touch(tmp_path, *(f"anna/night{k}.edf" for k in range(5)))
    message = refused(tmp_path)
    assert "data.layout auto knows a data set by the names of its EDF files" in message
    assert all(f"{layout} by {shape.example}" in message for layout, shape in LAYOUTS.items())
    assert (
        "none of 5 EDF files (anna/night0.edf, anna/night1.edf, anna/night2.edf and 2 more) is named so"
        in message
    )
    message = refused(tmp_path, layout="siena")
    assert message.startswith(
        "data.layout siena needs files named like PN00-1.edf, but none of 5 EDF files ("
    )


def test_two_layouts_name_the_signs(tmp_path):
    touch(tmp_path, "a/PN00-1.edf", "b/chb01_01.edf")
    message = refused(tmp_path)
    assert (
        "must find one data set, but a/PN00-1.edf looks like siena and b/chb01_01.edf looks like chbmit"
        in message
    )
    assert [f.name for f in find(tmp_path, config(layout="chbmit"))] == ["chb01_01"]


def test_two_recordings_of_one_name(tmp_path):
    touch(tmp_path, "chb01/chb01_01.edf", "copy/chb01_01.edf")
    message = refused(tmp_path)
    assert "needs a name of its own, but chb01/chb01_01.edf and copy/chb01_01.edf share chb01_01" in message


def test_recordings_are_in_the_order_of_their_names(tmp_path):
    touch(tmp_path, "first/chb02_01.edf", "second/chb01_01.edf")
    assert [f.name for f in find(tmp_path, config())] == ["chb01_01", "chb02_01"]


def test_aliases_leave_one_name(chbmit):
    found = find(chbmit, config(aliases={"chb21": "chb01"}))
    assert [f.group for f in found] == ["chb01", "chb01", "chb09", "chb09", "chb01", "chb01"]
    assert [f.name for f in found][-1] == "chb21_02"
    joined = find(chbmit, config(aliases={"chb21": "girl", "chb01": "girl"}))
    assert {f.group for f in joined} == {"girl", "chb09"}


def test_aliases_that_name_nothing(chbmit):
    message = refused(chbmit, aliases={"chb22": "chb01"})
    assert message == (
        "data.aliases must rename patients that are there, but 'chb22' is none; nearest is 'chb21'"
    )
    message = refused(chbmit, aliases={"chb21": "chb1"})
    assert "'chb21' leads to 'chb1', which no other one is called; nearest is 'chb01'" in message
    message = refused(chbmit, aliases={"chb21": "chb09", "chb09": "chb01"})
    assert "must lead to a final name, but 'chb21' leads to 'chb09', itself an alias" in message


def test_parts_by_patients_and_by_paths(chbmit):
    parts = {"train": "chb09", "test": ["chb01"], "validation": "chb21/*_0[12].edf"}
    found = find(chbmit, config(parts=parts))
    assert [f.part for f in found] == ["test", "test", "train", "train", "validation", "validation"]
    joined = find(chbmit, config(parts={"train": ["chb09"], "test": ["chb01"]}, aliases={"chb21": "chb01"}))
    assert [f.part for f in joined] == ["test", "test", "train", "train", "test", "test"]


def test_parts_by_the_folders_of_tuh(tmp_path):
    touch(tmp_path, *TREES["tuh"])
    found = find(tmp_path, config(parts={"train": "train/*", "validation": ["dev/*"]}))
    assert [f.part for f in found] == ["validation", "train"]


def test_a_recording_in_two_parts_or_in_none(chbmit):
    message = refused(chbmit, parts={"train": ["chb*"], "test": ["chb21"]})
    assert message == (
        "data.parts must put every recording in one part, but chb21/chb21_01.edf is in "
        "test (chb21) and train (chb*)"
    )
    message = refused(chbmit, parts={"train": ["chb01"], "test": ["chb09/chb09_01.edf"]})
    assert message == (
        "data.parts must put every recording in one part, but "
        "chb09/chb09_02.edf, chb21/chb21_01.edf, chb21/chb21_02.edf are in none"
    )
    message = refused(chbmit, parts={"train": ["chb01", "chb09"], "test": ["chb21/*1.edf"]})
    assert message.endswith("but chb21/chb21_02.edf is in none")


def test_a_part_that_names_nothing(chbmit):
    message = refused(chbmit, parts={"train": ["*"], "test": ["chb2"]})
    assert message == (
        "data.parts.test must name patients or match paths below data.path, but 'chb2' does neither; "
        "nearest is 'chb21'"
    )
    message = refused(chbmit, parts={"train": ["*"], "test": ["chb21"]}, aliases={"chb21": "chb01"})
    assert message.endswith("but 'chb21' does neither; data.aliases calls it 'chb01'")


def test_an_entry_may_repeat_within_a_part(chbmit):
    found = find(chbmit, config(parts={"train": ["chb01", "chb01/*", "chb*"]}))
    assert {f.part for f in found} == {"train"}


def test_recordings_are_left_out_by_name(chbmit):
    left = {"left_out": ["chb21/*1.edf", "chb09"]}
    found = find(chbmit, config(parts={"train": "chb*", **left}))
    parts = {f.name: f.part for f in found}
    assert parts == {
        "chb01_01": "train", "chb01_02": "train", "chb09_01": "left_out", "chb09_02": "left_out",
        "chb21_01": "left_out", "chb21_02": "train",
    }  # fmt: skip
    alone = find(chbmit, config(parts=left))
    assert [f.part for f in alone] == [None, None, *["left_out"] * 3, None]
    assert "data.parts.left_out must name patients" in refused(chbmit, parts={"left_out": ["chb2"]})
    message = refused(chbmit, parts={"train": ["chb01"], **left})
    assert message.endswith("but chb21/chb21_02.edf is in none")
