"""Whether a search fuses its trials, and the processes that train them then: one for each share of a GPU."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import ray

from search.data.trial_data import TrialData
from search.fused.trainer import MOST, FusedTrainer, FusedWork, FusedWorker, Plan
from search.hosts.parallel import alone, hosts_for
from search.networks import backend
from search.training.keras_trainer import keras_trainer
from search.training.trainer import Trainer
from spaces.errors import RunError, one_line
from spaces.study import Study

COMPILED = "compiled"
"""Where compiled programs are kept, below the folder of prepared data."""
CALLS_BESIDE = 8
"""Calls that such a process takes beside those of its trials."""
_OF_A_TRIAL = 0.01
"""CPUs that the worker of a fused trial counts for: it waits, and measures a few times."""
_NAMED = "headsearch-fused-"
"""What the names of such processes begin with, in a Ray of our own."""


@dataclass(frozen=True, kw_only=True)
class Workers:
    """What Ray Tune starts for trials.

    Args:
        study: with the resources of a trial's own worker.
        trainer: starts a trial's training there.
        cpus: that Ray counts for it.
        at_once: trials at once; None for as many as fit.
    """

    study: Study
    trainer: Trainer
    cpus: float
    at_once: int | None


@contextmanager
def workers_for(
    study: Study, data: TrialData, trainer: Trainer, cache: str | None, on_note: Callable[[str], None]
) -> Iterator[Workers]:
    """Starts the processes that train fused trials, if the study fuses them, and ends them afterwards.

    Args:
        study: the study.
        data: what trials see, as any host can read it.
        trainer: that of trials which are not fused.
        cache: the folder of compiled programs; None for none.
        on_note: told whether and how trials are fused, where that is a question.

    Raises:
        RunError: fused trials are asked for, but Keras does not compute with JAX.
    """
    resources = study.resources
    as_ever = Workers(study=study, trainer=trainer, cpus=resources.cpus, at_once=resources.workers)
    if trainer is not keras_trainer or not _asked_for(study):
        for worker in _begun():
            ray.kill(worker)
        yield as_ever
        return
    found = _started(study, data, cache)
    try:
        plans = [plan for _, plan in found]
        reason = next((plan.reason for plan in plans if plan.reason is not None), None)
        if reason is not None:
            on_note(f"trials are not fused: {reason}")
            _end(found)
            yield as_ever
            return
        at_once = sum(plan.most for plan in plans)
        if resources.workers is not None:
            at_once = min(at_once, resources.workers)
        on_note(f"trials are fused: up to {_counts(plans)} in one program, with all rows on the device")
        without = resources.model_copy(update={"gpus": 0.0, "trials_per_gpu": None})
        yield Workers(
            study=study.model_copy(update={"resources": without}),
            trainer=FusedTrainer(found, study, cache),
            cpus=_OF_A_TRIAL,
            at_once=at_once,
        )
        for note in _told(found):
            on_note(note)
    finally:
        _end(found)


def _asked_for(study: Study) -> bool:
    fuse, jax = study.resources.fuse, backend.chosen() == "jax"
    if fuse == "off" or (fuse == "auto" and not (jax and 0 < study.resources.gpu_share <= 1)):
        return False
    if not jax:
        raise RunError(
            f"fused trials need Keras on JAX, but resources.fuse is {fuse} and Keras computes with "
            f"{backend.chosen()}; set KERAS_BACKEND=jax, or resources.fuse=off"
        )
    return True


def begin(study: Study) -> None:
    """Starts the processes that train fused trials, if the study fuses them, before its data are read.

    In a Ray of our own, whose hosts and GPUs nothing else waits for: but for features of frozen layers,
    which are computed first. They import meanwhile, and `workers_for` finds them.
    """
    if will_fuse(study) and not study.trunk.frozen:
        for worker in _new(study):
            worker.ready.remote(study.resources)


def will_fuse(study: Study) -> bool:
    """Whether a study's trials will be fused, where nothing is found that keeps them from it."""
    try:
        return _asked_for(study)
    except RunError:
        return False


def check(study: Study, code_digest: str, shape: tuple[int, ...]) -> bool:
    """Looks at the host through the processes that `begin` has started; returns whether there are any.

    They hold the GPUs, and find them sooner than another process would.

    Args:
        study, code_digest, shape: see `search.hosts.preflight.why_unfit`.

    Raises:
        RunError: this host must not train.
    """
    begun = _begun()
    for reason in _answers(begun, "why_unfit", study, code_digest, shape):
        if reason is not None:
            raise RunError(reason)
    return bool(begun)


def _begun() -> list[Any]:
    names = sorted(ray.util.list_named_actors()) if alone() else []
    return [ray.get_actor(name) for name in names if name.startswith(_NAMED)]


def _new(study: Study) -> list[Any]:
    """Starts a process for every free GPU, or share of one."""
    resources = study.resources
    count = 1
    if resources.gpu_share:
        hosts = hosts_for(resources)
        hold = sum(int(host["Resources"]["GPU"] / resources.gpu_share + 1e-6) for host in hosts)
        free = int(ray.available_resources().get("GPU", 0.0) / resources.gpu_share + 1e-6)
        count = max(1, min(hold, free))
    most = resources.fuse if isinstance(resources.fuse, int) else MOST
    own = alone()
    options = {
        # In a Ray of our own, files are read beside it, and trials wait, be it on a single processor.
        "num_cpus": 0 if own else resources.cpus,
        "num_gpus": resources.gpu_share,
        "max_restarts": -1,
        "max_concurrency": most + CALLS_BESIDE,
    }
    actor = ray.remote(FusedWorker)
    if not own:
        return [actor.options(**options).remote() for _ in range(count)]
    # By their names they are found again; they end with the Ray.
    names = [f"{_NAMED}{k:03d}" for k in range(count)]
    return [actor.options(**options, name=name, lifetime="detached").remote() for name in names]


def _started(study: Study, data: TrialData, cache: str | None) -> list[tuple[Any, Plan]]:
    """Returns the processes that train, started if they are not there yet, with their plans."""
    workers = _begun() or _new(study)
    work = ray.put(FusedWork(study=study, data=data, cache=cache))
    return list(zip(workers, _answers(workers, "plan", work), strict=True))


def _answers(workers: list[Any], method: str, *arguments: Any) -> list[Any]:
    """Returns what a method says in each process; if one fails, all of them end."""
    try:
        found: list[Any] = ray.get([getattr(worker, method).remote(*arguments) for worker in workers])
        return found
    except ray.exceptions.RayError as error:
        for worker in workers:
            ray.kill(worker)
        cause = getattr(error, "cause", None)
        if isinstance(cause, RunError):
            raise cause from error
        reason = one_line(error, 300)
        raise RunError(
            f"a process for fused trials must start, but did not: {reason}", exit_code=1
        ) from error


def _end(found: list[tuple[Any, Plan]]) -> None:
    for worker, _ in found:
        ray.kill(worker)
    found.clear()


def _counts(plans: list[Plan]) -> str:
    counts = sorted({plan.most for plan in plans})
    each = "" if len(plans) == 1 else f" on each of {len(plans)} devices"
    return f"{counts[0] if len(counts) == 1 else f'{counts[0]} to {counts[-1]}'}{each}"


def _told(found: list[tuple[Any, Plan]]) -> Iterator[str]:
    """Says where the seconds of each process went."""
    for worker, plan in found:
        try:
            spent = ray.get(worker.spent.remote(), timeout=10)
        except ray.exceptions.RayError:
            continue
        if spent is None or not spent.calls:
            continue
        yield (
            f"fused on {plan.device}: {spent.epochs} epochs in {spent.calls} calls of {spent.rows} rows; "
            f"seconds: training {spent.trained:.1f}, compiling {spent.compiled:.1f}, "
            f"beginning {spent.began:.1f}, scores and proofs {spent.scored:.1f}, waiting {spent.waited:.1f}"
        )
