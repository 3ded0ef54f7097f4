"""The process that trains fused trials starts before there are data, and looks at its host itself."""

import pytest

from cluster import local_ray
from cluster.connection import lazily_connected
from cluster.driver import check_hosts
from search.hosts import preflight
from search.hosts.provenance import code_digest
from search.tuning import fusing
from spaces.errors import RunError
from spaces.study_file import parse

SHAPE = (8, 9, 19)
FORKS = r"ignore:os.fork\(\) was called:RuntimeWarning"
"""Ray's start is a fork, of which JAX warns; a driver has no JAX."""


def study(trunk="seizure_cnn", **resources):
    return parse({"preset": "quickstart", "trunk": {"name": trunk}, "resources": resources})


@pytest.mark.parametrize(
    ("resources", "fuses", "preloads"),
    [
        ({}, False, True),
        ({"gpus": 1}, True, True),
        ({"gpus": 0.5, "cpus": 2}, True, False),
        ({"gpus": 1, "fuse": "off"}, False, False),
        ({"gpus": 2}, False, False),
        ({"fuse": 8}, True, True),
    ],
)
def test_workers_of_fused_trials_import_ahead(resources, fuses, preloads):
    assert fusing.will_fuse(study(**resources)) is fuses
    assert local_ray._preloads(study(**resources)) is preloads


def test_without_jax_no_study_will_be_fused(monkeypatch):
    monkeypatch.setenv("KERAS_BACKEND", "tensorflow")
    assert not fusing.will_fuse(study(fuse=8))
    assert not fusing.will_fuse(study(gpus=1))


@pytest.mark.slow
@pytest.mark.filterwarnings(FORKS)
def test_it_is_there_before_the_data_and_looks_at_its_host(monkeypatch):
    monkeypatch.setattr(preflight, "check_nodes", lambda *_: pytest.fail("another process looked"))
    wanted = study(fuse=4)
    with lazily_connected(wanted, "local", for_sure=True) as connect:
        connect()
        check_hosts(wanted, SHAPE)
        with pytest.raises(RunError, match=r"every host must run the driver's code, but host \S+ does not"):
            fusing.check(wanted, "0" * 64, SHAPE)
        # Looked at by the process that it began with, and not by one in its place.
        assert fusing.check(wanted, code_digest(wanted, SHAPE, source=False), SHAPE)


@pytest.mark.slow
@pytest.mark.filterwarnings(FORKS)
def test_none_is_begun_where_trials_are_not_fused():
    wanted = study()
    with lazily_connected(wanted, "local", for_sure=True) as connect:
        connect()
        assert not fusing.check(wanted, "0" * 64, SHAPE)
