"""EDF recordings as rows: windows of a fixed montage, labelled by the annotations beside the files."""

import math
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from search.data.plan import Form, Piece, Plan, fingerprint_of, size_of
from search.data.rows import Labels
from search.data.sources.eeg import annotations, edf, layouts, open_ends, seizure_classes
from search.data.sources.eeg.channels import resolve, standard_channels
from search.data.sources.eeg.edf_header import open_header
from search.data.sources.eeg.stft import spectrogram
from search.data.sources.eeg.stuck import Stuck, told
from spaces.eeg import BACKGROUND, SEIZURE, Eeg
from spaces.errors import RunError

VALUES_AT_ONCE = 2**22
"""Values of the windows that are cut at a time (16 MB)."""

Job = tuple[layouts.Found, Eeg]


def plan_recordings(config: Eeg, base: Path) -> Plan:
    """Finds the recordings of a folder; each is a job of its own.

    Args:
        config: the `data:` part of a study.
        base: the folder a relative `config.path` is taken from.

    Raises:
        RunError: no recordings, or no layout that is known.
    """
    root = (base / config.path).resolve()
    for names in (config.channels, tuple(config.repeated_channels)):
        standard_channels(names)  # an unknown name is told before any file is opened
    every = layouts.find(root, config)
    found = [one for one in every if one.part != "left_out"]
    if not found:
        raise RunError(f"data.parts must leave something in, but all {len(every)} recordings are left out")
    files = {one.edf for one in found} | {one.annotations for one in found if one.annotations}
    return Plan(
        read=read_recording,
        jobs=tuple((one, config) for one in found),
        fingerprint=fingerprint_of(sorted(files), root),
        skip_bad=config.on_bad_file == "skip",
        parallel=True,
        files=len(found),
        size_bytes=size_of([one.edf for one in found]),
        left_out=tuple(f"{one.name}: by data.parts" for one in every if one.part == "left_out"),
        remedy=_remedy(config),
    )


def _remedy(config: Eeg) -> str:
    """What can be done about files that cannot be used, and was not done yet."""
    mend = "data.bad_annotations: mend cuts annotations to the signal, " * (config.bad_annotations == "stop")
    return f"mend or remove them; {mend}data.on_bad_file: skip leaves files out"


def read_recording(job: Job) -> Iterator[Piece]:
    """Reads one recording, some minutes at a time.

    Raises:
        RunError: it cannot be used; the reason follows the recording's name.
    """
    found, config = job
    try:
        yield from _pieces(found, config)
    except RunError as error:
        raise RunError(f"{found.name}: {error}", exit_code=error.exit_code) from None


def _pieces(found: layouts.Found, config: Eeg) -> Iterator[Piece]:
    header = open_header(found.edf)
    duration_s = header.duration_s
    mend = config.bad_annotations == "mend"
    raw, tolerated = annotations.read(found, seizure_classes.as_seizures(config), duration_s)
    of_classes = seizure_classes.intervals(found, config, duration_s) if config.classes else ()
    ended, open_s, assumed = open_ends.closed(raw, mend, config.assumed_duration_s)
    seizures, mended = annotations.tidy(ended, duration_s, mend)
    known, left_out = open_ends.stretches(open_s, seizures, duration_s)
    montage = resolve(header.labels, config.channels, config.missing_channels, config.repeated_channels)
    stand_ins = (f"{', '.join(montage.interpolated)} made from neighbours",) if montage.interpolated else ()
    notes = (*tolerated, *assumed, *mended, *left_out, *montage.notes, *stand_ins)
    labels = seizure_classes.classes_of(config) if config.classes else Labels(BACKGROUND, SEIZURE)
    form = Form(labels, "eeg", config.window_s, montage.channels)
    said: set[str] = set()
    watched: list[tuple[str, Stuck]] = []
    last: Piece | None = None
    for starts_s, x in windows(found.edf, config, watched):
        if of_classes:
            y: NDArray[Any] = seizure_classes.codes(starts_s, config, of_classes)
        else:
            share = annotations.seizure_share(starts_s, config.window_s, seizures)
            y = (share >= config.min_overlap).astype(np.int8)
        for begin_s, end_s in known:
            inside = _inside(starts_s, begin_s, end_s if end_s < duration_s else math.inf, config)
            if not inside.any():
                continue
            recording = open_ends.recording_of(
                (begin_s, end_s), found.name, found.group, seizures, duration_s
            )
            count = int(inside.sum())
            if last is not None:
                yield last
            last = Piece(
                form=form,
                x=x if inside.all() else x[inside],
                y=y[inside],
                groups=np.full(count, found.group),
                recordings=np.full(count, recording.name),
                times=starts_s[inside] - begin_s,
                parts=None if found.part is None else np.full(count, found.part),
                timeline=() if recording.name in said else (recording,),
                notes=() if said else tuple(f"{found.name}: {note}" for note in notes),
            )
            said.add(recording.name)
    if last is not None:  # held back, for how long signals are stuck is known at the end
        stuck = told(watched)
        yield last if stuck is None else replace(last, doubts=(f"{found.name}: {stuck}",))
    if not said and known != ((0.0, duration_s),):
        raise RunError(f"no window is left but those after a seizure without an end, at {open_s[0]:g} s")
    if not said:
        raise RunError(f"holds {duration_s:g} s, which is shorter than a window of {config.window_s:g} s")


def _inside(starts_s: NDArray[np.float64], begin_s: float, end_s: float, config: Eeg) -> NDArray[np.bool_]:
    """Which windows lie in a stretch from start to end."""
    length_s = round(config.window_s * config.rate_hz) / config.rate_hz
    after: NDArray[np.bool_] = starts_s >= begin_s
    return after & (starts_s + length_s <= end_s + annotations.ROUNDING_S)


def windows(
    path: Path, config: Eeg, watched: list[tuple[str, Stuck]] | None = None
) -> Iterator[tuple[NDArray[np.float64], NDArray[np.float32]]]:
    """Cuts a recording into windows, some minutes at a time.

    Window k starts at the sample nearest to k steps; one that would reach past the end is left out.

    Args:
        path: an EDF file.
        config: channels, rate, filters, window, step and form.
        watched: as that of `edf.blocks`.

    Yields:
        Starts in seconds `(k,)`, k >= 1, and rows: `(k, 32, 9, channels)`, or `(k, samples, channels)` in
        microvolts where `config.form` is raw.

    Raises:
        RunError: the file cannot be read, or lacks channels.
    """
    rate, length = config.rate_hz, round(config.window_s * config.rate_hz)
    held = np.empty((0, len(config.channels)), np.float32)
    at_once = max(1, VALUES_AT_ONCE // (length * len(config.channels)))
    first, number = 0, 0  # the sample that `held` starts at, and the window that comes next
    for block in edf.blocks(path, config, watched=watched):
        held = np.concatenate([held, block])
        last = int((first + len(held) - length) / (config.step * rate)) + 1
        starts = np.rint(np.arange(number, last + 1) * config.step * rate).astype(np.int64)
        starts = starts[starts + length <= first + len(held)]
        number += len(starts)
        for k in range(0, len(starts), at_once):  # overlapping windows hold the block many times over
            some = starts[k : k + at_once]
            cut = np.lib.stride_tricks.sliding_window_view(held, length, axis=0)[some - first]
            x = np.ascontiguousarray(cut.transpose(0, 2, 1))
            yield some / rate, spectrogram(x, rate) if config.form == "spectrogram" else x
        following = round(number * config.step * rate)
        held, first = held[max(0, following - first) :], max(first, min(following, first + len(held)))
