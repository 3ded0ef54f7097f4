"""Writes the study that searches the heads of a model that was judged, with its network as the trunk."""

import hashlib
import re
import tempfile
from pathlib import Path
from typing import Any

from search.data.rows import Rows
from search.files import write_atomically
from search.networks.trunks import TRUNKS
from spaces import yaml_text
from spaces.data import Npz, Table
from spaces.heads import HEADS
from spaces.space import DEFAULT_HEADS
from spaces.study import Study
from spaces.study_file import parse

NAME = "heads.yaml"
_SOURCE = '''"""The network of {file} below its last layer, the trunk of {study} beside this file."""

import hashlib
from pathlib import Path

SHA256 = "{digest}"


def anew(inputs, width):
    """Returns its features, with weights drawn anew. The width stays as it is."""
    loaded = _loaded()
    return type(loaded).from_config(loaded.get_config())({inputs})


def trained(inputs, width):
    """Returns its features, from the weights it was judged with. The width stays as it is."""
    return _loaded()({inputs})


def _loaded():
    import keras

    file = Path(__file__).with_name("trunk.keras")
    if hashlib.sha256(file.read_bytes()).hexdigest() != SHA256:
        raise ValueError("trunk.keras is not the file that was written with this one")
    return keras.saving.load_model(file, compile=False, safe_mode=True)
'''
_ITS_OWN = """# Searches the heads of {file}, on the rows that it was judged on:
#   python search.py run {name}
# The trunk is the network of {file} below its last layer, from trunk.keras and {module}.py beside this file.
# {module}:anew draws its weights anew, so that no trial has seen a row of the test split; pretrained weights
# are lost with that. {module}:trained starts from the weights that were judged: rows these were trained on
# make every value too good, the test split's too.
"""
_ANOTHER = """# Searches heads on the rows that {file} was judged on:
#   python search.py run {name}
# {file} does not end in a dense layer on flat features, so its network cannot be the trunk here: {trunk} of
# this project stands in its place. For your own, name a function that builds it: trunk.name
# package.module:function (docs/studies.md).
"""


def write(folder: Path, file: str, model: Any, rows: Rows, data: Npz | Table, judged: Study) -> Study:
    """Writes the study and, where it can be one, the model's network as its trunk.

    Args:
        folder: of the run.
        file: the name of the model's file.
        model: as it was loaded; TensorFlow is there already.
        rows: the data.
        data: where they come from, with an absolute path.
        judged: whose rules, objective, events and seed the search takes over.

    Returns:
        The study, as it was written.
    """
    from search.networks import last_layer

    trunk = last_layer.trunk(model)
    if trunk is None:
        fitting = [name for name, one in TRUNKS.items() if one.fits(rows.x.shape[1:])]
        named, comment = fitting[0], _ANOTHER.format(file=_plain(file), name=NAME, trunk=fitting[0])
    else:
        module = _write_trunk(folder, file, trunk, str(rows.x.dtype))
        named, comment = f"{module}:anew", _ITS_OWN.format(file=_plain(file), name=NAME, module=module)
    written = {
        "name": f"{re.sub('[^A-Za-z0-9]+', '-', Path(file).stem).strip('-')[:50] or 'model'}-heads",
        "seed": judged.seed,
        "data": data.model_dump(mode="json", exclude_defaults=True) | {"source": data.source},
        "trunk": {"name": named},
        "space": {"heads": {name: list(HEADS[name].losses) for name in DEFAULT_HEADS}},
        "threshold": judged.threshold.model_dump(mode="json"),
        "objective": judged.objective.model_dump(mode="json"),
        "events": judged.events.model_dump(mode="json"),
    }
    study = parse(written, NAME)
    write_atomically(folder / NAME, (comment + yaml_text.dump(written)).encode())
    return study


def write_trunk_of(model: Path, folder: Path, study: str, dtype: str, told: Path) -> None:
    """Writes the network of a saved model below its last layer, and the module that loads it.

    Args:
        model: a `.keras` file, which is loaded in safe mode.
        folder: where both go.
        study: the file of the study whose trunk it is.
        dtype: of its rows.
        told: a file that gets the module's name; nothing where the model has no such network.
    """
    from search.networks import existing_model, last_layer

    trunk = last_layer.trunk(existing_model.load(model))
    told.write_text("" if trunk is None else _write_trunk(folder, model.name, trunk, dtype, study))


def _write_trunk(folder: Path, file: str, trunk: Any, dtype: str, study: str = NAME) -> str:
    """Writes the network and the module that loads it; returns the module's name."""
    with tempfile.TemporaryDirectory() as place:
        saved = Path(place, "trunk.keras")
        trunk.save(saved)
        content = saved.read_bytes()
    digest = hashlib.sha256(content).hexdigest()
    # The pixels of a study reach its trunk within [0, 1]; the model was given them as they are.
    inputs = "inputs * 255.0" if dtype == "uint8" else "inputs"
    # Modules are known by their names in a process, so each trunk has a name of its own.
    module = f"trunk_{digest[:12]}"
    write_atomically(folder / "trunk.keras", content)
    source = _SOURCE.format(file=_plain(file), study=_plain(study), digest=digest, inputs=inputs)
    write_atomically(folder / f"{module}.py", source.encode())
    return module


def _plain(name: str) -> str:
    """A file's name as it may stand in a comment or a docstring."""
    return re.sub(r"[^\w.-]", "?", name)
