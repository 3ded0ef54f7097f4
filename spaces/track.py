"""Where a run is logged besides its folder: the user's own MLflow or TensorBoard."""

import re
from pathlib import Path
from typing import Annotated
from urllib.parse import unquote, urlsplit

from pydantic import AfterValidator, Field

from spaces.base import Frozen

_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:")
_CREDENTIALS = re.compile(r"[^/\s]*:[^/\s]*@")
_FORMS = "http(s)://HOST, sqlite:///FILE.db or a folder"


def _mlflow(uri: str | None) -> str | None:
    """Checks an address of MLflow. It is not repeated in an error: it may hold a password."""
    if uri is None:
        return None
    scheme = _SCHEME.match(uri)
    kind = scheme[0].lower() if scheme else ""
    where = uri[len(kind) :]
    authority = re.split(r"[/?#\\]", where.lstrip("/\\"))[0]
    if _CREDENTIALS.search(unquote(where)) or (kind != "sqlite:" and "@" in unquote(authority)):
        raise ValueError(
            "must carry no user, password or token, since a run keeps its study in a file; give them by the "
            "environment: MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD, or MLFLOW_TRACKING_TOKEN"
        )
    if not uri.strip() or not uri.isprintable():
        raise ValueError(f"must be {_FORMS}")
    if kind in ("http:", "https:"):
        _check_server(uri)
    elif kind in ("sqlite:", "file:"):
        beginning, _, path = uri.partition("///")
        if beginning.lower() != kind or not path.strip("/") or "?" in path or "#" in path:
            raise ValueError(f"must be {kind}/// and then a path without ? and #, or one of {_FORMS}")
    elif kind:
        raise ValueError(f"must be {_FORMS}; another database is behind a server: mlflow server")
    return uri


def _check_server(uri: str) -> None:
    try:
        parts = urlsplit(uri)
        host, _ = parts.hostname, parts.port
    except ValueError:
        host = None
    if not host or " " in uri or "\\" in uri or parts.query or parts.fragment:
        raise ValueError("must be the address of a server alone, such as http://127.0.0.1:5000")


def _tensorboard(folder: str | None) -> str | None:
    if folder is not None and (not folder.strip() or not folder.isprintable() or "://" in folder):
        raise ValueError("must be a folder")  # not repeated: a URI may hold a password
    return folder


class Track(Frozen):
    """Trackers that the run and its finished trials are logged to, besides the run's folder."""

    mlflow: Annotated[str | None, AfterValidator(_mlflow)] = Field(
        default=None,
        description=f"an MLflow of yours: {_FORMS}; credentials come from the environment",
    )
    tensorboard: Annotated[str | None, AfterValidator(_tensorboard)] = Field(
        default=None, description="a folder of TensorBoard's event files; each run gets a folder in it"
    )

    def absolute(self, base: Path) -> "Track":
        """Returns the same places as they hold from anywhere: relative paths are taken from `base`."""
        mlflow = self.mlflow
        if mlflow is not None and mlflow.lower().startswith("sqlite:///"):
            mlflow = f"sqlite:///{_absolute(mlflow[len('sqlite:///') :], base)}"
        elif mlflow is not None and not _SCHEME.match(mlflow):
            mlflow = _absolute(mlflow, base)
        folder = None if self.tensorboard is None else _absolute(self.tensorboard, base)
        return Track(mlflow=mlflow, tensorboard=folder)


def _absolute(path: str, base: Path) -> str:
    return str((base / Path(path).expanduser()).resolve())
