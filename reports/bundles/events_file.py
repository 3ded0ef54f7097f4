"""Makes the table of events of one recording, in the HED-SCORE columns that SzCORE scores.

The columns, their order, `sz` and `bckg`, and one row of background where there is no seizure (of a recording
with gaps, one for each stretch between them) are those of
epilepsy2bids 0.0.7 (Dan et al. 2024, SzCORE). Its reader takes `n/a` for what is not known.
"""

import json
import os
from collections.abc import Iterable, Sequence
from pathlib import Path, PurePosixPath

import numpy as np
from numpy.typing import NDArray

from reports.bundles.schema import BundleConfig
from search.events.intervals import GRID_PER_S, Event
from spaces.errors import RunError

COLUMNS = ("onset", "duration", "eventType", "confidence", "channels", "dateTime", "recordingDuration")
SUFFIX = "_events.tsv"
DESCRIPTION, BIDS_VERSION = "dataset_description.json", "1.10.0"
UNKNOWN = "n/a"
"""Also written as the date of a recording, since a date can identify a person."""


def file_paths(recordings: Iterable[str], folder: Path) -> dict[str, PurePosixPath]:
    """Returns where the events of each recording go: a path below the folder of all events.

    It is the recording's own path below the data set, which ends in `_events.tsv` where the recording ends in
    `_eeg.edf`. There szcore-evaluation looks for the events that it compares with those of a BIDS reference.

    Args:
        recordings: the path of each below DATA, without suffix.
        folder: DATA. Where it lies inside a BIDS data set, paths begin at the patient's folder all the same.

    Raises:
        RunError: two recordings would share a file.
    """
    above = PurePosixPath(os.path.abspath(folder)).parts
    found: dict[PurePosixPath, str] = {}
    for recording in recordings:
        path = PurePosixPath(recording)
        path = path.with_name(path.name.removesuffix("_eeg") + SUFFIX)
        patient = path.name.split("_")[0]
        if path.name.startswith("sub-") and patient not in path.parts and patient in above:
            path = PurePosixPath(*above[above.index(patient) :], path)
        if (other := found.setdefault(path, recording)) != recording:
            raise RunError(
                f"every recording needs a file of events of its own, but {other} and {recording} "
                f"would both be {path}; rename one"
            )
    return {recording: path for path, recording in found.items()}


def descriptions(paths: Iterable[PurePosixPath], config: BundleConfig) -> dict[PurePosixPath, str]:
    """Returns the path and content of the `dataset_description.json` of every BIDS data set among paths.

    Args:
        paths: the files of events; those of a data set are `sub-01/.../sub-01_..._events.tsv` below its root.
        config: of the bundle that found the events.
    """
    maker = {
        "Name": "headsearch",
        "Version": f"code {config.code_digest[:12]}",
        "Description": f"Events found by trial {config.trial_id} of the study {config.study}.",
    }
    description = {
        "Name": f"Events found by {config.study}, trial {config.trial_id}",
        "BIDSVersion": BIDS_VERSION,
        "DatasetType": "derivative",
        "GeneratedBy": [maker],
    }
    content = json.dumps(description, indent=2) + "\n"
    patients = ((path, path.name.split("_")[0]) for path in paths if path.name.startswith("sub-"))
    return {
        PurePosixPath(*path.parts[: path.parts.index(patient)], DESCRIPTION): content
        for path, patient in patients
        if patient in path.parts
    }


def text(
    events: Iterable[Event],
    duration_s: float,
    starts_s: NDArray[np.float64],
    probability: NDArray[np.float32] | None,
    stretches: Sequence[Event] = (),
) -> str:
    """Returns the events of one recording as a table.

    Args:
        events: start and end of each in seconds, ascending.
        duration_s: of the recording.
        starts_s: start of each window, `(n,)`.
        probability: of each window, if it may be called one; an event's confidence is the largest in it.
        stretches: of a recording with gaps, start and end of what lies between them.
    """
    # An event begins as its first window does but for the rounding of both to milliseconds. This is more, and
    # less than what lies between two windows.
    slack_s = 1.5 / GRID_PER_S
    rows = []
    for start, end in events:
        confidence = UNKNOWN
        if probability is not None:
            inside = (starts_s >= start - slack_s) & (starts_s < end - slack_s)
            confidence = f"{probability[inside].max():.4f}"
        rows.append((_seconds(start), _seconds(end - start), "sz", confidence))
    background = stretches or ((0.0, duration_s),)
    rows = rows or [(_seconds(start), _seconds(end - start), "bckg", UNKNOWN) for start, end in background]
    # Two decimals, as epilepsy2bids writes: szcore-evaluation passes over detections in a recording whose
    # length in whole seconds is not that of the reference, and 3599.998 s are 3600.00 s there.
    lines = [COLUMNS, *((*row, "all", UNKNOWN, f"{duration_s:.2f}") for row in rows)]
    return "".join("\t".join(line) + "\n" for line in lines)


def _seconds(value: float) -> str:
    return f"{value:.3f}"
