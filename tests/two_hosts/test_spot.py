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
    notices = [("its node has died", "terminated expectedly: received SIGTERM")]
    if "block" in what:  # it drains, and goes
        notices.append(("its node has died", "preempted: Node received SIGTERM"))
    if "all processes" in what:  # a worker's end may be seen before that of its host
        notices.append(("its worker process has died", "The process receives a SIGTERM"))
    assert [notice for seen, notice in notices if seen in why and notice in why], why
    assert trained_s > 0
