"""Loads a bundle after checking that no file of it has changed, and predicts with it."""

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import yaml
from numpy.typing import NDArray
from pydantic import ValidationError

from reports.bundles.scale import check_scale
from reports.bundles.schema import BundleConfig, TrialConfig
from search.data.rows import AnyLabels
from search.data.shards import Inputs
from search.files import write_atomically
from search.networks import backend
from spaces.base import Label
from spaces.errors import RunError
from spaces.tasks import TaskName

FORMAT = 6
"""The version of a bundle's format. Earlier versions are read too, later ones are refused. Version 2 added
the events and how windows are cut from recordings. Version 3 added the exports, and refuses added files.
Version 4 added how 16-bit photos are scaled, and the quantiles of training rows. Version 5 is of tasks that
are not binary. Version 6 is of classes whose decisions are events."""
MANY = 5
"""The version for tasks that are not binary, and for models that were trained elsewhere."""
SUMS = "SHA256SUMS"
ALWAYS = frozenset({"config.yaml", "model.keras", "MODEL_CARD.md"})
"""Files that every bundle holds."""
Outputs = dict[str, NDArray[Any]]
"""`score` and `probability` (float32) and `label` (1 is positive), each `(n,)`; see `deciding_model`."""


def oldest_format(task: TaskName, *, events: bool) -> int:
    """Returns the first version of the format that can tell of a task, and of events if it has some."""
    if task == "binary":
        return 4
    return FORMAT if events else MANY


@dataclass(frozen=True, eq=False)
class Bundle:
    """A loaded bundle.

    Args:
        config: what `config.yaml` holds.
        model: the deciding model.
    """

    config: BundleConfig
    model: Any

    def __repr__(self) -> str:
        return f"Bundle(trial {self.config.trial_id} of the study {self.config.study!r})"

    @property
    def labels(self) -> AnyLabels:
        """What labels stand for in the data."""
        return self.config.labels

    def predict(self, x: NDArray[Any]) -> pa.Table:
        """Returns the `table` of the `outputs` for rows `(n, *shape)`."""
        return self.table(self.outputs(x))

    def outputs(self, x: NDArray[Any]) -> Outputs:
        """Returns the score, probability and label of rows.

        Args:
            x: inputs `(n, *shape)`, of the bundle's shape and type; finite.

        Raises:
            RunError: the shape or type is not that of the training rows, a value is not finite, or the rows
                are of other units (see `check_scale`).
        """
        return outputs(self.model, self._checked(x))

    def table(self, outputs: Outputs) -> pa.Table:
        """Returns outputs as a table of `columns`."""
        return pa.table(self.columns(outputs))

    def columns(self, outputs: Outputs) -> dict[str, Any]:
        """Returns `score`, `probability` and `label`; `label` holds the original label values.

        It is null where a row is not decided, or its score is no number. Of K classes there is a score and a
        probability of each, `score_CLASS`. Of K labels there are three columns of each. A number is the
        column `prediction`.
        """
        return _COLUMNS[self.labels.task.name](self.labels, outputs)

    def _checked(self, x: NDArray[Any]) -> NDArray[Any]:
        shape, dtype = self.config.input.shape, self.config.input.dtype
        if x.shape[1:] != shape:
            raise RunError(f"the bundle takes rows of shape {shape}, but got {x.shape[1:]}")
        if len(x) == 0:
            raise RunError("there is nothing to predict: the data has no rows")
        if x.dtype.kind not in "biuf":
            raise RunError(f"the bundle takes numbers, but got {x.dtype}")
        if dtype == "uint8" and x.dtype != np.uint8:
            raise RunError(f"the bundle takes pixels as uint8, 0 to 255, but got {x.dtype}")
        if dtype == "float32" and x.dtype == np.uint8:
            raise RunError(
                "the bundle takes float32 values and was never shown uint8, whose range is another; "
                "scale the rows as those it was trained on"
            )
        if dtype == "float32":
            with np.errstate(over="ignore"):  # a value that overflows becomes infinite, and is refused below
                x = x.astype(np.float32, copy=False)
            unfinite = np.flatnonzero(~np.isfinite(x).reshape(len(x), -1).all(axis=1))
            if unfinite.size:
                raise RunError(
                    f"inputs must be finite, but {unfinite.size} of {len(x)} rows are not, "
                    f"the first being row {unfinite[0]}"
                )
            check_scale(x, self.config.input)
        return x


def _of_two(labels: Any, outputs: Outputs) -> dict[str, Any]:
    label = _labels((labels.negative, labels.positive), outputs)
    return {"score": outputs["score"], "probability": outputs["probability"], "label": label}


def _labels(values: tuple[Label, ...], outputs: Outputs) -> Any:
    """The values that labels stand for; null where a row is not decided, or its score is no number."""
    # The type is that of all values even where one occurs: all tables of a file must have one type.
    found = [None if number < 0 else values[number] for number in outputs["label"].tolist()]
    return pa.array(found, pa.array(values).type)


def _of_each(labels: Any, outputs: Outputs) -> dict[str, Any]:
    return {
        f"{what}_{answer}": outputs[what][:, k]
        for what in ("score", "probability")
        for k, answer in enumerate(labels.answers)
    }


def _of_classes(labels: Any, outputs: Outputs) -> dict[str, Any]:
    return {"label": _labels(labels.values, outputs), **_of_each(labels, outputs)}


def _of_labels(labels: Any, outputs: Outputs) -> dict[str, Any]:
    has = {f"label_{answer}": outputs["label"][:, k] == 1 for k, answer in enumerate(labels.answers)}
    return has | _of_each(labels, outputs)


def _of_number(labels: Any, outputs: Outputs) -> dict[str, Any]:
    return {"prediction": outputs["score"]}


_COLUMNS: Mapping[TaskName, Callable[[Any, Outputs], dict[str, Any]]] = {
    "binary": _of_two,
    "classes": _of_classes,
    "labels": _of_labels,
    "number": _of_number,
}


def load(folder: Path | str, *, as_guest: bool = True) -> Bundle:
    """Loads a bundle: `load(folder).predict(x)` is a table of score, probability and label.

    Every file is verified before any is loaded, and the model is loaded in Keras' safe mode.

    Args:
        folder: the bundle.
        as_guest: in a process that is not ours, such as a notebook; see `backend.import_keras`.

    Raises:
        RunError: it is no bundle, is of a later format, a file changed, or the model takes other rows.
    """
    folder = Path(folder)
    config = verified(folder)
    backend.import_keras(as_guest=as_guest)
    from search.networks import export

    model = export.load(str(folder / "model.keras"), config.input.shape, config.input.dtype)
    return Bundle(config, model)


def verified(folder: Path) -> BundleConfig:
    """Verifies every file of a bundle and returns its config, without importing TensorFlow.

    Raises: as `load`.
    """
    sums = folder / SUMS
    if not sums.is_file():
        raise RunError(f"a bundle is a folder with {SUMS}, but {folder} has none")
    lines = (line.partition("  ") for line in sums.read_text(encoding="utf-8").splitlines())
    listed = {name: digest for digest, _, name in lines}
    for name in sorted(ALWAYS | listed.keys()):
        path = folder / name
        if not path.is_file():
            raise _not_as_written(path, "is missing")
        if name not in listed:
            raise _not_as_written(path, "is not listed")
        if _sum(path) != listed[name]:
            raise _not_as_written(path, "has changed")
    content = yaml.safe_load((folder / "config.yaml").read_text(encoding="utf-8"))
    if content["format"] > FORMAT:
        raise RunError(
            f"this headsearch reads bundles up to format {FORMAT}, but {folder} has {content['format']}"
        )
    try:
        config = (TrialConfig if "test" in content else BundleConfig).model_validate(content)
    except ValidationError as error:
        place = ".".join(map(str, error.errors()[0]["loc"]))
        raise RunError(
            f"the config.yaml of a bundle must hold what docs/bundle.schema.json says, but {place} "
            f"of {folder} does not: {error.errors()[0]['msg']}"
        ) from None
    if config.format >= 3:
        for name in _names(folder):
            if name not in listed:
                raise _not_as_written(folder / name, "was added")
    return config


def outputs(model: Any, x: Inputs) -> Outputs:
    """Returns the outputs of a deciding model for rows `(n, ...)`, n >= 1, which are read batch by batch."""
    from search.training.feeding import predict

    made: Outputs = predict(model, x)
    return made


def write_sums(folder: Path) -> None:
    """Writes the checksums of all files of a finished bundle."""
    text = "".join(f"{_sum(folder / name)}  {name}\n" for name in _names(folder))
    write_atomically(folder / SUMS, text.encode())


def _names(folder: Path) -> list[str]:
    """Returns all files below a folder except the checksums, such as `saved_model/saved_model.pb`."""
    # A link to a folder is listed like a file, since no checksum covers what it leads to.
    found = (path for path in folder.rglob("*") if path.is_symlink() or not path.is_dir())
    return sorted(name for path in found if (name := path.relative_to(folder).as_posix()) != SUMS)


def _not_as_written(path: Path, what: str) -> RunError:
    return RunError(f"every file of a bundle must be as it was written, but {path} {what} (see {SUMS})")


def _sum(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
