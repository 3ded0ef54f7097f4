"""Computes features of frozen layers on the workers of a cluster; later runs find them again."""

import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from rich.console import Console

from cluster.pool import run_jobs
from cluster.progress import JobProgress
from cluster.terminal import say
from search.data.shards import Inputs
from search.hosts.provenance import code_digest
from search.trials import features as computed
from search.trials.features import FeatureWork, FeatureWorker, Job
from search.trials.preparation import Prepared
from spaces.errors import RunError
from spaces.study import Study


def features(study: Study, prepared: Prepared, root: Path, console: Console) -> Inputs | None:
    """Returns the features that all trials of a study share; Ray must be connected.

    As many workers as the cluster holds compute them, each with the resources of a trial.

    Args:
        study: the study.
        prepared: its data.
        root: the folder of all prepared data.
        console: prints progress and notes.

    Returns:
        Features `(n, units)` of the rows of `prepared.seen()`; None where trials share none.

    Raises:
        RunError: they cannot be computed, or stored features are damaged.
    """
    began = time.monotonic()

    def compute(work: FeatureWork, jobs: list[Job]) -> Iterator[NDArray[np.float32]]:
        from search.hosts.parallel import reachable_inputs

        digest = code_digest(study, work.x.shape[1:], source=False)
        shared = replace(work, x=reachable_inputs(work.x), host_digest=digest)
        with JobProgress(console, "features") as shown:
            yield from _in_order(study, shared, jobs, shown)

    stored = computed.features(study, prepared, root, compute)
    if stored is None:
        return None
    x = stored.rows.x
    how = "found" if stored.reused else f"computed in {time.monotonic() - began:.0f} s"
    say(console, f"features of frozen layers: {x.shape[1]} of each of {len(x)} rows, {how}")
    return x


def _in_order(
    study: Study, work: FeatureWork, jobs: list[Job], shown: JobProgress
) -> Iterator[NDArray[np.float32]]:
    """Runs the jobs in parallel, and yields their results in the order of the jobs."""
    held: dict[Job, NDArray[np.float32]] = {}
    with closing(run_jobs(study, FeatureWorker, work, jobs, _named)) as ended:
        for number, job in enumerate(jobs):
            while job not in held:
                block = next(ended)
                if block.values is None:
                    raise RunError(f"{_named(block.job)} could not be computed: {block.error}", exit_code=1)
                held[block.job] = block.values
                shown.on_done(number + len(held), len(jobs))
            yield held.pop(job)


def _named(job: Job) -> str:
    return f"features of rows {job[0]} to {job[1] - 1}"
