"""The registry of data sources: which function plans the reading of which source."""

import hashlib
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from search.data.photos import Photos
from search.data.plan import Form, Piece, Plan, at_once, fingerprint_of, size_of
from search.data.rows import Rows
from search.data.sources import arrays
from search.data.sources.bonn import load_bonn
from search.data.sources.custom import load_custom
from search.data.sources.images import decode, survey
from search.data.sources.labels import binarize
from search.data.sources.npz import load_npz
from search.data.sources.photo_folders import photos_of
from search.files import digest_of_files
from spaces.base import Frozen
from spaces.data import Arrays, Bonn, Custom, Data, Images, Npz, Scores, SimulatedEeg, Table
from spaces.eeg import Eeg
from spaces.errors import RunError

PHOTOS_PER_JOB = 256
READERS = ("numpy", "scipy", "edfio", "pillow", "pyarrow", "h5py")
"""Libraries that decode, filter and resample."""


def plan_simulated(config: SimulatedEeg, base: Path) -> Plan:
    """Simulated scalp EEG, `(n, 32, 9, 19)`; no folder is read."""
    return at_once(_simulated, config, base, fingerprint="")


def _simulated(config: SimulatedEeg, _base: Path) -> Rows:
    from search.data.sources.simulated_eeg import CHANNELS, simulate

    made = simulate(patients=config.patients, windows=config.windows, seed=config.seed)
    y, labels = binarize(made.y, config.positive, "simulated_eeg")
    return Rows(
        x=made.x,
        y=y,
        labels=labels,
        groups=made.groups,
        recordings=made.recordings,
        times=made.times,
        kind="eeg",
        window_s=1.0,
        channels=CHANNELS,
    )


def plan_npz(config: Npz, base: Path) -> Plan:
    """Arrays of one file, or of the `.npy` files of a folder."""
    return _one_file(load_npz, config, base)


def plan_table(config: Table, base: Path) -> Plan:
    """Columns of one file."""
    from search.data.sources.table import load_table  # with it comes the reading of CSV and Parquet

    return _one_file(load_table, config, base)


def plan_bonn(config: Bonn, base: Path) -> Plan:
    """The Bonn recordings, one archive."""
    return _one_file(load_bonn, config, base)


def _one_file(load: Callable[[Any, Path], Rows], config: Npz | Table | Bonn, base: Path) -> Plan:
    path = (base / config.path).resolve()
    # What is wrong with a file that is not there, the loader says.
    known: Any = fingerprint_of([path], path.parent) if path.is_file() else ""
    if path.is_dir():
        known = fingerprint_of(list(path.glob("*.npy")), path)
    if isinstance(config, Table) and config.seizures is not None:
        seizures = (base / config.seizures).resolve()
        known = [known, fingerprint_of([seizures], seizures.parent) if seizures.is_file() else ""]
    return at_once(load, config, base, fingerprint=known)


def plan_images(config: Images, base: Path) -> Plan:
    """Photos, decoded some hundreds at a time."""
    paths, y, labels, parts = photos_of(config, base)
    form = Form(labels, "image")
    root = base / config.path
    jobs = []
    for start in range(0, len(paths), PHOTOS_PER_JOB):
        some = slice(start, start + PHOTOS_PER_JOB)
        jobs.append(
            PhotoJob(paths[some], y[some], None if parts is None else parts[some], config.size, root, form)
        )
    return Plan(
        read=_photos,
        survey=_survey,
        jobs=tuple(jobs),
        # By the names in the folder: a photo may be a link to elsewhere, or to nothing, which `decode` names.
        fingerprint=fingerprint_of([path for path in paths if path.exists()], root),
        skip_bad=config.on_bad_file == "skip",
        parallel=True,
        files=len(paths),
        size_bytes=size_of(list(paths)),
    )


@dataclass(frozen=True, eq=False)
class PhotoJob:
    """Some photos below a folder, their labels `(k,)` and, where folders name them, their parts `(k,)`."""

    paths: tuple[Path, ...]
    y: NDArray[Any]
    parts: NDArray[np.str_] | None
    size: int
    below: Path
    form: Form


def _survey(job: PhotoJob) -> Photos | None:
    # What is told apart by class is so for two of them.
    of_two = job.y if job.form.labels.positives(job.y) is not None else np.zeros(len(job.y), np.int8)
    return survey(job.paths, of_two, job.size)


def _photos(job: PhotoJob, photos: Photos | None = None) -> Iterator[Piece]:
    bits = None if photos is None else photos.bits
    x, good, bad = decode(job.paths, job.size, below=job.below, bits=bits)
    yield Piece(
        form=job.form,
        x=x,
        y=job.y[good],
        parts=None if job.parts is None else job.parts[good],
        bad=tuple(f"{name}: {reason}" for name, reason in bad),
    )


def plan_eeg(config: Eeg, base: Path) -> Plan:
    """EDF recordings, one at a time."""
    from search.data.sources.eeg.recordings import plan_recordings  # with it comes scipy

    return plan_recordings(config, base)


def plan_arrays(config: Arrays, base: Path) -> Plan:
    """Rows that a notebook gave, which stand in the prepared data alone."""
    return arrays.plan_kept(config, base)


def plan_scores(config: Scores, base: Path) -> Plan:
    """Nothing: scores hold no inputs to train on.

    Raises:
        RunError: always.
    """
    raise RunError(
        "the source scores holds scores of models that exist, so there is nothing to train; "
        "for thresholds and a decision: python search.py decide"
    )


def plan_custom(config: Custom, base: Path) -> Plan:
    """Whatever the user's own function returns; only calling it tells whether that has changed."""
    return at_once(load_custom, config, base, fingerprint=None)


SOURCES: dict[type[Frozen], Callable[[Any, Path], Plan]] = {
    SimulatedEeg: plan_simulated,
    Npz: plan_npz,
    Table: plan_table,
    Images: plan_images,
    Bonn: plan_bonn,
    Eeg: plan_eeg,
    Arrays: plan_arrays,
    Scores: plan_scores,
    Custom: plan_custom,
}
"""The plan of each source; it gets the source's own config and the folder that relative paths start from."""


def plan(config: Data, base: Path) -> Plan:
    """Returns how the rows that a study's `data:` names are to be read.

    Args:
        config: the `data:` part of a study.
        base: the folder that relative paths in the study are taken from.

    Raises:
        RunError: nothing of the kind is there.
    """
    return SOURCES[type(config)](config, base)


def key(config: Data, plan: Plan) -> str:
    """Names prepared data: a source, its settings, the state of its files, and the code that read them."""
    if plan.kept_as is not None:
        return plan.kept_as
    settings = config.model_dump(mode="json", exclude={"path", "folder"})
    text = json.dumps([settings, plan.fingerprint, _code()], sort_keys=True)
    name = settings["source"].partition(":")[0].rpartition(".")[2]
    return f"{name}-{hashlib.sha256(text.encode()).hexdigest()[:16]}"


def _code() -> str:
    """Tells versions of all that reads and writes apart: another may read the same file in another way."""
    here = Path(__file__).parent
    beside = (here.parent / f"{name}.py" for name in ("folders", "photos", "plan", "rows", "store"))
    versions = " ".join(f"{name} {version(name)}" for name in READERS)
    return f"{digest_of_files([*here.rglob('*.py'), *beside], here.parent)} {versions}"


def paths_of(config: Data, base: Path) -> dict[str, str]:
    """Returns the absolute paths of a source's files and folders, by setting.

    Raises:
        RunError: nothing is there.
    """
    found = {}
    for key in ("path", "seizures") if isinstance(config, Table | Scores) else ("path",):
        named = config.model_dump().get(key)
        if named is None:
            continue
        path = (base / Path(named).expanduser()).resolve()
        if not path.exists():
            raise RunError(f"data.{key} must exist, but there is no {path} (data.{key}: {named})")
        found[key] = str(path)
    return found
