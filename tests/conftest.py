"""What all tests share: one CPU thread for Keras, and the real data where it is at hand."""

import gc
import os
import tempfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from search.networks import backend

ROOT = Path(__file__).parents[1]
SHARED = ROOT.parent / "shared" / "data"


def pytest_configure() -> None:
    """Holds linear algebra to one thread, before numpy starts more: they would wait for the other worker."""
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")


@pytest.fixture(scope="module", autouse=True)
def _settled() -> None:
    """Keeps what stands already out of collections of garbage: every training begins with two."""
    gc.collect()
    gc.freeze()


@pytest.fixture(scope="session", autouse=True)
def _own_ray() -> Iterator[None]:
    """A folder for Ray: drivers that look for this host's cluster find that of no test beside them."""
    with (
        tempfile.TemporaryDirectory(prefix="ray-", ignore_cleanup_errors=True) as folder,
        pytest.MonkeyPatch.context() as patch,
    ):
        patch.setenv("RAY_TMPDIR", folder)
        yield


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


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Says how long the tests of each room took, so that one that grows is seen."""
    seconds: Counter[str] = Counter()
    for reports in terminalreporter.stats.values():
        for report in reports:
            if isinstance(report, pytest.TestReport):
                seconds[report.nodeid.partition("::")[0].rpartition("/")[0]] += report.duration
    terminalreporter.section("seconds by room")
    for room, taken in seconds.most_common():
        terminalreporter.line(f"{taken:7.1f}  {room}")
