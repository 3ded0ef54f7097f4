"""A run as MLflow keeps runs: a parent run, and in it a run of each finished trial."""

import os
from collections import defaultdict
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

from cluster.dashboard import run_id
from cluster.tracked_values import End, Tracked, tracked
from search.record import Record
from search.runs.run_folder import RunFolder

RUN_ID = "headsearch.run_id"
"""The tag that says whose a run is, on the parent and on the runs of its trials."""
DIGESTS = ("data_digest", "split_digest", "study_digest", "code_digest")
MODEL = "model"
"""Where a promoted model stands among the artifacts of its trial's run."""
_SETTINGS = {
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "MLFLOW_LOGGING_LEVEL": "WARNING",
    "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true",
    # It refuses a folder otherwise, which a study then names on purpose.
    "MLFLOW_ALLOW_FILE_STORE": "true",
    # By default a server that is gone is tried for minutes.
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "30",
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "1",
}
"""What the environment says if it does not say otherwise."""
_AT_ONCE = 800
"""Metrics in one request; MLflow takes 1,000 metrics, parameters and tags together."""
_LONGEST_TAG, _LONGEST_PARAMETER = 5000, 500
"""Characters that every version of MLflow takes."""


class MlflowTracker:
    """A run in MLflow, in the experiment that is called as the study.

    Everything is found again by tags, so that nothing is logged twice. A run that was half written when
    something failed is no finished one, and is deleted and written anew.

    Args:
        uri: MLflow's address, as `track.mlflow` has it.
        folder: the run.
        searching: whether a search is at work, which says in the end how it ended.
    """

    def __init__(self, uri: str, folder: RunFolder, *, searching: bool = True) -> None:
        self._client, self._folder = _client(uri), folder
        self._resolved, study = folder.resolved(), folder.study()
        self._run_id = run_id(self._resolved)
        self._experiment = self._experiment_of(study.name, uri)
        self._logged: dict[str, tuple[str, str]] = {}  # of a trial, its run and when its record ended
        self._stale: defaultdict[str, list[str]] = defaultdict(list)
        parents = []
        for run in self._runs():
            tags = run.data.tags
            if "mlflow.parentRunId" not in tags:
                parents.append(run.info.run_id)
            elif run.info.status in ("FINISHED", "FAILED") and tags["trial_id"] not in self._logged:
                self._logged[tags["trial_id"]] = run.info.run_id, tags["finished_at"]
            else:
                self._stale[tags["trial_id"]].append(run.info.run_id)
        self._parent = min(parents) if parents else self._begin(study.objective.metric)
        if searching:
            self._client.update_run(self._parent, status="RUNNING")
        elif not parents:
            self._client.set_terminated(self._parent)
        self.where = f"the run is {self._parent} of experiment {study.name} in {uri}"
        if uri.lower().startswith("http"):
            self.where = f"{uri.rstrip('/')}/#/experiments/{self._experiment}/runs/{self._parent}"
        with suppress(Exception):  # the end says what is wrong with artifacts
            self._client.log_artifact(self._parent, str(folder.study_file))

    def has(self, record: Record) -> bool:
        """Whether a trial stands in it whole, as it is recorded."""
        _, ended = self._logged.get(record.ask.trial_id, ("", ""))
        return ended == record.finished_at

    def log(self, record: Record) -> None:
        """Logs a trial as a run in the parent; deletes what stands there of it."""
        from mlflow.entities import Metric, Param

        trial_id, told = record.ask.trial_id, tracked(record)
        for stale in (*self._stale.pop(trial_id, ()), *self._logged.pop(trial_id, ())[:1]):
            self._client.delete_run(stale)
        made = self._client.create_run(
            self._experiment,
            start_time=told.began_ms,
            tags=self._tags({**told.tags, "mlflow.parentRunId": self._parent}),
            run_name=trial_id,
        ).info.run_id
        params = [Param(name, str(value)[:_LONGEST_PARAMETER]) for name, value in told.params.items()]
        metrics = [Metric(name, value, told.ended_ms, step) for name, value, step in _points(record, told)]
        self._client.log_batch(made, params=params, metrics=metrics[:_AT_ONCE])
        for first in range(_AT_ONCE, len(metrics), _AT_ONCE):
            self._client.log_batch(made, metrics=metrics[first : first + _AT_ONCE])
        status = "FAILED" if record.state == "failed" else "FINISHED"
        self._client.set_terminated(made, status, end_time=told.ended_ms)
        self._logged[trial_id] = made, record.finished_at

    def end(self, state: End) -> None:
        """Notes how the search ended, and keeps the study and the leaderboard as artifacts."""
        self._client.set_terminated(self._parent, state)
        for path in (self._folder.study_file, self._folder.leaderboard):
            if path.is_file():
                self._client.log_artifact(self._parent, str(path))

    def promoted(self, record: Record, bundle: Path) -> str:
        """Keeps a bundle's model, config and card with its trial's run; returns a line to print."""
        if not self.has(record):
            self.log(record)
        run_id, _ = self._logged[record.ask.trial_id]
        for name in ("config.yaml", "MODEL_CARD.md"):
            self._client.log_artifact(run_id, str(bundle / name), "bundle")
        if not (bundle / "mlflow").is_dir():
            return f"config and card are artifacts of run {run_id}; the bundle holds no model for MLflow"
        self._client.log_artifacts(run_id, str(bundle / "mlflow"), MODEL)
        return f"the model is runs:/{run_id}/{MODEL}"

    def _experiment_of(self, name: str, uri: str) -> str:
        """Finds or makes the experiment; artifacts of a database file lie beside it, not where one stands."""
        found = self._client.get_experiment_by_name(name)
        if found is not None:
            return str(found.experiment_id)
        place = None
        if uri.lower().startswith("sqlite:///"):
            place = (Path(uri[len("sqlite:///") :]).parent / "mlartifacts" / name).as_uri()
        return str(self._client.create_experiment(name, artifact_location=place))

    def _runs(self) -> Iterator[Any]:
        token = None
        while True:
            page = self._client.search_runs(
                [self._experiment],
                filter_string=f"tags.`{RUN_ID}` = '{self._run_id}'",
                max_results=1000,
                page_token=token,
            )
            yield from page
            token = page.token
            if not token:
                return

    def _begin(self, objective: str) -> str:
        tags = {name: str(self._resolved[name]) for name in DIGESTS if name in self._resolved}
        name = self._folder.path.resolve().name
        run = self._client.create_run(
            self._experiment, tags=self._tags({**tags, "objective": objective}), run_name=name
        )
        return str(run.info.run_id)

    def _tags(self, tags: dict[str, str]) -> dict[str, str]:
        ours = {RUN_ID: self._run_id, "mlflow.source.name": "headsearch", **tags}
        return {name: value[:_LONGEST_TAG] for name, value in ours.items()}


def _points(record: Record, told: Tracked) -> Iterator[tuple[str, float, int]]:
    """Every metric with its step: the epoch, and for what the trial came to its best epoch."""
    for name, value in told.metrics.items():
        yield name, value, record.best_epoch or 0
    for name, values in told.curves.items():
        for epoch, value in values:
            yield name, value, epoch


def _client(uri: str) -> Any:
    for name, value in _SETTINGS.items():
        os.environ.setdefault(name, value)
    from mlflow import MlflowClient

    return MlflowClient(tracking_uri=uri)
