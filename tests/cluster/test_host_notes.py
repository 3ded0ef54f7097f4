"""What a driver notes of its hosts: read back as written, and of what is damaged nothing."""

import json

import pytest
import ray

from cluster.host_notes import Host, HostNotes, Hosts, look

HOST = Host(address="10.0.0.1", workers=2, cpus=4.0, cpus_held=2.0, gpus=1.0, gpus_held=0.5)


def test_notes_read_back(tmp_path):
    notes = HostNotes(tmp_path)
    assert notes.read() is None
    notes._write((HOST,), 1)
    found = notes.read()
    assert found == Hosts(hosts=(HOST,), starting=1, since=found.since)
    assert [path.name for path in tmp_path.iterdir()] == ["hosts.json"]


@pytest.mark.parametrize(
    "text", ["", "{", "[]", "null", '{"hosts": [1], "starting": 0, "since": ""}', '{"hosts": []}']
)
def test_what_is_damaged_is_nothing(tmp_path, text):
    (tmp_path / "hosts.json").write_text(text)
    assert HostNotes(tmp_path).read() is None


def test_a_search_whose_ray_is_gone_goes_on_without_notes(tmp_path):
    with pytest.raises(ConnectionError):
        look()
    notes = HostNotes(tmp_path)
    with notes.kept():
        assert notes.read() is None
    assert list(tmp_path.iterdir()) == []
    assert not ray.is_initialized(), "a look began a Ray of its own"


def test_nothing_but_what_is_known_stands_there(tmp_path):
    HostNotes(tmp_path)._write((HOST,), 0)
    (host,) = json.loads((tmp_path / "hosts.json").read_text())["hosts"]
    assert host == {
        "address": "10.0.0.1", "workers": 2, "cpus": 4.0, "cpus_held": 2.0, "gpus": 1.0, "gpus_held": 0.5,
    }  # fmt: skip
