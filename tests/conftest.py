"""What all tests share: one CPU thread for Keras, and the real data where it is at hand."""

from pathlib import Path

import pytest

from search.networks import backend

ROOT = Path(__file__).parents[1]
SHARED = ROOT.parent / "shared" / "data"


@pytest.fixture(scope="session")
def keras():
    """Keras on one thread; imported when the first test asks for it."""
    backend.start(1)
    backend.import_keras()
    import keras

    return keras


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of real data."""
    if not SHARED.is_dir():
        pytest.skip(f"needs the real data in {SHARED.relative_to(ROOT.parent)} beside the project")
    return SHARED
