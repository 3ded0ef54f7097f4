"""A person who was never there, planted in the headers of recordings, and a search for all that is hers."""

import io
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pyarrow.parquet as pq

PERSON = {
    "name": "Zaphodine_Beeblebrox",
    "code": "PIN0815X77",
    "birthdate": "1943-05-17",
    "startdate": "2009-11-23",
    "administration": "StElsewhere4411",
    "technician": "Hildegardis_Q",
    "equipment": "Neurofax9917",
    "additional": "Ward77Bed3",
    "annotation": "Krautwurst calls her sister",
    "transducer": "AgAgCl of Krautwurst",
    "prefiltering": "HP:0.1Hz Zappel",
}
"""What `tests.helpers.edf_files` writes into headers."""

TRACES = (
    *("zaphodine", "beeblebrox", "pin0815x77", "stelsewhere4411", "hildegardis", "neurofax9917"),
    *("ward77bed3", "krautwurst", "zappel"),
    *("17-may-1943", "1943-05-17", "17.05.43", "23-nov-2009", "2009-11-23", "23.11.09"),
)
"""In small letters. An EDF header has the dates in the first or the last form of each."""

_ENCODINGS = ("utf-8", "utf-16-le", "utf-16-be", "utf-32-le")


def traces_in(content: bytes) -> set[str]:
    """The traces of the person in some bytes, whatever their case and encoding."""
    small = content.lower()
    return {trace for trace in TRACES if any(trace.encode(code) in small for code in _ENCODINGS)}


def traces_below(folder: Path) -> dict[str, set[str]]:
    """The files below a folder that tell of the person, and what they tell; compressed ones are opened."""
    found: dict[str, set[str]] = {}
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        told = traces_in(str(path.relative_to(folder)).encode())
        for content in contents(path.read_bytes()):
            told |= traces_in(content)
        if told:
            found[str(path.relative_to(folder))] = told
    return found


def contents(content: bytes) -> Iterator[bytes]:
    """A file as it is, and what is packed in it."""
    yield content
    if content[:4] == b"PAR1":
        table = pq.ParquetFile(io.BytesIO(content)).read()
        yield str(table.schema).encode()
        yield str(table.schema.metadata).encode()
        for column in table.columns:
            yield "\n".join(map(str, column.to_pylist())).encode()
    elif zipfile.is_zipfile(io.BytesIO(content)):
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            for name in archive.namelist():
                yield name.encode()
                yield from contents(archive.read(name))
