"""What made a number: a digest of our code, and the versions of the libraries."""

import hashlib
import platform
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from search.data.sources import custom
from search.files import digest_of_files
from search.networks.trunks import author_config, outside_digest
from spaces.data import Custom
from spaces.study import Study

PACKAGES = ("spaces", "audit", "search", "reports", "cluster")
ROOT = Path(__file__).parents[2]
"""The folder that our packages lie in."""
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
    ours = (path for package in PACKAGES for path in (ROOT / package).rglob("*.py"))
    total = hashlib.sha256(digest_of_files(ours, ROOT).encode())
    if source and isinstance(study.data, Custom):
        total.update(custom.code_digest(study.data.source, study.data.folder or ".").encode())
    if study.trains:
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
