"""Jobs read at once through Ray, and shards for workers on hosts without the files."""

import os
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest

from search.data.shards import Part
from search.data.trial_data import TrialData
from search.hosts import parallel
from search.hosts.parallel import ALONE, map_here, reachable
from spaces.errors import RunError
from tests.helpers.driving import environment
from tests.helpers.stored import some_rows, stored

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module", autouse=True)
def local_ray():
    ray = pytest.importorskip("ray")
    ray.init(address="local", num_cpus=2, resources={ALONE: 1}, include_dashboard=False, log_to_driver=False)
    yield ray
    ray.shutdown()


def squared(number: int) -> int:
    return number**2


def refusing(number: int) -> int:
    if number == 3:
        raise RunError(f"three.edf: must not be {number}")
    return number


def dying(number: int) -> int:
    if number == 1:
        os._exit(1)
    return number


def test_results_come_in_order():
    assert list(map_here(squared, range(20))) == [number**2 for number in range(20)]
    assert list(map_here(squared, [])) == []


def test_a_head_that_gives_no_processor_away_reads_all_the_same():
    script = (
        "import ray; from search.hosts.parallel import map_here; "
        "ray.init(address='local', num_cpus=0, include_dashboard=False, log_to_driver=False); "
        "from tests.search.hosts.test_parallel import squared; print(list(map_here(squared, range(4))))"
    )
    said = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, env=environment())
    assert said.stdout == "[0, 1, 4, 9]\n", said.stderr


def test_a_refusal_keeps_its_words():
    with pytest.raises(RunError, match=r"^three.edf: must not be 3$"):
        list(map_here(refusing, range(6)))


def test_a_process_that_dies_stops_the_run():
    with pytest.raises(RunError, match="a process that prepares data died: ") as stopped:
        list(map_here(dying, range(4)))
    assert stopped.value.exit_code == 1


def test_shards_travel_where_the_files_are_not(local_ray, tmp_path, monkeypatch):
    """Where hosts may join, workers that lack the folder get the same values from Ray's object store.

    Only a Ray of our own, which nobody joins, is spared that: hosts may come after the search began.
    """
    made = stored(some_rows(), tmp_path)
    taken = np.array([3, 0])
    part, y = Part(made.rows.x, taken), made.rows.y[taken]
    data = TrialData(part, y, part, y)
    assert reachable(data).x_train is data.x_train
    monkeypatch.setattr(parallel, "ALONE", "nobody has this")
    shared = reachable(data)
    expected = made.rows.x[taken]
    gone = replace(shared.x_train.whole, folder="/nowhere")

    @local_ray.remote(num_cpus=0)
    def read(part):
        return part[:]

    np.testing.assert_array_equal(local_ray.get(read.remote(Part(gone, taken))), expected)
    assert shared.x_validation.whole is shared.x_train.whole
