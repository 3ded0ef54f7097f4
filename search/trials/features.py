"""The output of a network's frozen layers, computed once per data set and mapped by all trials."""

import hashlib
import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from search.data import store
from search.data.plan import Form, Piece, Plan
from search.data.shards import Inputs
from search.files import digest_of_files
from search.hosts.provenance import versions
from search.networks import backend
from search.networks.backend import cpu_flags, onednn
from search.networks.trunks import author_config, outside_digest, trunk_of
from search.trials.pooled_worker import PooledWorker
from search.trials.preparation import Prepared
from spaces.configuration import Config
from spaces.errors import RunError
from spaces.study import Study

FOLDER = "features"
"""Within the folder of all prepared data, apart from the rows."""
JOB_ROWS = 512
"""Rows of a job. Jobs start at its multiples, so that results do not depend on who computes which job."""
_SEARCH = Path(__file__).parents[1]
_CODE = tuple(
    _SEARCH / f"{name}.py"
    for name in (
        "data/rows",
        "data/shards",
        "data/store",
        "networks/backend",
        "networks/mobilenet",
        "networks/model",
        "networks/trunks",
        "training/feeding",
        "trials/features",
    )
)
"""Files of `search/` that features depend on."""
_LIBRARIES = ("keras", "tensorflow", "jax")

Job = tuple[int, int]
"""First row, and the row after the last."""


@dataclass(frozen=True, kw_only=True, eq=False)
class FeatureWork:
    """What is the same for every job.

    Args:
        config: of any trial: below the layer, all of a study are alike.
        layer: the name of the layer whose output the features are.
        x: the rows `(n, ...)`.
        study: says what the process must be fit for.
        host_digest: of the driver's code and weights, which a worker on another host must have; see
            `preflight.why_unfit`. None where the driver computes them itself.
    """

    config: Config
    layer: str
    x: Inputs
    study: Study
    host_digest: str | None = None


@dataclass(frozen=True, kw_only=True, eq=False)
class Block:
    """The result of a job: features `(k, units)` float32, or the error that ended it."""

    job: Job
    values: NDArray[np.float32] | None = None
    error: str | None = None


Compute = Callable[[FeatureWork, list[Job]], Iterable[NDArray[np.float32]]]
"""Runs jobs, and yields the features of each in the order of the jobs."""


class FeatureWorker(PooledWorker):
    """Computes the features of one job after another."""

    _below: Any = None

    def run(self, work: FeatureWork, job: Job) -> Block:
        """Computes the features of some rows; an exception becomes the error of the block."""
        try:
            if self._below is None:
                if work.host_digest is not None:
                    from search.hosts.preflight import why_unfit

                    if reason := why_unfit(work.study, work.host_digest, work.x.shape[1:]):
                        return Block(job=job, error=reason)
                self._below = _below(work)
            return Block(job=job, values=_computed(self._below, work, job))
        except RunError as error:
            return Block(job=job, error=str(error))
        except Exception as error:
            return Block(job=job, error=backend.failure(error))


def layer_of(study: Study) -> str | None:
    """Returns the layer whose output all trials of a study share, by name.

    None where they share none: every layer trains, augmentation changes the rows from epoch to epoch, or the
    study wants no feature cache.
    """
    if not study.training.feature_cache or study.space.augmentation != ("none",):
        return None
    config = author_config(study)
    return trunk_of(config.trunk).frozen_up_to(config)


def features(study: Study, prepared: Prepared, root: Path, compute: Compute) -> store.Stored | None:
    """Opens the features of the training and validation rows; computes them first, where there are none.

    Args:
        study: the study.
        prepared: its data.
        root: the folder of all prepared data.
        compute: does the jobs, if they must be done.

    Returns:
        The features as prepared data, whose rows are those of `prepared.seen()` in their order; None where
        trials share none.

    Raises:
        RunError: they cannot be computed, or what is there is not as it was written.
    """
    layer = layer_of(study)
    if layer is None:
        return None
    rows = prepared.seen()
    work = FeatureWork(config=author_config(study), layer=layer, x=rows.x, study=study)
    jobs = [(start, min(start + JOB_ROWS, len(rows))) for start in range(0, len(rows), JOB_ROWS)]

    def pieces(_: None) -> Iterator[Piece]:
        for (start, stop), values in zip(jobs, compute(work, jobs), strict=True):
            yield Piece(form=Form(rows.labels, "table"), x=values, y=rows.y[start:stop])

    name = key(study, prepared)
    return store.prepare(Plan(read=pieces, jobs=(None,), fingerprint=name), name, root / FOLDER)


def computed_here(study: Study, prepared: Prepared, root: Path) -> Inputs | None:
    """Returns the rows of `features`, computed by this process.

    `backend.start` must have been called. Args, Raises: as `features`.
    """

    def compute(work: FeatureWork, jobs: list[Job]) -> Iterator[NDArray[np.float32]]:
        below = _below(work)
        return (_computed(below, work, job) for job in jobs)

    found = features(study, prepared, root, compute)
    return None if found is None else found.rows.x


def key(study: Study, prepared: Prepared) -> str:
    """Names features by all that they depend on: rows, weights, network, libraries and processor.

    The processor is that of this host. Where hosts of a cluster differ in it, a row's features have the last
    digits of the host that computed them.
    """
    config, x = author_config(study), prepared.rows.x
    network = {"trunk": config.trunk, "width": config.width, "layer": layer_of(study)}
    told = [
        {**network, "weights": outside_digest(config, x.shape[1:])},
        {"data": prepared.data_digest, "rows": hashlib.sha256(prepared.seen_rows.tobytes()).hexdigest()},
        {"shape": x.shape[1:], "dtype": str(x.dtype)},
        {"backend": backend.chosen(), "xla": study.training.xla},
        {name: version for name, version in versions().items() if name in _LIBRARIES},
        {"cpu": cpu_flags(), "onednn": onednn(), "cpus": study.resources.cpus},
        {"gpu": study.resources.gpu_share > 0, "code": digest_of_files(_CODE, _SEARCH)},
    ]
    return f"{config.trunk}-{hashlib.sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()[:16]}"


def _below(work: FeatureWork) -> Any:
    """Builds the network up to the layer, as a trial scores with it: in float32."""
    backend.import_keras()
    from search.networks import model as network

    whole = network.build(work.config, work.x.shape[1:], str(work.x.dtype))
    part = network.below(whole, work.layer)
    part.compile(jit_compile=backend.compiles(work.study.training.xla))
    return part


def _computed(below: Any, work: FeatureWork, job: Job) -> NDArray[np.float32]:
    from search.training.feeding import predict

    values: NDArray[np.float32] = predict(below, work.x[slice(*job)])
    if not np.isfinite(values).all():
        raise RunError(
            f"the features of frozen layers must be finite, but those of rows {job[0]} to {job[1] - 1} are "
            "not; look at the weights that the study names (trunk.weights)",
            exit_code=1,
        )
    return values
