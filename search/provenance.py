"""What made a number: a digest of our code and the versions of the libraries below it."""

import hashlib
import platform
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

PACKAGES = ("spaces", "search", "reports", "cluster")
LIBRARIES = ("keras", "tensorflow", "jax", "ray", "optuna", "numpy", "scikit-learn", "pyarrow")


def code_digest() -> str:
    """Returns the sha256 of our source files, names and contents, as 64 hexadecimal digits."""
    root = Path(__file__).parents[1]
    total = hashlib.sha256()
    for path in sorted(path for package in PACKAGES for path in (root / package).rglob("*.py")):
        total.update(path.relative_to(root).as_posix().encode() + b"\0" + path.read_bytes() + b"\0")
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
