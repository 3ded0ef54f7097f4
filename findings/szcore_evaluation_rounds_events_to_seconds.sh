#!/usr/bin/env bash
# Guess: a false alarm of 0.7 s is one false alarm wherever it begins, and so is a seizure of 0.7 s one seizure: times have two
# decimals in the files, and timescoring itself works in tenths of a second.
# Seen (2026-11-28): szcore-evaluation 0.0.7 makes masks of one sample a second. An alarm from 2000.2 to 2000.9 s is no alarm
# (precision 1.0, 0 false alarms a day); the same alarm from 2000.6 to 2001.3 s is one (0.5, 24 a day). A seizure from 1000.2 to
# 1000.9 s that was found is no seizure at all (sensitivity NaN, its detection a false alarm); from 1000.6 s on it is found (1.0).
# Why it matters: detectors with short windows get other figures when their clock is moved by half a second. headsearch counts in
# tenths of a second, so its figures equal these only where events begin and end on whole seconds; docs/eeg.md says so.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check timescoring==0.0.7 numpy==2.4.6 pandas==2.3.3
# Both ask for a newer Python than they need for this.
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check --no-deps --ignore-requires-python \
    szcore-evaluation==0.0.7 epilepsy2bids==0.0.7
"$folder/venv/bin/python" - "$folder" <<'PY'
import contextlib
import io
import math
import shutil
import sys
import warnings
from importlib.metadata import version
from pathlib import Path

from szcore_evaluation.evaluate import evaluate_dataset

warnings.simplefilter("ignore")
folder = Path(sys.argv[1])
HEAD = "onset\tduration\teventType\tconfidence\tchannels\tdateTime\trecordingDuration\n"


def write(root, events):
    path = root / "sub-01" / "ses-01" / "eeg" / "sub-01_ses-01_task-szMonitoring_run-00_events.tsv"
    path.parent.mkdir(parents=True)
    lines = [f"{onset:.2f}\t{length:.2f}\tsz\tn/a\tn/a\t2020-01-01 00:00:00\t3600.00\n" for onset, length in events]
    path.write_text(HEAD + "".join(lines))


def scored(reference, detected):
    for name, events in (("reference", reference), ("detected", detected)):
        shutil.rmtree(folder / name, ignore_errors=True)
        write(folder / name, events)
    with contextlib.redirect_stdout(io.StringIO()):
        found = evaluate_dataset(folder / "reference", folder / "detected", folder / "out.json", avg_per_subject=False)
    return tuple(float(found["event_results"][name]) for name in ("sensitivity", "precision", "fpRate"))


seizure = (1000, 60)
alarms = [scored([seizure], [seizure, (onset, 0.7)]) for onset in (2000.2, 2000.6)]
seizures = [scored([(onset, 0.7)], [(990, 30)]) for onset in (1000.2, 1000.6)]
print(f"szcore-evaluation {version('szcore-evaluation')}, epilepsy2bids {version('epilepsy2bids')}, timescoring {version('timescoring')}")
print(f"sensitivity, precision, false alarms a day: an alarm of 0.7 s at 2000.2 s {alarms[0]}, at 2000.6 s {alarms[1]}")
print(f"a seizure of 0.7 s at 1000.2 s {seizures[0]}, at 1000.6 s {seizures[1]}")
assert alarms == [(1.0, 1.0, 0.0), (1.0, 0.5, 24.0)], "the finding has changed"
assert math.isnan(seizures[0][0]) and seizures[0][1:] == (0.0, 24.0), "the finding has changed"
assert seizures[1] == (1.0, 1.0, 0.0), "the finding has changed"
PY
