"""A host that says that it goes: its trials start elsewhere for that, and not for Ray's time-outs."""

import sys
from pathlib import Path

import pytest

from tests.benchmarks.spot_hosts import WAYS, gone
from tests.two_hosts.hosts import missing

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(600),
    pytest.mark.skipif(missing() is not None, reason=missing() or ""),
]
NOTICES = [what for what, way in WAYS.items() if way is not None and "kill -9" not in way]


@pytest.mark.parametrize("what", NOTICES)
def test_a_host_that_is_told_to_end_gives_its_trials_back(what, tmp_path):
    _, trained_s, why = gone(WAYS[what], tmp_path, Path(sys.prefix).resolve())
    assert "its node has died" in why
    drained = "block" in what
    notice = "preempted: Node received SIGTERM" if drained else "terminated expectedly: received SIGTERM"
    assert notice in why
    assert trained_s > 0
