#!/usr/bin/env bash
# Guess: the scorer's number of true events is the number of seizures that the annotation holds.
# Seen (2026-11-27): with timescoring's default parameters (those of SzCORE) a seizure of 700 s counts as three true events, since
# it is cut at 300 s (maxEventDuration), and two seizures 60 s apart count as one, since events closer than 90 s are merged
# (minDurationBetweenEvents). Both happen to the reference, not to the detections alone.
# Why it matters: sensitivity is then not "seizures found of seizures annotated". Two tables of one detector differ by their
# denominators, and a long status epilepticus weighs as much as several seizures. Record the scorer's own counts with its parameters.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check timescoring==0.0.7 numpy==2.4.6
"$folder/venv/bin/python" - <<'PY'
from importlib.metadata import version

from timescoring.annotations import Annotation
from timescoring.scoring import EventScoring

SECONDS, FS = 3600, 1


def true_events(*seizures):
    reference = Annotation(list(seizures), FS, SECONDS)
    return EventScoring(reference, Annotation([], FS, SECONDS)).refTrue


long, close, apart = true_events((100, 800)), true_events((100, 160), (220, 280)), true_events((100, 160), (400, 460))
print(f"timescoring {version('timescoring')}, numpy {version('numpy')}")
print(f"1 seizure of 700 s: {long} true events; 2 seizures 60 s apart: {close}; 2 seizures 240 s apart: {apart}")
assert (long, close, apart) == (3, 1, 2), "the finding has changed"
PY
