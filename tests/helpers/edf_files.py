"""Simulated recordings as EDF files in BIDS, with annotations and, where asked, a planted person."""

import datetime
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from edfio import Edf, EdfAnnotation, EdfSignal, Patient, Recording

from spaces.eeg import MONTAGES

RATE_HZ = 256
RANGE_UV = (-3276.8, 3276.7)
COLUMNS = "onset\tduration\teventType\tconfidence\tchannels\tdateTime\trecordingDuration\n"
SLOT_S = 180
"""One seizure in so many seconds."""


def write_bids(
    root: Path,
    patients: int,
    recordings: int,
    seconds: int,
    seed: int = 0,
    header: dict[str, str] | None = None,
) -> None:
    """Writes recordings of the 10-20 system at 256 Hz, as `sub-01/eeg/sub-01_task-rest_run-01_eeg.edf`.

    Background is a slow random walk and noise. A seizure is a rhythm of 3 to 8 Hz on all channels that grows
    over its 12 to 20 s. Every third recording of a patient is without one, but for patients of one or two.

    Args:
        root: the data set's folder; made if need be.
        patients: how many, each a group.
        recordings: of each patient.
        seconds: of each recording, at least 30.
        seed: patient k's recording r is the same, whatever their numbers.
        header: what each header says of the person and the place: `name`, `code`, `birthdate` (as
            2001-02-03), `startdate`, `administration`, `technician`, `equipment`, `additional`,
            `annotation`, `transducer`, `prefiltering`; all optional.
    """
    for patient in range(patients):
        folder = root / f"sub-{patient + 1:02d}" / "eeg"
        folder.mkdir(parents=True, exist_ok=True)
        for number in range(recordings):
            rng = np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(patient, number)))
            seizures = [] if number % 3 == 2 else _seizures(rng, seconds)
            stem = f"{folder.parent.name}_task-rest_run-{number + 1:02d}"
            write_edf(folder / f"{stem}_eeg.edf", _signals(rng, seconds, seizures), header)
            (folder / f"{stem}_events.tsv").write_text(_annotation(seizures, seconds))


def write_edf(path: Path, signals: np.ndarray, header: dict[str, str] | None = None, channels=None) -> None:
    """Writes signals `(channels, samples)` in microvolts, by default those of the 10-20 system."""
    said = header or {}
    labels = channels or [f"EEG {name.upper()}-REF" for name in MONTAGES["10-20"]]
    free = {"transducer_type": said.get("transducer", ""), "prefiltering": said.get("prefiltering", "")}
    Edf(
        [
            EdfSignal(
                np.clip(values, *RANGE_UV),
                RATE_HZ,
                label=label,
                physical_dimension="uV",
                physical_range=RANGE_UV,
                **free,
            )
            for values, label in zip(signals, labels, strict=True)
        ],
        patient=Patient(
            code=said.get("code", "X"), name=said.get("name", "X"), birthdate=_date(said.get("birthdate"))
        ),
        recording=Recording(
            startdate=_date(said.get("startdate")),
            hospital_administration_code=said.get("administration", "X"),
            investigator_technician_code=said.get("technician", "X"),
            equipment_code=said.get("equipment", "X"),
            additional=[said["additional"]] if "additional" in said else [],
        ),
        annotations=[EdfAnnotation(1, None, said["annotation"])] if "annotation" in said else None,
    ).write(path)


def _date(text: str | None) -> datetime.date | None:
    return None if text is None else datetime.date.fromisoformat(text)


def _seizures(rng: np.random.Generator, seconds: int) -> list[tuple[float, float]]:
    """Start and duration of each."""
    found = []
    for slot in range(max(1, seconds // SLOT_S)):
        duration_s = float(rng.integers(12, 20))
        room_s = min(SLOT_S, seconds) - duration_s - 2
        found.append((slot * SLOT_S + 1 + round(float(rng.uniform(0, room_s)), 1), duration_s))
    return found


def _signals(rng: np.random.Generator, seconds: int, seizures: list[tuple[float, float]]) -> np.ndarray:
    """`(19, samples)` in microvolts."""
    samples = seconds * RATE_HZ
    steps = rng.standard_normal((19, samples), np.float32)
    drift = np.cumsum(steps, axis=1) - np.linspace(0, 1, samples) * steps.sum(axis=1, keepdims=True)
    made = 8 * rng.standard_normal((19, samples)) + 0.3 * drift
    for start_s, duration_s in seizures:
        at = np.arange(round(duration_s * RATE_HZ))
        grown = at / at.size
        phase = 2 * np.pi * np.cumsum(8 - 5 * grown) / RATE_HZ
        first = round(start_s * RATE_HZ)
        gains = rng.uniform(0.7, 1.3, (19, 1))
        made[:, first : first + at.size] += gains * (100 + 150 * grown) * np.sin(phase)
    return made


def _annotation(seizures: list[tuple[float, float]], seconds: int) -> str:
    rows = [(f"{start:.1f}", f"{duration:.1f}", "sz") for start, duration in seizures]
    rows = rows or [("0.0", f"{seconds:.1f}", "bckg")]
    lines = ("\t".join((*row, "n/a", "all", "n/a", f"{seconds:.1f}")) + "\n" for row in rows)
    return COLUMNS + "".join(lines)


def set_record_times(path: Path, times_s: Sequence[float | None], kind: str | None = "+D") -> Path:
    """Rewrites when each data record of a file with annotations begins; None for one that does not say.

    Args:
        path: an EDF or BDF file, whose first record holds an annotation, so that there is room for times.
        times_s: one a record.
        kind: how the header calls the file, after EDF or BDF; None leaves nothing there.
    """
    raw = bytearray(path.read_bytes())
    width, name = (3, b"BDF") if raw[0] == 0xFF else (2, b"EDF")
    count = int(raw[252:256])
    sizes = [int(raw[256 + 216 * count + 8 * k :][:8]) for k in range(count)]
    text = [bytes(raw[256 + 16 * k :][:16]).rstrip() for k in range(count)].index(name + b" Annotations")
    size = width * sizes[text]
    for record, time_s in enumerate(times_s):
        at = 256 * (count + 1) + width * (record * sum(sizes) + sum(sizes[:text]))
        rest = bytes(raw[at : at + size]).partition(b"\0")[2].rstrip(b"\0")
        told = (
            b"\0"
            if time_s is None
            else f"+{time_s:f}".rstrip("0").rstrip(".").encode() + b"\x14\x14\0" + rest
        )
        assert len(told) <= size
        raw[at : at + size] = told.ljust(size, b"\0")
    raw[192:236] = (b"" if kind is None else name + kind.encode()).ljust(44)
    path.write_bytes(raw)
    return path
