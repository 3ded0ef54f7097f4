"""Runs jobs on worker processes that stay warm; a job whose worker dies starts again."""

from collections import Counter
from collections.abc import Callable, Generator, Sequence
from typing import Any, TypeVar

from search.hosts.host_wait import JOIN_S, LOOK_S, HostWait
from search.trials.pooled_worker import PooledWorker
from search.tuning.worker_failures import host_died
from spaces.errors import RunError
from spaces.study import Study

ATTEMPTS = 3
"""A job that has killed its worker this many times ends the run."""

Job = TypeVar("Job")


def run_jobs(
    study: Study, worker: type[PooledWorker], shared: Any, jobs: Sequence[Job], named: Callable[[Job], str]
) -> Generator[Any]:
    """Runs all jobs in parallel, and yields their results as they end; Ray must be connected.

    Args:
        study: says what a worker is given.
        worker: its `run(shared, job)` does a job.
        shared: what all jobs need, stored once per host.
        jobs: in the order in which they begin; hashable.
        named: returns the name of a job for messages.

    Raises:
        RunError: a job killed its worker three times, or for ten minutes no host could hold a worker; jobs
            under way are not waited for.
    """
    import ray

    resources = study.resources
    shared = ray.put(shared)
    actor = ray.remote(num_cpus=resources.cpus, num_gpus=resources.gpu_share)(worker)
    workers: list[Any] = []
    under_way: dict[Any, tuple[Any, Job | None]] = {}
    waiting, left, deaths = list(reversed(jobs)), len(jobs), Counter[Job | None]()
    wait = HostWait(resources)

    def add_worker() -> None:
        # It gets its first job once its process runs: hosts may be busy with other work.
        workers.append(actor.remote(resources.cpus, resources.gpu_share, resources.gpu_memory))
        under_way[workers[-1].ready.remote()] = (workers[-1], None)

    try:
        for _ in range(min(len(jobs), _at_once(study))):
            add_worker()
        while left:
            ended, _ = ray.wait(list(under_way), num_returns=1, timeout=LOOK_S)
            if not ended:
                if wait.over():
                    minutes = f"{JOIN_S / 60:.0f} minutes"
                    raise RunError(f"for {minutes} no host was there that can hold a worker", exit_code=1)
                continue
            wait.seen()
            (done,) = ended
            ready, job = under_way.pop(done)
            try:
                outcome = ray.get(done)
            except ray.exceptions.RayError as error:
                deaths[job] += not host_died(str(error))
                if deaths[job] == ATTEMPTS:
                    why = f"killed its worker {ATTEMPTS} times ({type(error).__name__}, see Ray's logs)"
                    what = "starting" if job is None else named(job)
                    raise RunError(f"{what} {why}", exit_code=1) from error
                waiting += [job] if job is not None else []
                add_worker()
                continue
            if waiting:
                following = waiting.pop()
                under_way[ready.run.remote(shared, following)] = (ready, following)
            if job is not None:
                left -= 1
                yield outcome
    finally:
        for process in workers:
            ray.kill(process)


def _at_once(study: Study) -> int:
    """Returns how many workers the cluster can hold at once, at least 1."""
    if study.resources.workers is not None:
        return study.resources.workers
    from search.hosts.parallel import hosts_for

    at_once, wanted = 0, study.resources
    for total in (node["Resources"] for node in hosts_for(wanted)):
        fit = [int(total["CPU"] // wanted.cpus)]
        fit += [int(total["GPU"] / wanted.gpu_share)] if wanted.gpu_share else []
        at_once += min(fit)
    return max(1, at_once)
