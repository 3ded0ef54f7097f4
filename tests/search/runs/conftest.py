"""Storages to keep a copy of a run in."""

import logging

import pytest

from search.runs.storage import inside


@pytest.fixture(scope="module")
def s3() -> str:
    """A bucket on a server that speaks S3."""
    from moto.moto_server.threaded_moto_server import ThreadedMotoServer
    from pyarrow.fs import FileSystem

    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("AWS_ACCESS_KEY_ID", "of-the-test")
        environment.setenv("AWS_SECRET_ACCESS_KEY", "of-the-test")
        environment.setenv("AWS_EC2_METADATA_DISABLED", "true")
        server.start()
        host, port = server.get_host_and_port()
        options = f"?endpoint_override=http://{host}:{port}&region=us-east-1"
        files, _ = FileSystem.from_uri(f"s3://bucket{options}&allow_bucket_creation=true")
        files.create_dir("bucket")
        yield f"s3://bucket/runs{options}"
        server.stop()


@pytest.fixture(params=["path", "uri", "s3"])
def store(request, tmp_path) -> str:
    """A storage of each kind, which holds no run of this test yet."""
    if request.param == "s3":
        return inside(request.getfixturevalue("s3"), tmp_path.name)
    folder = tmp_path / "a shared folder"
    folder.mkdir()
    return folder.as_uri() if request.param == "uri" else str(folder)


@pytest.fixture
def folder(tmp_path) -> str:
    """A storage that is a folder."""
    (tmp_path / "shared").mkdir()
    return str(tmp_path / "shared")
