"""The cluster files agree with Ray's schema, with each other, and with what the project needs."""

import copy
from pathlib import Path

import pytest
import yaml
from ray.autoscaler._private.util import prepare_config, validate_config

from tests.conftest import ROOT

FILES = ("cluster.yaml", "cluster/aws.yaml")
PACKAGES = ("spaces", "audit", "search", "reports", "cluster")


def read(name: str) -> dict:
    return yaml.safe_load((ROOT / name).read_text(encoding="utf-8"))


@pytest.mark.parametrize("name", FILES)
def test_ray_takes_it(name):
    validate_config(prepare_config(read(name)))
    wrong = copy.deepcopy(read(name))
    wrong["setup_command"] = []
    with pytest.raises(Exception, match="setup_command"):
        validate_config(prepare_config(wrong))


@pytest.mark.parametrize("name", FILES)
def test_what_is_mounted_is_there(name):
    mounts = read(name)["file_mounts"]
    assert {f"~/{package}/" for package in PACKAGES} <= mounts.keys()
    for remote, local in mounts.items():
        if not local.startswith("~"):
            assert (ROOT / local).exists()
            assert remote == f"~/{local}"
            assert (ROOT / local).is_dir() == local.endswith("/")


@pytest.mark.parametrize("name", FILES)
def test_the_token_is_asked_for_everywhere(name):
    config = read(name)
    assert config["file_mounts"]["~/.ray/auth_token"] == "~/.ray/auth_token"
    assert any("RAY_AUTH_MODE=token" in line for line in config["setup_commands"])
    assert not any("0.0.0.0" in line for line in config["head_start_ray_commands"])


def test_both_set_hosts_up_alike():
    own, aws = (read(name) for name in FILES)
    for key in ("setup_commands", "file_mounts", "rsync_exclude", "worker_start_ray_commands"):
        assert own[key] == aws[key], key
    assert "Never run" in (ROOT / FILES[1]).read_text(encoding="utf-8")


def test_hosts_get_the_versions_that_are_tested():
    tested, hosts = (
        dict(
            line.split(" ;")[0].strip().split("==")
            for line in path.read_text(encoding="utf-8").split("\n")
            if "==" in line
        )
        for path in (ROOT / "requirements.txt", Path(ROOT / "cluster/requirements.txt"))
    )
    assert {"ray", "tensorflow", "keras", "aiohttp"} <= hosts.keys()
    assert not {"pytest", "mypy"} & hosts.keys()
    assert {name: hosts[name] for name in hosts.keys() & tested.keys()} == {
        name: tested[name] for name in hosts.keys() & tested.keys()
    }
