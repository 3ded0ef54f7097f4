"""What is said of the phases of a fused search: by hand, of phases that were made up."""

import json
import os
import subprocess
import sys
from dataclasses import asdict

import pytest

from tests.benchmarks import phases
from tests.benchmarks.phases import Phase
from tests.conftest import ROOT

DRIVER, TRAINS, WORKER = 1, 2, 3


def phase(what, began, ended, pid=TRAINS, **more):
    return Phase(what=what, pid=pid, began=100 + began, ended=100 + ended, **{"cpu": 0.0, **more})


FOUND = [
    phase(phases.DATA, 1, 2, DRIVER),
    phase(phases.RAY, 0.5, 4, DRIVER),
    phase(phases.IMPORTS, 4, 5.5),
    phase(phases.IMPORTS, 4, 7, WORKER),
    phase(phases.PLAN, 6, 9),
    phase(phases.ROWS, 6, 7),
    phase(phases.NETWORK, 7, 8),
    phase(phases.COMPILE, 9, 19),
    phase(phases.COMPILE, 20, 20.01),
    phase(phases.WORKER, 10, 11, WORKER),
    phase(phases.WORKER, 10, 12, WORKER + 1),
    phase(phases.ADVANCE, 11, 21, who="a"),
    phase(phases.CALL, 20, 20.5, places=4),
    phase(phases.BEGIN, 20.5, 20.6),
    phase(phases.CALL, 21, 22, places=2),
    phase(phases.PROOF, 22, 22.25),
    phase(phases.ADVANCE, 21.5, 22.5, who="a"),
    phase(phases.ADVANCE, 21.2, 22.5, who="b"),
    phase(phases.MEASURE, 22.5, 22.6, WORKER),
    phase(phases.KEPT, 23, 23.1, DRIVER, cpu=1.0),
    phase(phases.KEPT, 25, 25.1, DRIVER, cpu=1.5),
]


def test_where_the_time_went():
    assert list(phases.told(sorted(FOUND, key=lambda one: one.began), 100)) == [
        "ready after seconds: data 2.0, Ray 4.0, Keras 5.5, rows 7.0, first network 8.0, plan 9.0, "
        "first call 20.5; 2 workers 11.0 to 12.0",
        "compiled from second: 9.0 to 19.0",
        "2 calls, 3.0 trials each, 1.5 of 2.0 s from the first to the last; between them begin 100 ms, 1 "
        "times; proof 250 ms, 1 times",
        "measure 100 ms, 1 times; away from the process that trains 500 ms in the median",
        "driver: 0.5 records a second, 500 ms of processor each; a record kept 100 ms, 2 times",
    ]


def test_a_search_without_fused_trials_says_so():
    assert list(phases.told(FOUND[:4], 100)) == ["no fused trial was trained"]


def test_processes_note_what_is_watched_and_no_other_does(tmp_path):
    file = tmp_path / "noted"
    program = "from cluster import finished_trials, preparation\nprint(preparation.prepared.__module__)"
    plain = {name: value for name, value in os.environ.items() if name != phases.FILE}
    for environment in (plain | phases.environment(file), plain | {"PYTHONPATH": str(ROOT)}):
        wraps = f"{program}\nprint(hasattr(preparation.prepared, '__wrapped__'))"
        said = subprocess.run(
            [sys.executable, "-c", wraps], env=environment, capture_output=True, text=True, check=True
        )
        watched = phases.FILE in environment
        assert said.stdout.split() == ["cluster.preparation", str(watched)]


def test_every_name_that_is_watched_is_there(tmp_path):
    """Noted by a call that fails, so that nothing has to run."""
    file = tmp_path / "noted"
    program = (
        "import contextlib, functools, importlib\n"
        "from tests.benchmarks.phases import WATCHED\n"
        "for module, names in WATCHED.items():\n"
        "    if module.startswith(('search.fused', 'search.tuning')):\n"
        "        continue\n"  # which import JAX and Ray
        "    for name in names:\n"
        "        function = functools.reduce(getattr, name.split('.'), importlib.import_module(module))\n"
        "        with contextlib.suppress(TypeError):\n"
        "            function(no_such_argument=0)\n"
    )
    environment = {**os.environ, **phases.environment(file)}
    subprocess.run([sys.executable, "-c", program], env=environment, check=True, cwd=ROOT)
    noted = [Phase(**json.loads(line)) for line in file.read_text().splitlines()]
    wanted = [
        what
        for module, names in phases.WATCHED.items()
        if not module.startswith(("search.fused", "search.tuning"))
        for what in names.values()
    ]
    assert [one.what for one in noted] == wanted
    assert phases.read(file) == sorted(noted, key=lambda one: one.began)
    assert asdict(noted[0])["places"] == 0


@pytest.mark.parametrize("module", sorted(phases.WATCHED))
def test_what_is_watched_stands_in_its_module(module):
    text = (ROOT / f"{module.replace('.', '/')}.py").read_text()
    for name in phases.WATCHED[module]:
        assert f"def {name.rpartition('.')[2]}(" in text
