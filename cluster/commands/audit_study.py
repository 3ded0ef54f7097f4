"""Writes the study that searches the right heads for what was audited: `audit FILE --study out.yaml`."""

import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from audit.files import text_of
from audit.finding import Audited
from audit.studies import Trunk, known_models, task_of, trunk_of, written
from spaces import yaml_text
from spaces.errors import RunError
from spaces.study_file import parse

_COMMENT = """# Searches the heads of {file}{rows}:
#   python search.py run {study}
# The trunk is {trunk}.
"""
_ROWS = """# The rows are yours to name: data.path is an .npz of inputs X and labels y (docs/data.md).
"""


def write_study(
    out: Path, found: Sequence[Audited], data: dict[str, Any] | None = None, dtype: str = "float32"
) -> str:
    """Writes the study of the first file with findings and a model that is known.

    Args:
        out: the file, new.
        found: what was audited.
        data: the rows, as a study names them; None if there are none at hand.
        dtype: of the rows.

    Returns:
        A line that says what was written.

    Raises:
        RunError: the file is there, nothing was found, or no model is known well enough.
    """
    if out.exists():
        raise RunError(f"--study writes a new file, but {out} is there")
    if out.suffix not in (".yaml", ".yml") or not out.parent.is_dir():
        raise RunError(f"--study writes a .yaml file in a folder that is there, but got {out}")
    for one in found:
        models = known_models(one.models) if one.findings else ()
        if models:
            break
    else:
        raise RunError("--study is written for a finding about a model, but none was found")
    task = task_of(models[0])
    saved = one.path.suffix.lower() == ".keras"
    trunk = _saved(one.path, out, dtype) if saved else trunk_of(text_of(one.path), one.path, out)
    rows = {"source": "npz", "path": "data.npz"} if data is None else data
    study = written(task, one.path.stem, trunk.name, rows)
    parse(study, out.name)
    comment = _COMMENT.format(
        file=_plain(one.path.name),
        rows="" if data is None else ", on the rows that it was audited on",
        study=_plain(out.name),
        trunk=_plain(trunk.told),
    )
    if trunk.module is not None:
        out.with_name(f"{trunk.name.partition(':')[0]}.py").write_text(trunk.module, encoding="utf-8")
    text = comment + (_ROWS if data is None else "") + yaml_text.dump(study)
    out.write_text(text, encoding="utf-8")
    return f"the right heads of {one.path.name} are searched by: python search.py run {out}"


def _saved(path: Path, out: Path, dtype: str) -> Trunk:
    """The network of a saved model, which is loaded in safe mode in a process of its own."""
    from reports.decisions.heads_study import write_trunk_of
    from search.networks.isolation import run_in_subprocess

    if out.with_name("trunk.keras").exists():
        raise RunError(f"--study writes trunk.keras beside {out.name}, but one is there")
    with tempfile.TemporaryDirectory() as place:
        told = Path(place, "module")
        run_in_subprocess(write_trunk_of, path, out.parent.resolve(), out.name, dtype, told)
        module = told.read_text(encoding="utf-8")
    if not module:
        return Trunk(
            name="mlp",
            module=None,
            told=f"mlp of this project, since {path.name} does not end in a dense layer on flat features",
        )
    said = f"the network of {path.name} below its last layer, its weights drawn anew"
    return Trunk(name=f"{module}:anew", module=None, told=said)


def _plain(text: str) -> str:
    """A text as it may stand in a comment."""
    return "".join(one if one.isprintable() else "?" for one in text)
