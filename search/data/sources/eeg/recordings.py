"""EDF recordings as rows: windows of a fixed montage, labelled by the annotations beside the files."""

from collections.abc import Iterable, Iterator
from dataclasses import replace
from itertools import groupby
from operator import itemgetter
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from search.data.plan import Form, Piece, Plan, fingerprint_of, size_of
from search.data.rows import Labels
from search.data.sources.eeg import annotations, edf, layouts, open_ends, seizure_classes, stretches
from search.data.sources.eeg.channels import resolve, standard_channels
from search.data.sources.eeg.edf_header import open_header
from search.data.sources.eeg.stft import spectrogram
from search.data.sources.eeg.stuck_signals import Stuck
from search.data.sources.eeg.stuck_signals import told as stuck_told
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
    duration_s, used = header.duration_s, edf.usable(header, config)
    mend = config.bad_annotations == "mend"
    raw, tolerated = annotations.read(found, seizure_classes.as_seizures(config), duration_s)
    of_classes = seizure_classes.intervals(found, config, duration_s) if config.classes else ()
    ended, open_s, assumed = open_ends.closed(raw, mend, config.assumed_duration_s)
    whole, mended = annotations.tidy(ended, duration_s, mend)
    seizures, cut = stretches.seizures_within(whole, header.recorded, mend)
    known, left_out = open_ends.known(open_s, whole, header.recorded)
    montage = resolve(header.labels, config.channels, config.missing_channels, config.repeated_channels)
    stand_ins = (f"{', '.join(montage.interpolated)} made from neighbours",) if montage.interpolated else ()
    gaps = stretches.gaps_told(header, used, config.window_s)
    known_gaps, doubts = (gaps, ()) if header.discontinuous else ((), gaps)
    notes = (*known_gaps, *tolerated, *assumed, *mended, *cut, *left_out, *montage.notes, *stand_ins)
    labels = seizure_classes.classes_of(config) if config.classes else Labels(BACKGROUND, SEIZURE)
    form = Form(labels, "eeg", config.window_s, montage.channels)
    length_s = round(config.window_s * config.rate_hz) / config.rate_hz
    held: set[int] = set()  # the numbers of the stretches that hold a window
    watched: list[tuple[str, Stuck]] = []
    last: Piece | None = None
    for starts_s, x in windows(found.edf, config, watched):
        number = stretches.stretch_of(starts_s, length_s, known, duration_s)
        inside = number >= 0
        if not inside.any():
            continue
        if of_classes:
            y: NDArray[Any] = seizure_classes.codes(starts_s[inside], config, of_classes)
        else:
            share = annotations.seizure_share(starts_s[inside], config.window_s, seizures)
            y = (share >= config.min_overlap).astype(np.int8)
        count = int(inside.sum())
        if last is not None:
            yield last
        last = Piece(
            form=form,
            x=x if inside.all() else x[inside],
            y=y,
            groups=np.full(count, found.group),
            recordings=np.full(count, found.name),
            times=starts_s[inside],
            parts=None if found.part is None else np.full(count, found.part),
            notes=() if held else tuple(f"{found.name}: {note}" for note in notes),
        )
        held |= set(number[inside].tolist())
    if last is not None:  # held back, for how long signals are stuck is known at the end
        stuck = stuck_told(watched)
        kept = tuple(known[k] for k in sorted(held))
        recording = stretches.recording_of(found.name, found.group, duration_s, seizures, kept)
        kinds = seizure_classes.kinds(of_classes, header.recorded, kept)
        yield replace(
            last,
            timeline=(replace(recording, kinds=kinds),),
            doubts=tuple(f"{found.name}: {doubt}" for doubt in (*doubts, *stuck)),
        )
    elif known != header.recorded:
        raise RunError(f"no window is left but those after a seizure without an end, at {open_s[0]:g} s")
    else:
        raise RunError(f"holds {duration_s:g} s, which is shorter than a window of {config.window_s:g} s")


def windows(
    path: Path, config: Eeg, watched: list[tuple[str, Stuck]] | None = None
) -> Iterator[tuple[NDArray[np.float64], NDArray[np.float32]]]:
    """Cuts a recording into windows, some minutes at a time.

    Window k of a stretch starts at the sample nearest to k steps; one that would reach past the end of its
    stretch is left out.

    Args:
        path: an EDF file.
        config: channels, rate, filters, window, step and form.
        watched: as that of `edf.blocks`.

    Yields:
        Starts in seconds from the recording's start `(k,)`, k >= 1, and rows: `(k, 32, 9, channels)`, or
        `(k, samples, channels)` in microvolts where `config.form` is raw. All are of one stretch.

    Raises:
        RunError: the file cannot be read, or lacks channels.
    """
    read = edf.blocks(path, config, watched=watched)
    for begin_s, of_one in groupby(read, key=itemgetter(0)):
        for starts_s, x in _cut((block for _, block in of_one), config):
            yield begin_s + starts_s, x


def _cut(
    blocks: Iterable[NDArray[np.float32]], config: Eeg
) -> Iterator[tuple[NDArray[np.float64], NDArray[np.float32]]]:
    """Windows of one stretch, with their starts in seconds from its start."""
    rate, length = config.rate_hz, round(config.window_s * config.rate_hz)
    held = np.empty((0, len(config.channels)), np.float32)
    at_once = max(1, VALUES_AT_ONCE // (length * len(config.channels)))
    first, number = 0, 0  # the sample that `held` starts at, and the window that comes next
    for block in blocks:
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
