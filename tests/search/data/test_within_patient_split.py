"""Splits of one patient, by recording or by blocks of time with gaps: allowed, and marked as such."""

import dataclasses
import itertools

import numpy as np
import pytest

from search.comparison.resampling import units_of
from search.data.rows import Recording
from search.data.splits import digest, divide, find_leakage, split
from search.trials.preparation import Prepared
from spaces.data import Split as SplitConfig
from spaces.errors import RunError
from spaces.study import Study
from tests.helpers.split_rows import FRACTIONS, assert_whole, parts_of, table


def one_patient(recordings, n=600, **fields):
    """Windows of one second of one patient, in `recordings` recordings, positive in every fifth stretch."""
    times = np.tile(np.arange(n // recordings, dtype=np.float64), recordings)
    names = np.repeat([f"r{k}" for k in range(recordings)], n // recordings)
    y = (times // 10 % 5 == 0).astype(int)
    return table(y, [0] * n, recordings=names, times=times, window_s=1.0, **fields)


def test_one_patient_is_split_by_recording_and_says_so():
    rows = one_patient(6)
    with pytest.raises(RunError, match=r"all 600 rows are of one; write split: \{by: recording\}"):
        split(rows, FRACTIONS)
    made = split(rows, SplitConfig(by="recording"))
    assert (made.by, made.leaky, made.groups) == ("recording", False, "one, by recording")
    seen = [set(rows.recordings[part].tolist()) for part in parts_of(made)]
    assert sum(map(len, seen)) == 6
    assert_whole(rows, made)


def with_gaps(rows):
    """Recordings of 100 s, of which seconds 30 to 40 and 60 to 75 are gaps."""
    kept = ((0.0, 30.0), (40.0, 60.0), (75.0, 100.0))
    taken = np.flatnonzero([any(a <= t < b for a, b in kept) for t in rows.times])
    timeline = tuple(Recording(str(name), "g0", 100.0, (), kept) for name in np.unique(rows.recordings))
    return dataclasses.replace(
        rows,
        x=rows.x[taken], y=rows.y[taken], groups=rows.groups[taken], recordings=rows.recordings[taken],
        times=rows.times[taken], timeline=timeline,
    )  # fmt: skip


@pytest.mark.parametrize("seed", range(5))
def test_stretches_of_one_recording_stand_in_one_part_and_one_half(seed):
    """However many stretches a recording has, it is one unit."""
    rows = with_gaps(one_patient(6))
    made = split(rows, SplitConfig(by="recording", seed=seed))
    seen = [set(rows.recordings[part].tolist()) for part in parts_of(made)]
    assert sorted(name for names in seen for name in names) == [f"r{k}" for k in range(6)]
    reference = Prepared(rows, made, "d", "s", Study(seed=seed)).reference(Study(seed=seed))
    assert reference.halves.by == "recording"
    for half in reference.halves.mask.T:
        for name in np.unique(reference.recordings):
            assert len(set(half[reference.recordings == name].tolist())) == 1
    assert units_of(reference, seed).count == len(seen[1])


def test_blocks_of_time_are_those_of_the_recordings_clock():
    rows = with_gaps(one_patient(6))
    made = split(rows, SplitConfig(by="time", blocks=4, gap_s=5))
    assert made.units is not None
    names = {str(one).rpartition(" ")[0] for one in made.units}
    assert names == {f"r{k} block" for k in range(6)}
    first = rows.recordings == "r0"
    assert [str(one)[-1] for one in made.units[first][rows.times[first] % 25 == 0]] == ["1", "2", "3", "4"]


@pytest.mark.parametrize("recordings", [1, 2])
def test_one_recording_is_split_by_blocks_of_time_with_gaps(recordings):
    rows = one_patient(recordings)
    with pytest.raises(RunError, match=r"all 600 rows are of one; write split: \{by: time\}"):
        split(rows, FRACTIONS)
    made = split(rows, SplitConfig(by="time", blocks=6, gap_s=5))
    assert (made.by, made.leaky, made.groups) == ("time", False, "one, by time")
    part_of = np.full(len(rows), -1)
    for number, part in enumerate(parts_of(made)):
        part_of[part] = number
        assert set(rows.y[part].tolist()) == {0, 1}
    for name in np.unique(rows.recordings):
        here = np.flatnonzero((rows.recordings == name) & (part_of >= 0))
        for one, following in itertools.pairwise(here):
            if part_of[one] != part_of[following]:  # 1 s of window, then 5 s on both sides of the border
                assert rows.times[following] - rows.times[one] >= 11
    assert 0 < (part_of < 0).sum() <= 10 * recordings * 6
    half = split(dataclasses.replace(rows, groups=None), SplitConfig(by="time", blocks=6, gap_s=5))
    assert digest(half) != digest(made)
    assert (half.train == made.train).all()


@pytest.mark.parametrize(
    ("changes", "config", "message"),
    [
        (
            {"recordings": None, "times": None},
            {},
            r"name each row's recording or time \(data.recording, data.time",
        ),
        (
            {"recordings": None},
            {"by": "recording"},
            "split.by recording keeps whole .* but the data name none",
        ),
        ({"times": None}, {"by": "time"}, "split.by time cuts recordings .* but the data name no times"),
        ({}, {"by": "time"}, r"10 blocks of 600 s last 60 s each and split.gap_s is 60; use fewer blocks"),
        (
            {"y": np.isin(np.arange(600), [*range(195, 205), *range(395, 405)]).astype(np.int8)},
            {"by": "time", "blocks": 3, "gap_s": 20},
            r"train has 0 positive and \d+ negative; use fewer blocks",
        ),
        (
            {},
            {"by": "recording"},
            "but of 1 recordings 1 hold both classes, 0 positive rows alone and 0 negative rows alone; write "
            r"split: \{by: time\} to measure on other blocks of time of the same patient$",
        ),
        (
            {"times": None},
            {"by": "recording"},
            r"alone; add recordings, or name times \(data.time\) and write split: \{by: time\} to measure",
        ),
        (
            {"y": np.isin(np.arange(600), [*range(195, 205)]).astype(np.int8)},
            {"by": "time", "blocks": 6, "gap_s": 5},
            r"alone; add data, or cut the recordings into more blocks \(split.blocks\)$",
        ),
    ],
)
def test_what_one_patient_cannot_be_split_by_is_refused(changes, config, message):
    rows = dataclasses.replace(one_patient(1), **changes)
    with pytest.raises(RunError, match=message):
        split(rows, SplitConfig(**config))


@pytest.mark.parametrize("by", ["recording", "time"])
def test_recordings_and_blocks_of_several_patients_are_refused_unless_accepted(by):
    rows = dataclasses.replace(one_patient(6), groups=np.repeat(["a", "b"], 300))
    with pytest.raises(
        RunError, match=f"split.by {by} is for the data of one patient, but the data name 2 groups"
    ):
        split(rows, SplitConfig(by=by))
    assert split(rows, SplitConfig(by=by, gap_s=5, i_accept_leakage=True)).leaky


def test_copies_across_blocks_are_found_and_copies_near_borders_are_not_counted():
    rows = one_patient(1)
    x, config = rows.x.copy(), SplitConfig(by="time", blocks=6, gap_s=5)
    made = divide(rows, config)
    left_out = np.setdiff1d(np.arange(600), np.concatenate(parts_of(made)))
    x[left_out] = x[made.train[0]]
    assert find_leakage(dataclasses.replace(rows, x=x), made) == ()
    x[made.train[50]] = x[made.test[50]]
    with pytest.raises(RunError, match="rows have an exact copy in another part"):
        split(dataclasses.replace(rows, x=x), config)


@pytest.mark.parametrize(
    ("by", "halved_by", "recordings"), [("recording", "recording", 12), ("time", "block", 1)]
)
def test_halves_and_intervals_of_one_patient_go_by_the_same_units(by, halved_by, recordings):
    rows = one_patient(recordings, 1200)
    study = Study(split=SplitConfig(by=by, blocks=12, gap_s=2))
    made = split(rows, study.split)
    prepared = Prepared(rows, made, "", digest(made), Study())
    reference = prepared.reference(study)
    assert reference.halves.by == halved_by
    assert (reference.groups == made.units[made.validation]).all()
    resampled = units_of(reference, 0)
    assert resampled.kind == made.noun == ("blocks of time" if by == "time" else "recordings")
    assert resampled.count == len(set(reference.groups))
    for half in reference.halves.mask.T:
        assert not set(reference.groups[half]) & set(reference.groups[~half])
    assert (prepared.test_reference(study).groups == made.units[made.test]).all()
