"""Where a run is logged: which addresses are taken, and that no secret reaches a study."""

from pathlib import Path

import pytest

from spaces.errors import RunError
from spaces.study_file import parse, to_yaml
from spaces.track import Track

SECRETS = [
    "http://ada:correct-horse@host:5000",
    "https://correct-horse@host/mlflow",
    "HTTP://ada:correct-horse@host",
    "http:/ada:correct-horse@host",
    "http:\\\\ada:correct-horse@host",
    "http://ada%3Acorrect-horse%40host@host",
    "http://ada:correct-horse%40host",
    "//ada:correct-horse@host",
    "ada:correct-horse@host",
    "sqlite://ada:correct-horse@host/db",
    "postgresql://ada:correct-horse@host/db",
]


@pytest.mark.parametrize(
    "uri",
    ["http://127.0.0.1:5000", "https://host/mlflow", "http://[::1]:5000", "sqlite:///mlflow.db",
     "sqlite:////data/mlflow.db", "file:///data/mlruns", "mlruns", "../my runs", "/data/a@b"],
)  # fmt: skip
def test_an_address_is_taken_as_it_stands_and_comes_back(uri):
    study = parse({"track": {"mlflow": uri}})
    assert study.track.mlflow == uri
    assert uri in to_yaml(study)


@pytest.mark.parametrize("uri", SECRETS)
def test_credentials_are_refused_without_being_repeated(uri):
    with pytest.raises(RunError) as refused:
        parse({"track": {"mlflow": uri}})
    assert str(refused.value) == (
        "must carry no user, password or token, since a run keeps its study in a file; give them by the "
        "environment: MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD, or MLFLOW_TRACKING_TOKEN "
        "(study: track.mlflow)"
    )


@pytest.mark.parametrize(
    ("uri", "rule"),
    [
        ("http://", "must be the address of a server alone, such as http://127.0.0.1:5000"),
        ("http:///path", "must be the address of a server alone"),
        ("http:host", "must be the address of a server alone"),
        ("http://host:99999", "must be the address of a server alone"),
        ("https://host?token=correct-horse", "must be the address of a server alone"),
        ("http://host#x", "must be the address of a server alone"),
        ("sqlite://", "must be sqlite:/// and then a path without ? and #, or one of http(s)://HOST, "),
        ("sqlite:///", "must be sqlite:/// and then a path"),
        ("sqlite:mlflow.db", "must be sqlite:/// and then a path"),
        ("sqlite:///m.db?key=correct-horse", "must be sqlite:/// and then a path"),
        ("file:mlruns", "must be file:/// and then a path"),
        ("postgresql://host/db", "must be http(s)://HOST, sqlite:///FILE.db or a folder; another database is "
                                 "behind a server: mlflow server"),
        ("databricks://profile", "must be http(s)://HOST, "),
        ("  ", "must be http(s)://HOST, sqlite:///FILE.db or a folder (study: track.mlflow)"),
        ("a\nb", "must be http(s)://HOST, "),
    ],
)  # fmt: skip
def test_other_addresses_are_refused_with_the_forms_that_are_taken(uri, rule):
    with pytest.raises(RunError) as refused:
        parse({"track": {"mlflow": uri}})
    assert str(refused.value).startswith(rule)
    assert "correct-horse" not in str(refused.value)


@pytest.mark.parametrize("folder", ["s3://ada:correct-horse@bucket/tb", "", "a\x1b[0m"])
def test_event_files_go_into_a_folder(folder):
    with pytest.raises(RunError, match=r"^must be a folder \(study: track\.tensorboard\)$"):
        parse({"track": {"tensorboard": folder}})


def test_relative_paths_are_taken_from_the_study(tmp_path):
    base = tmp_path.resolve()
    assert Track(mlflow="sqlite:///kept/m.db", tensorboard="tb").absolute(base) == Track(
        mlflow=f"sqlite:///{base}/kept/m.db", tensorboard=f"{base}/tb"
    )
    assert Track(mlflow="../runs").absolute(base / "x").mlflow == f"{base}/runs"
    for kept in ("http://host:5000/a/b", "sqlite:////data/m.db", "/data/mlruns", "file:///data/mlruns"):
        assert Track(mlflow=kept).absolute(base).mlflow == kept
    assert Track(tensorboard="~/tb").absolute(base).tensorboard == str(Path.home() / "tb")


def test_a_study_without_trackers_has_none():
    assert parse({}).track == Track()
    with pytest.raises(RunError, match=r"^unknown key 'wandb'; nearest is '\w+' \(study: track\.wandb\)$"):
        parse({"track": {"wandb": "x"}})
