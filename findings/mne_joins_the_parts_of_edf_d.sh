#!/usr/bin/env bash
# Guess: a reader of EDF either keeps the gaps of an EDF+D file (a recording that was paused), or refuses it, or warns.
# Seen (2026-11-28): MNE 1.13.2 and edfio 0.4.18 join the parts without a word. Annotations keep the time of the clock, so each
# that comes after a gap lies on data recorded later, by the length of all gaps before it. pyEDFlib 0.1.42 refuses the file.
# Why it matters: labels cut by these readers are off by the pause. Here such a file is read as the stretches between its gaps,
# each with the times that its records state.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check mne==1.13.2 edfio==0.4.18 pyedflib==0.1.42
cd "$folder"
venv/bin/python - <<'PY'
import warnings
from importlib.metadata import version

import edfio
import mne
import numpy as np
import pyedflib

# 30 records of one second: 0 to 10 s, a pause of 5 s, 15 to 35 s. The signal is the clock: t microvolts at second t.
STARTS = [*range(10), *range(15, 35)]
SIGNALS = (
    ("EEG Fz", "EDF Annotations"), ("", ""), ("uV", ""), (-3276.8, -1), (3276.7, 1), (-32768, -32768), (32767, 32767),
    ("", ""), (100, 60), ("", ""),
)


def text(value, width):
    return str(value).encode().ljust(width)


header = text("0", 8) + text("X X X X", 80) + text("Startdate 01-JAN-2020 X X X", 80) + b"01.01.2000.00.00"
header += text(768, 8) + text("EDF+D", 44) + text(len(STARTS), 8) + text(1, 8) + text(2, 4)
for pair, width in zip(SIGNALS, (16, 80, 8, 8, 8, 8, 8, 80, 8, 32)):
    header += b"".join(text(one, width) for one in pair)
with open("paused.edf", "wb") as file:
    file.write(header)
    for start in STARTS:
        note = "+20\x155\x14seizure\x14\x00" if start == 0 else ""
        file.write(np.full(100, 10 * start, np.int16).tobytes() + f"+{start}\x14\x14\x00{note}".encode().ljust(120, b"\0"))

with warnings.catch_warnings(record=True) as told:
    warnings.simplefilter("always")
    raw = mne.io.read_raw_edf("paused.edf", preload=True, verbose="warning")
    (mark,) = raw.annotations
    marked = raw.crop(mark["onset"], mark["onset"] + mark["duration"], include_tmax=False).get_data()[0] * 1e6
    file = edfio.read_edf("paused.edf")
    (note,) = file.annotations
    cut = file.signals[0].data[int(note.onset * 100) : int((note.onset + note.duration) * 100)]
try:
    pyedflib.EdfReader("paused.edf")
    refused = "read"
except OSError as error:
    refused = str(error).split(": ")[-1]
ends = [tuple(round(float(end)) for end in (values[0], values[-1])) for values in (marked, cut)]
print(", ".join(f"{name} {version(name)}" for name in ("mne", "edfio", "pyedflib")))
print(f"a seizure from 20 to 25 s of the clock is cut from second {ends[0][0]} to {ends[0][1]} by MNE, "
      f"{ends[1][0]} to {ends[1][1]} by edfio; warnings: {len(told)}; pyEDFlib: {refused}")
assert ends == [(25, 29), (25, 29)] and not told and "discontinuous" in refused, "the finding has changed"
PY
