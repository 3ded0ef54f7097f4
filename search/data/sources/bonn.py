"""The Bonn EEG recordings as one-second spectrograms."""

import re
import zipfile
import zlib
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from search.data.rows import Rows
from search.data.sources.eeg.stft import spectrogram
from search.data.sources.labels import encoded
from spaces.data import Bonn
from spaces.errors import RunError

SETS = {"Z": "no seizure", "O": "no seizure", "N": "no seizure", "F": "no seizure", "S": "seizure"}
"""Label by the first letter of a file's name, for sets A to E (Andrzejak et al. 2001, PhysRevE.64.061907)."""

NAMES = {"binary": SETS, "classes": {"Z": "A", "O": "B", "N": "C", "F": "D", "S": "E"}}
"""Labels by what is asked: a seizure or none, or which of the five sets."""

FILES_PER_SET = 100
SAMPLES = 4097
RECORDED_HZ = 173.61

UP, DOWN = 87, 59
"""256 / 173.61 as a fraction: 173.61 Hz * 87 / 59 = 256.0012 Hz, off by 5 parts in a million."""

RATE_HZ = 256
"""Rate after resampling, and so the samples of a one-second window."""

_NAME = re.compile(r"(?:^|/)([ZONFS])(\d{3})\.txt$", re.IGNORECASE)


def load_bonn(config: Bonn, base: Path) -> Rows:
    """Reads the 500 files of one channel and cuts each into 23 windows of one second, without overlap.

    A group is one file. Which files come from one person was never published, so a patient may still stand
    on two sides of a split.

    Args:
        config: the zip file.
        base: the folder a relative `config.path` is taken from.

    Returns:
        Rows with `x` `(11500, 32, 9, 1)` float32; times are the start of each window in its file, in seconds.

    Raises:
        RunError: the file is missing, damaged, or not the Bonn recordings.
    """
    from scipy.signal import resample_poly  # takes a second to import

    names, signals = read_signals(base / config.path)
    resampled = resample_poly(
        signals, UP, DOWN, axis=1, padtype="line"
    )  # a line: no step at the ends to ring
    count = resampled.shape[1] // RATE_HZ
    windows = resampled[:, : count * RATE_HZ].reshape(len(names) * count, RATE_HZ, 1).astype(np.float32)
    files = np.repeat(np.array(names), count)
    named = [NAMES[config.task][name[0]] for name in files]
    y, labels = encoded(named, config.task, config.positive, Path(config.path).name)
    return Rows(
        x=spectrogram(windows, RATE_HZ),
        y=y,
        labels=labels,
        groups=files,
        recordings=files,
        times=np.tile(np.arange(count, dtype=np.float64), len(names)),
        kind="eeg",
        window_s=1.0,
    )


def read_signals(path: Path) -> tuple[list[str], NDArray[np.float64]]:
    """File names such as `S001`, sorted, and their samples `(500, 4097)` in microvolts."""
    if not path.is_file():
        raise RunError(f"data.path must name the zip of the Bonn recordings, but {path} is not there")
    try:
        with zipfile.ZipFile(path) as archive:
            members = {
                f"{found[1].upper()}{found[2]}": member
                for member in archive.namelist()
                if (found := _NAME.search(member)) and not member.startswith("__MACOSX")
            }
            _check_sets(members, path)
            names = sorted(members)
            return names, np.stack(
                [_samples(archive.read(members[name]), members[name], path) for name in names]
            )
    except (zipfile.BadZipFile, zlib.error, EOFError, OSError) as error:
        raise RunError(f"data.path must name a readable zip file, but {path} gave: {error}") from error


def _check_sets(members: dict[str, str], path: Path) -> None:
    counts = {letter: sum(name[0] == letter for name in members) for letter in SETS}
    if set(counts.values()) != {FILES_PER_SET}:
        listed = ", ".join(f"{count} of {letter}" for letter, count in counts.items())
        raise RunError(
            f"the Bonn recordings are {FILES_PER_SET} files in each of five sets (Z001.txt to S100.txt), "
            f"but {path} holds {listed}"
        )


def _samples(content: bytes, member: str, path: Path) -> NDArray[np.float64]:
    try:
        samples = np.array(content.split(), dtype=np.float64)
    except ValueError as error:
        raise RunError(f"a Bonn file must hold numbers alone, but {member} gave: {error} ({path})") from error
    if samples.shape != (SAMPLES,):
        raise RunError(f"a Bonn file must hold {SAMPLES} samples, but {member} has {samples.size} ({path})")
    return samples
