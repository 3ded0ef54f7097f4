"""Audits a saved model: what its `config.json` says, read as data; no code of the file is run."""

import json
import zipfile
import zlib
from pathlib import Path
from typing import Any

from audit.checks import check
from audit.compiled import losses_of, metrics_of
from audit.finding import Audited
from audit.model_facts import ModelFacts, Place
from audit.saved_layers import outputs_of

MOST_BYTES = 64 * 2**20
"""Of a `config.json`: those of networks with a thousand layers have about one million."""
MOST_MEMBERS = 100_000
_CONFIG = "config.json"


class ModelFileError(Exception):
    """A file is no saved model that can be read; the message says why."""


def audit_model(path: Path) -> Audited:
    """Audits a `.keras` file by its last layers and by what it was compiled with.

    Raises:
        ModelFileError: it is no such file.
        OSError: it cannot be read.
    """
    found = read(path)
    if not found.outputs:
        unknown = "its layers are not in the file: it was saved by a class of its own, whose code is not run"
        return Audited(path=path, unknown=(unknown,))
    return Audited(path=path, findings=tuple(check(found)), models=(found,))


def read(path: Path) -> ModelFacts:
    """Reads what a `.keras` file says of its model.

    Raises:
        ModelFileError: it is no such file.
        OSError: it cannot be read.
    """
    if path.suffix.lower() in (".h5", ".hdf5"):
        raise ModelFileError(
            "is HDF5, which is not read here since a model of that form may hold code that runs as it loads; "
            f"where you trust it, convert it: "
            f"keras.saving.load_model({path.name!r}).save({path.stem + '.keras'!r})"
        )
    held = _config(path)
    outputs = outputs_of(held)
    compiled = held.get("compile_config")
    if not isinstance(compiled, dict) or "loss" not in compiled:
        return ModelFacts(path=path, outputs=outputs, trained=False, seen="the saved model, not compiled")
    return ModelFacts(
        path=path,
        outputs=outputs,
        losses=losses_of(compiled.get("loss"), outputs),
        metrics=metrics_of((compiled.get("metrics"), compiled.get("weighted_metrics")), outputs),
        place=Place(code="compile"),
        seen="the saved model, as it was compiled",
    )


def _config(path: Path) -> dict[str, Any]:
    try:
        with zipfile.ZipFile(path) as opened:
            members = opened.infolist()
            found = [one for one in members if one.filename == _CONFIG]
            if len(found) != 1 or len(members) > MOST_MEMBERS:
                raise ModelFileError(f"a .keras file must hold one {_CONFIG}, but this holds {len(found)}")
            with opened.open(found[0]) as member:
                # What the archive says of a size may be wrong, so no more than the most is unpacked.
                raw = member.read(MOST_BYTES + 1)
        if len(raw) > MOST_BYTES:
            raise ModelFileError(f"the {_CONFIG} of a .keras file must have at most {MOST_BYTES >> 20} MB")
        held = json.loads(raw)
    except (zipfile.BadZipFile, zlib.error, EOFError) as error:
        raise ModelFileError(
            f"a .keras file must be an archive, as model.save writes it, but gave: {error}"
        ) from None
    except (ValueError, RecursionError, RuntimeError, NotImplementedError) as error:
        raise ModelFileError(
            f"a .keras file must hold a {_CONFIG} that can be read, but gave: {error}"
        ) from None
    if not isinstance(held, dict):
        raise ModelFileError(f"the {_CONFIG} of a .keras file must be that of a model")
    return held
