"""The file of a record: JSON whose last entry is the sha256 of all that stands above it."""

import hashlib

from search.record import Record

_BEFORE, _AFTER = b',\n "sha256": "', b'"\n}'


class ChangedError(ValueError):
    """A record that parses is not the one that was written."""


def as_json(record: Record) -> bytes:
    """Returns the content of a record's file."""
    body = record.model_dump_json(indent=1).encode().removesuffix(b"\n}")
    return body + _BEFORE + _digest(body) + _AFTER


def from_json(content: bytes) -> Record:
    """Returns the record of a file; one of earlier versions, without a digest, is taken as it is.

    Raises:
        ValidationError: it is no record.
        ChangedError: it is not as it was written.
    """
    body, found, rest = content.rpartition(_BEFORE)
    if not found:
        return Record.model_validate_json(content)
    record = Record.model_validate_json(body + b"\n}")
    if rest != _digest(body) + _AFTER:
        raise ChangedError("its content is not what the trial left")
    return record


def _digest(body: bytes) -> bytes:
    return hashlib.sha256(body).hexdigest().encode()
