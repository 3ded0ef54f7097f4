#!/usr/bin/env bash
# Guess: a detection file that does not fit its reference (another name, or another length of the recording) stops the evaluation,
# or is at least left out of the numbers.
# Seen (2026-11-27): szcore-evaluation 0.0.7 takes it for a recording without any detection. Two recordings with one seizure each,
# both found to the second: event sensitivity 1.0. With one file under another name, 0.5 and no word; with one file whose recording
# is a second shorter, 0.5 and a line on standard output, which the JSON result does not repeat.
# Why it matters: a detector that finds every seizure is published with sensitivity 0 because its files are named otherwise, or
# because its duration was rounded down. `predict` therefore writes events under the reference's own relative path, with the
# duration in two decimals, as epilepsy2bids does.
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
import shutil
import sys
from importlib.metadata import version
from pathlib import Path

from szcore_evaluation.evaluate import evaluate_dataset

folder = Path(sys.argv[1])
HEAD = "onset\tduration\teventType\tconfidence\tchannels\tdateTime\trecordingDuration\n"


def write(root, subject, duration_s):
    path = root / f"sub-{subject}" / "ses-01" / "eeg" / f"sub-{subject}_ses-01_task-szMonitoring_run-00_events.tsv"
    path.parent.mkdir(parents=True)
    path.write_text(HEAD + f"100.00\t60.00\tsz\tn/a\tn/a\t2020-01-01 00:00:00\t{duration_s:.2f}\n")
    return path


def sensitivity(change):
    for name in ("reference", "detected"):
        shutil.rmtree(folder / name, ignore_errors=True)
    files = {name: [write(folder / name, k, 3600) for k in ("01", "02")] for name in ("reference", "detected")}
    change(files["detected"][1])
    said = io.StringIO()
    with contextlib.redirect_stdout(said):
        found = evaluate_dataset(folder / "reference", folder / "detected", folder / "out.json", avg_per_subject=False)
    return float(found["event_results"]["sensitivity"]), len(said.getvalue().splitlines())


found = (
    sensitivity(lambda file: None),
    sensitivity(lambda file: file.rename(file.with_name("events.tsv"))),
    sensitivity(lambda file: file.write_text(file.read_text().replace("3600.00", "3599.00"))),
)
print(f"szcore-evaluation {version('szcore-evaluation')}, epilepsy2bids {version('epilepsy2bids')}, timescoring {version('timescoring')}")
print(f"event sensitivity, and lines said: as it is {found[0]}, one renamed {found[1]}, one a second shorter {found[2]}")
assert found == ((1.0, 0), (0.5, 0), (0.5, 1)), "the finding has changed"
PY
