"""A run as TensorBoard reads it: of each trial an event file with curves and a row of the HParams plugin."""

import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from tensorboardX.proto import api_pb2, plugin_hparams_pb2
from tensorboardX.proto.event_pb2 import Event
from tensorboardX.proto.summary_pb2 import Summary, SummaryMetadata
from tensorboardX.record_writer import RecordWriter

from cluster.dashboard import run_id
from cluster.tracked_values import PARAMETERS, End, tracked
from reports.boards.columns import ESTIMATED, SCALARS
from search.record import Record
from search.runs.run_folder import RunFolder
from search.scores.metrics import PROBABILITY_METRICS
from spaces.configuration import Config
from spaces.tasks import TaskName

_MEASURED: Mapping[TaskName, tuple[str, ...]] = {"binary": (*ESTIMATED, *PROBABILITY_METRICS), **SCALARS}


def metrics_of(task: TaskName) -> tuple[str, ...]:
    """Returns the columns of the table of the HParams plugin; the other metrics are scalars alone."""
    return ("value", *(f"val_{name}" for name in _MEASURED[task]), "epochs", "train_s")


_EVENTS = "events.out.tfevents"


class TensorboardTracker:
    """The event files of a run, in a folder of its name.

    The HParams plugin takes its columns from the first experiment that it finds, or else from the first
    trial: the run's folder names all columns. https://github.com/tensorflow/tensorboard, plugins/hparams.

    Args:
        place: the folder of all runs; a run of the same name that is another gets a folder of its own.
        folder: the run.
    """

    def __init__(self, place: Path, folder: RunFolder) -> None:
        self._run_id = run_id(folder.resolved())
        name = folder.path.resolve().name
        own = f"{name}-{self._run_id[:8]}"
        there = [path.name for path in (place / name).glob(f"{_EVENTS}.*")]
        another = bool(there) and self._file(0) not in there
        self._place = place / (own if another or (place / own).is_dir() else name)
        self.where = f"the run is in {self._place}"
        if not (self._place / self._file(0)).is_file():
            self._write(
                self._place / self._file(0),
                0,
                [_hparams("experiment", experiment=_experiment(folder.study().task.name))],
            )

    def has(self, record: Record) -> bool:
        """Whether a trial stands in it whole, as it is recorded."""
        return self._path(record).is_file()

    def log(self, record: Record) -> None:
        """Writes a trial's event file, whole; of an earlier record of it nothing is left."""
        path, told = self._path(record), tracked(record)
        for old in path.parent.glob(f"{_EVENTS}.*"):
            old.unlink()
        status = "STATUS_FAILURE" if record.state == "failed" else "STATUS_SUCCESS"
        began = plugin_hparams_pb2.SessionStartInfo(start_time_secs=told.began_ms / 1000)
        for name, value in {**told.params, "kind": record.ask.kind}.items():
            match value:
                case bool():
                    began.hparams[name].bool_value = value
                case str():
                    began.hparams[name].string_value = value
                case _:
                    began.hparams[name].number_value = value
        ended = plugin_hparams_pb2.SessionEndInfo(
            status=api_pb2.Status.Value(status), end_time_secs=told.ended_ms / 1000
        )
        summaries = [_hparams("session_start_info", session_start_info=began)]
        summaries += [_scalar(name, value) for name, value in told.metrics.items()]
        summaries.append(_hparams("session_end_info", session_end_info=ended))
        self._write(path, told.ended_ms, summaries, told.curves, step=record.best_epoch or 0)

    def end(self, state: End) -> None:
        """Does nothing: an event file knows no end of a run."""

    def _file(self, ended_ms: int) -> str:
        return f"{_EVENTS}.{ended_ms // 1000}.{ended_ms % 1000:03d}.{self._run_id}"

    def _path(self, record: Record) -> Path:
        return self._place / record.ask.trial_id / self._file(tracked(record).ended_ms)

    def _write(
        self,
        path: Path,
        ended_ms: int,
        summaries: Iterable[Summary],
        curves: Mapping[str, tuple[tuple[int, float], ...]] | None = None,
        step: int = 0,
    ) -> None:
        """Writes an event file in one step. All events bear the time at which the trial ended."""
        path.parent.mkdir(parents=True, exist_ok=True)
        beside, ended_s = path.with_name(f".{os.getpid()}.tmp"), ended_ms / 1000
        events = [Event(wall_time=ended_s, file_version="brain.Event:2")]
        events += [
            Event(wall_time=ended_s, step=epoch, summary=_scalar(name, value))
            for name, values in (curves or {}).items()
            for epoch, value in values
        ]
        events += [Event(wall_time=ended_s, step=step, summary=summary) for summary in summaries]
        try:
            writer = RecordWriter(str(beside))
            for event in events:
                writer.write(event.SerializeToString())
            writer.close()
            os.replace(beside, path)
        finally:
            beside.unlink(missing_ok=True)


def _experiment(task: TaskName) -> Any:
    return api_pb2.Experiment(
        hparam_infos=[
            api_pb2.HParamInfo(name=name, type=api_pb2.DataType.Value(f"DATA_TYPE_{_kind(name)}"))
            for name in ("kind", *PARAMETERS)
        ],
        metric_infos=[api_pb2.MetricInfo(name=api_pb2.MetricName(tag=name)) for name in metrics_of(task)],
    )


def _kind(name: str) -> str:
    known = Config.model_fields.get(name)
    kind = int if name == "seed" else str if known is None else known.annotation
    return "BOOL" if kind is bool else "FLOAT64" if kind in (float, int, float | None) else "STRING"


def _scalar(name: str, value: float) -> Summary:
    return Summary(value=[Summary.Value(tag=name, simple_value=value)])


def _hparams(tag: str, **content: Any) -> Summary:
    """What the plugin reads: `experiment`, `session_start_info` or `session_end_info`."""
    data = plugin_hparams_pb2.HParamsPluginData(version=0, **content).SerializeToString()
    plugin = SummaryMetadata.PluginData(plugin_name="hparams", content=data)
    return Summary(
        value=[Summary.Value(tag=f"_hparams_/{tag}", metadata=SummaryMetadata(plugin_data=plugin))]
    )
