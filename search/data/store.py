"""Stores prepared data on disk: written once with a manifest, then memory-mapped."""

import hashlib
import json
import os
import platform
import shutil
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
from numpy.typing import NDArray

from search.data import photos, task_labels
from search.data.plan import Form, Piece, Plan, Read
from search.data.row_table import as_table, content_of, labels_of
from search.data.rows import Labels, Recording, Rows, check_finite
from search.data.shards import Shards
from spaces.errors import RunError, first_of

FORMAT = 1
"""Of a manifest. Data prepared by other code have another key, so only one format is ever read."""
MANIFEST, COLUMNS, TIMELINE = "manifest.json", "columns.parquet", "timeline.json"
_SELDOM = ("stretches", "kinds")
NAMED = 5
"""Bad files that a message names."""
BAD_INPUT = 2
"""Exit code of an error that lies in the data, not in the machine."""
_HOST = "".join(c if c.isalnum() else "_" for c in platform.node())

Map = Callable[[Callable[[Any], Any], Sequence[Any]], Iterable[Any]]
"""Applies a function to every item, in order; items may be worked on at once, in processes of this host."""
MUCH_BYTES = 64 * 2**20
"""Files that are smaller together are read one after another: starting processes would take longer."""
OnDone = Callable[[int, int], None]
"""Told how many of how many jobs are done."""


@dataclass(frozen=True, eq=False)
class Stored:
    """Prepared data, opened.

    Args:
        path: its folder.
        rows: all rows, their inputs mapped.
        digest: sha256 of all contents, 64 hexadecimal digits.
        bad: what was left out, each as `name: reason`.
        notes: what was mended, each as `name: what`.
        doubts: what was read as it stands and may be bad, each as `name: what`.
        reused: whether it had been written before.
    """

    path: Path
    rows: Rows
    digest: str
    bad: tuple[str, ...]
    notes: tuple[str, ...]
    doubts: tuple[str, ...]
    reused: bool


@dataclass(frozen=True, kw_only=True, eq=False)
class _Shard:
    """One shard as written, with the columns of its rows."""

    name: str
    rows: int
    sha256: str
    row_shape: tuple[int, ...]
    dtype: str
    form: Form | None
    columns: dict[str, NDArray[Any]]
    timeline: tuple[Recording, ...]
    bad: tuple[str, ...]
    notes: tuple[str, ...]
    doubts: tuple[str, ...] = ()


def prepare(
    plan: Plan, key: str, root: Path, map_jobs: Map = map, on_done: OnDone = lambda done, total: None
) -> Stored:
    """Opens the prepared data of a source; writes it first, where it is not there yet.

    Args:
        plan: what would be read.
        key: of source, settings and code: prepared data under the same key are reused.
        root: the folder of all prepared data.
        map_jobs: reads jobs at once where the plan allows it.
        on_done: told of the progress of writing.

    Raises:
        RunError: something cannot be read, or what is there is not as it was written.
    """
    folder = root / key
    if plan.fingerprint is not None and (folder / MANIFEST).is_file():
        return open_stored(folder, reused=True)
    root.mkdir(parents=True, exist_ok=True)
    _remove_abandoned(root)
    writing = root / f".{key}.{_HOST}-{os.getpid()}.tmp"
    shutil.rmtree(writing, ignore_errors=True)
    writing.mkdir()
    try:
        digest = _write(
            plan, writing, map_jobs if plan.parallel and plan.size_bytes >= MUCH_BYTES else map, on_done
        )
        if plan.fingerprint is None:
            folder = root / f"{key}-{digest[:16]}"
        return open_stored(_put(writing, folder), reused=False)
    finally:
        shutil.rmtree(writing, ignore_errors=True)


def open_stored(folder: Path, *, reused: bool = True) -> Stored:
    """Opens prepared data after every file has been read and found as it was written.

    Raises:
        RunError: manifest and files disagree.
    """
    manifest = _manifest(folder)
    wanted = {COLUMNS: manifest["columns"], TIMELINE: manifest["timeline"]}
    wanted |= {shard["name"]: shard["sha256"] for shard in manifest["shards"] if shard["rows"]}
    with ThreadPoolExecutor(max_workers=2) as pool:  # hashing leaves the interpreter alone
        found = pool.map(lambda name: _sha256(folder / name), wanted)
        for (name, digest), now in zip(wanted.items(), found, strict=True):
            if now != digest:
                raise RunError(
                    f"prepared data must be as they were written, but {folder / name} "
                    f"{'is missing' if now is None else 'is not'}; delete {folder} to prepare them anew"
                )
    return _opened(folder, manifest, reused)


def known(root: Path, digest: str) -> Stored | None:
    """Returns prepared data by the digest of their contents; None where there are none.

    For what their labels and names say: the inputs are neither read nor checked.
    """
    for path in sorted(root.glob(f"*/{MANIFEST}")):
        try:
            manifest = _manifest(path.parent)
            if manifest["digest"] == digest and _sha256(path.parent / COLUMNS) == manifest["columns"]:
                return _opened(path.parent, manifest, reused=True)
        except (RunError, OSError, KeyError):  # another's, or being deleted
            continue
    return None


def _manifest(folder: Path) -> dict[str, Any]:
    """Reads the manifest and holds it against its own digest."""
    path = folder / MANIFEST
    try:
        manifest: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        if manifest.pop("sha256") == _sha256_of(manifest) and manifest["format"] == FORMAT:
            return manifest
    except (ValueError, KeyError, AttributeError):
        pass
    raise RunError(
        f"a manifest must be as it was written, but {path} is not; delete {folder} to prepare anew"
    )


def _sha256_of(values: dict[str, Any], more: bytes = b"") -> str:
    # By way of JSON, so that values just made equal values just read.
    text = json.dumps(json.loads(json.dumps(values)), sort_keys=True)
    return hashlib.sha256(text.encode() + more).hexdigest()


def _opened(folder: Path, manifest: dict[str, Any], reused: bool) -> Stored:
    columns = pq.ParquetFile(folder / COLUMNS).read()
    timeline = tuple(
        Recording(
            r["name"],
            r["group"],
            r["duration_s"],
            tuple((a, b) for a, b in r["seizures"]),
            tuple((a, b) for a, b in r.get("stretches", ())),
            tuple((a, b, kind) for a, b, kind in r.get("kinds", ())),
        )
        for r in json.loads((folder / TIMELINE).read_text(encoding="utf-8"))
    )

    def text(name: str) -> Any:
        if name not in columns.column_names:
            return None
        column = columns[name].combine_chunks()
        return np.array(column.dictionary.to_pylist(), dtype=np.str_)[column.indices.to_numpy()]

    form = manifest["form"]
    rows = Rows(
        x=Shards(
            folder=str(folder.resolve()),
            names=tuple(shard["name"] for shard in manifest["shards"]),
            counts=tuple(shard["rows"] for shard in manifest["shards"]),
            row_shape=tuple(manifest["row_shape"]),
            type_name=manifest["dtype"],
        ),
        y=labels_of(columns),
        labels=Labels(**form["labels"])
        if "positive" in form["labels"]
        else task_labels.stored(form["labels"]),
        groups=text("groups"),
        recordings=text("recordings"),
        times=columns["times"].to_numpy() if "times" in columns.column_names else None,
        parts=text("parts"),
        kind=form["kind"],
        window_s=form["window_s"],
        channels=None if form["channels"] is None else tuple(form["channels"]),
        timeline=timeline or None,
        photos=photos.stored(manifest.get("photos")),
    )
    return Stored(
        path=folder,
        rows=rows,
        digest=manifest["digest"],
        bad=tuple(manifest["bad"]),
        notes=tuple(manifest["notes"]),
        doubts=tuple(manifest.get("doubts", ())),  # what older code prepared is still asked for its labels
        reused=reused,
    )


def _write(plan: Plan, folder: Path, map_jobs: Map, on_done: OnDone) -> str:
    """Writes shards, columns and timeline, and the manifest last; returns the digest of the contents."""
    named = [(job, str(folder / f"x-{number:05d}.bin")) for number, job in enumerate(plan.jobs)]
    shards: list[_Shard] = []
    seen = None if plan.survey is None else photos.merged(map_jobs(plan.survey, plan.jobs))
    read = plan.read if seen is None else partial(plan.read, photos=seen)
    for shard in map_jobs(partial(_write_shard, read), named):
        shards.append(shard)
        on_done(len(shards), len(named))
    bad = tuple(reason for shard in shards for reason in shard.bad)
    if bad and plan.files == 1:
        raise RunError(bad[0])
    if bad and not plan.skip_bad:
        raise RunError(
            f"every file must be fit for use, but {len(bad)} of {plan.files} are not: "
            f"{_listed(bad)}; {plan.remedy}"
        )
    held = [shard for shard in shards if shard.rows]
    if not held:
        why = f"; {_listed(bad)}" if bad else ""
        raise RunError(f"data must hold at least one row, but nothing that could be read holds any{why}")
    first = held[0]
    for shard in held:
        if (shard.form, shard.row_shape, shard.dtype) != (first.form, first.row_shape, first.dtype):
            raise RunError(
                f"all rows of a source must be alike, but {shard.name} holds {shard.dtype} {shard.row_shape} "
                f"and {first.name} {first.dtype} {first.row_shape}"
            )
    columns = as_table([shard.columns for shard in held])
    pq.write_table(columns, folder / COLUMNS)
    recordings = [recording for shard in shards for recording in shard.timeline]
    (folder / TIMELINE).write_bytes(_timeline(recordings))
    manifest = {
        "format": FORMAT,
        "form": asdict(first.form) if first.form else {},
        "dtype": first.dtype,
        "row_shape": first.row_shape,
        "rows": sum(shard.rows for shard in shards),
        "positive": None if first.form is None else first.form.labels.positives(labels_of(columns)),
        "shards": [{"name": s.name, "rows": s.rows, "sha256": s.sha256} for s in shards],
        "columns": _sha256(folder / COLUMNS),
        "timeline": _sha256(folder / TIMELINE),
        "bad": plan.left_out + bad,
        "notes": [note for shard in shards for note in shard.notes],
        "doubts": [doubt for shard in shards for doubt in shard.doubts],
        "photos": None if seen is None else asdict(seen),
    }
    # Of the contents alone: how Parquet wrote them, or what was found while reading, makes no other data.
    # Nor do classes of seizures: the digest is as it was before they were kept.
    contents = {key: manifest[key] for key in ("form", "dtype", "row_shape", "shards")}
    plain = _timeline([replace(recording, kinds=()) for recording in recordings])
    contents["timeline"] = hashlib.sha256(plain).hexdigest()
    digest = _sha256_of(contents, content_of(columns))
    manifest["digest"] = digest
    text = json.dumps({**manifest, "sha256": _sha256_of(manifest)}, indent=1)
    with (folder / MANIFEST).open("w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    return digest


def _timeline(recordings: Sequence[Recording]) -> bytes:
    """Recordings as JSON, with no word of gaps and classes where there are none: as before they were read."""
    told = (asdict(recording).items() for recording in recordings)
    kept = [{name: value for name, value in one if name not in _SELDOM or value} for one in told]
    return json.dumps(kept).encode()


def _write_shard(read: Read, named: tuple[Any, str]) -> _Shard:
    """Reads one job into one file; a job that cannot be read leaves a reason and no rows."""
    job, path = named
    name, total = Path(path).name, hashlib.sha256()
    pieces: list[Piece] = []
    try:
        with open(path, "wb") as file:
            for piece in read(job):
                if len(piece.y):
                    check_finite(piece.x)
                    values = memoryview(np.ascontiguousarray(piece.x[:]).data).cast("B")
                    file.write(values)
                    total.update(values)
                pieces.append(replace(piece, x=np.empty((0, *piece.x.shape[1:]), piece.x.dtype)))
            file.flush()
            os.fsync(file.fileno())
    except RunError as error:
        os.unlink(path)
        if error.exit_code != BAD_INPUT:  # a file that could not be read now may be readable in an hour
            raise
        return _Shard(
            name=name, rows=0, sha256="", row_shape=(), dtype="", form=None, columns={}, timeline=(),
            bad=(str(error),), notes=(),
        )  # fmt: skip
    columns = [piece.columns() for piece in pieces]
    return _Shard(
        name=name,
        rows=sum(len(piece.y) for piece in pieces),
        sha256=total.hexdigest(),
        row_shape=pieces[0].x.shape[1:] if pieces else (),
        dtype=str(pieces[0].x.dtype) if pieces else "",
        form=pieces[0].form if pieces else None,
        columns={key: np.concatenate([c[key] for c in columns]) for key in (columns or [{}])[0]},
        timeline=tuple(recording for piece in pieces for recording in piece.timeline),
        bad=tuple(reason for piece in pieces for reason in piece.bad),
        notes=tuple(note for piece in pieces for note in piece.notes),
        doubts=tuple(doubt for piece in pieces for doubt in piece.doubts),
    )


def _put(writing: Path, folder: Path) -> Path:
    """Gives finished data their name, unless another process was faster."""
    try:
        os.rename(writing, folder)
    except OSError:
        if not (folder / MANIFEST).is_file():
            raise RunError(
                f"prepared data go to a new folder, but {folder} is in the way; delete it"
            ) from None
    return folder


def _remove_abandoned(root: Path) -> None:
    """Removes what processes that are gone left half-written."""
    for path in root.glob(f".*.{_HOST}-*.tmp"):  # the folder may be shared with other hosts
        owner = path.name.removesuffix(".tmp").rpartition("-")[2]
        if owner.isdecimal() and not _is_alive(int(owner)):
            shutil.rmtree(path, ignore_errors=True)


def _is_alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass
    return True


def _sha256(path: Path) -> str | None:
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except FileNotFoundError:
        return None


def _listed(bad: Sequence[str]) -> str:
    """What is bad, each reason once with the names it holds for."""
    names: dict[str, list[str]] = {}
    for one in bad:
        name, _, reason = one.partition(": ")
        names.setdefault(reason, []).append(name)
    listed = [f"{first_of(held, NAMED)}: {reason}" for reason, held in names.items()]
    return "; ".join(listed[:NAMED]) + (f"; and {len(listed) - NAMED} more reasons" if listed[NAMED:] else "")
