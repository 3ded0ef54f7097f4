"""What made a number: a digest of our code and the versions of the libraries below it."""

import hashlib
import platform
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from search.sources import custom
from search.trunks import author_config, outside_digest
from spaces.data import Custom
from spaces.study import Study

PACKAGES = ("spaces", "search", "reports", "cluster")
LIBRARIES = ("keras", "tensorflow", "jax", "ray", "optuna", "numpy", "scikit-learn", "pyarrow")


def code_digest(study: Study, shape: tuple[int, ...], *, source: bool = True) -> str:
    """Returns the sha256 of our source files, names and contents, as 64 hexadecimal digits.

    Args:
        study: names the files that its source and its network come from beside our code, if there are any.
        shape: of one row, which pretrained weights depend on.
        source: whether a data source of the user's own counts, which is read by the driver alone.

    Raises:
        RunError: the study names a file that is not there.
    """
    root = Path(__file__).parents[1]
    total = hashlib.sha256()
    for path in sorted(path for package in PACKAGES for path in (root / package).rglob("*.py")):
        total.update(path.relative_to(root).as_posix().encode() + b"\0" + path.read_bytes() + b"\0")
    if source and isinstance(study.data, Custom):
        total.update(custom.code_digest(study.data.source, study.data.folder or ".").encode())
    total.update((outside_digest(author_config(study), shape) or "").encode())
    return total.hexdigest()


def versions() -> dict[str, str]:
    """Returns the versions of Python and of the libraries that are installed."""
    found = {"python": platform.python_version()}
    for name in LIBRARIES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found
