"""The table of events of a recording, and where it lies in a tree of a data set."""

from pathlib import Path

import numpy as np

from reports.bundles import events_file
from reports.bundles.schema import BundleConfig
from search.data.sources.eeg import annotation_formats
from search.events.intervals import detections
from spaces.study import Events

HEAD = "onset\tduration\teventType\tconfidence\tchannels\tdateTime\trecordingDuration"


def test_the_length_of_a_recording_is_written_as_a_reference_writes_it():
    """epilepsy2bids writes 3600.00, and szcore-evaluation compares whole seconds."""
    row = events_file.text((), 3599.998, np.arange(3.0), None).splitlines()[1]
    assert row.split("\t")[-1] == "3600.00"


def test_data_sets_below_one_folder_are_described_each():
    names = ("one/sub-1/eeg/sub-1_eeg", "two/sub-1/eeg/sub-1_eeg", "sub-9_eeg", "other/night")
    paths = events_file.file_paths(names, Path("/data"))
    assert [str(path) for path in paths.values()] == [
        "one/sub-1/eeg/sub-1_events.tsv", "two/sub-1/eeg/sub-1_events.tsv", "sub-9_events.tsv",
        "other/night_events.tsv"
    ]  # fmt: skip
    config = BundleConfig.model_construct(code_digest="c" * 64, trial_id="00001", study="s")
    made = events_file.descriptions(paths.values(), config)
    assert [str(path) for path in made] == ["one/dataset_description.json", "two/dataset_description.json"]


def test_a_file_of_events_without_any_is_background():
    text = events_file.text((), 61.5, np.arange(61.0), None)
    assert text == f"{HEAD}\n0.000\t61.500\tbckg\tn/a\tall\tn/a\t61.50\n"
    assert annotation_formats.bids(text) == []


def test_background_is_told_of_what_was_recorded():
    stretches = ((0.0, 20.0), (40.5, 61.5))
    text = events_file.text((), 61.5, np.arange(61.0), None, stretches)
    assert text == (
        f"{HEAD}\n0.000\t20.000\tbckg\tn/a\tall\tn/a\t61.50\n40.500\t21.000\tbckg\tn/a\tall\tn/a\t61.50\n"
    )


def test_an_event_that_begins_off_the_grid_of_milliseconds_has_its_confidence():
    """After a gap, the rounding of its time and of its first window's may differ by one."""
    begin = 90 + 1 / 3
    starts = np.concatenate([[0.0], begin + np.arange(5) * 0.0625])
    probability = np.array([0.9, 0.1, 0.7, 0.4, 0.1, 0.8], np.float32)
    stretches = ((0.0, 1.0), (begin, begin + 0.3125))
    decided = np.array([0, 0, 1, 1, 0, 0], bool)
    events = detections(starts, 0.0625, decided, begin + 0.3125, Events(), stretches)
    row = events_file.text(events, begin + 0.3125, starts, probability, stretches).splitlines()[1]
    assert row.split("\t")[3] == "0.7000"


def test_confidence_is_a_calibrated_probability_or_unknown():
    starts, probability = np.arange(5) / 3, np.array([0.9, 0.2, 0.3, 0.25, 0.1], np.float32)
    events = ((0.667, 1.667),)  # on the grid of milliseconds, after the third window's start
    row = events_file.text(events, 2.0, starts, probability).splitlines()[1]
    assert row == "0.667\t1.000\tsz\t0.3000\tall\tn/a\t2.00"
    assert events_file.text(events, 2.0, starts, None).splitlines()[1].split("\t")[3] == "n/a"
