"""What every process of a fused search did when, without a line of it in the search itself.

A search whose environment is `environment(file)` notes the calls of `WATCHED` in that file, a line each.
"""

import functools
import importlib.abc
import itertools
import json
import os
import statistics
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

FILE = "HEADSEARCH_BENCH_PHASES"
RAY, DATA, KEPT = "a Ray of our own", "data", "a record kept"
IMPORTS, ROWS, NETWORK, PLAN = "imports", "rows", "network", "plan"
COMPILE, CALL, BEGIN, PROOF, ADVANCE = "compile", "call", "begin", "proof", "advance"
WORKER, MEASURE = "worker", "measure"
WATCHED = {
    "cluster.local_ray": {"start": RAY},
    "cluster.preparation": {"prepared": DATA},
    "cluster.finished_trials": {"FinishedTrials.keep": KEPT},
    "search.networks.backend": {"import_keras": IMPORTS},
    "search.fused.trainer": {"FusedWorker.plan": PLAN, "FusedWorker.advance": ADVANCE},
    "search.fused.inference": {"DeviceRows.__init__": ROWS},
    "search.fused.program": {"Program.__init__": NETWORK, "Program.compile": COMPILE},
    "search.fused.trial": {"Group.begin": BEGIN, "Group.train": CALL, "Group.best": PROOF},
    "search.trials.trial": {"Trial._measured": MEASURE},
    "search.tuning.trainable": {"HeadTrainable.setup": WORKER},
}
"""By module: what is called, and the name of that here."""


@dataclass(frozen=True, kw_only=True)
class Phase:
    """One call.

    Args:
        what: see `WATCHED`.
        pid: of its process.
        began, ended: seconds since 1970.
        cpu: seconds of processor that its process has taken until then, all threads together.
        places: of a call that trains, how many trials it trained.
        who: whose trial is advanced.
    """

    what: str
    pid: int
    began: float
    ended: float
    cpu: float
    places: int = 0
    who: str = ""


def environment(file: Path) -> dict[str, str]:
    """Returns what makes all processes of a search note what they do; beside the rest of its environment."""
    paths = (Path(__file__).with_name("traced"), Path(__file__).parents[2], os.environ.get("PYTHONPATH"))
    return {FILE: str(file), "PYTHONPATH": os.pathsep.join(str(path) for path in paths if path)}


def read(file: Path) -> list[Phase]:
    """Reads what was noted, in the order in which it began."""
    lines = file.read_text(encoding="utf-8").splitlines()
    return sorted((Phase(**json.loads(line)) for line in lines), key=lambda phase: phase.began)


def told(found: Sequence[Phase], launched: float) -> Iterator[str]:
    """Says where the time of a search went, in a few lines.

    Args:
        found: see `read`.
        launched: when the command was given, in seconds since 1970.
    """

    def of(what: str) -> list[Phase]:
        return [phase for phase in found if phase.what == what]

    calls, plans = of(CALL), of(PLAN)
    if not calls or not plans:
        yield "no fused trial was trained"
        return
    trains = calls[0].pid
    ends = {
        "data": of(DATA),
        "Ray": of(RAY),
        "Keras": [phase for phase in of(IMPORTS) if phase.pid == trains],
        "rows": of(ROWS),
        "first network": of(NETWORK)[:1],
        "plan": plans,
        "first call": calls[:1],
    }
    told = ", ".join(f"{what} {phases[0].ended - launched:.1f}" for what, phases in ends.items() if phases)
    workers = [phase.ended - launched for phase in of(WORKER)]
    if workers:
        told += f"; {len(workers)} workers {min(workers):.1f} to {max(workers):.1f}"
    yield f"ready after seconds: {told}"
    compiled = [phase for phase in of(COMPILE) if phase.pid == trains and phase.ended - phase.began > 0.1]
    spans = ", ".join(f"{phase.began - launched:.1f} to {phase.ended - launched:.1f}" for phase in compiled)
    yield f"compiled from second: {spans or 'nothing'}"
    inside = sum(phase.ended - phase.began for phase in calls)
    whole = calls[-1].ended - calls[0].began
    places = sum(phase.places for phase in calls)
    yield (
        f"{len(calls)} calls, {places / len(calls):.1f} trials each, {inside:.1f} of {whole:.1f} s from the "
        f"first to the last; between them {_spent(of(BEGIN))}; {_spent(of(PROOF))}"
    )
    yield f"{_spent(of(MEASURE))}; away from the process that trains {_away(of(ADVANCE))}"
    if len(kept := of(KEPT)) > 1:
        seconds, cpu = kept[-1].ended - kept[0].ended, kept[-1].cpu - kept[0].cpu
        each = 1000 * cpu / (len(kept) - 1)
        yield (
            f"driver: {(len(kept) - 1) / seconds:.1f} records a second, {each:.0f} ms of processor each; "
            f"{_spent(kept)}"
        )


def _spent(phases: Sequence[Phase]) -> str:
    if not phases:
        return "nothing"
    median = statistics.median(phase.ended - phase.began for phase in phases)
    return f"{phases[0].what} {1000 * median:.0f} ms, {len(phases)} times"


def _away(asked: Sequence[Phase]) -> str:
    """How long a trial's worker takes from an answer to its next question."""
    by_owner: dict[str, list[Phase]] = {}
    for phase in asked:
        by_owner.setdefault(phase.who, []).append(phase)
    waits = [b.began - a.ended for own in by_owner.values() for a, b in itertools.pairwise(own)]
    return f"{1000 * statistics.median(waits):.0f} ms in the median" if waits else "never"


def watch() -> None:
    """Notes the calls of `WATCHED` in this process, where its environment names a file."""
    if FILE in os.environ:
        sys.meta_path.insert(0, _Finder())


class _Finder(importlib.abc.MetaPathFinder):
    """Wraps what is watched of a module once it is imported."""

    def find_spec(self, name: str, path: Any, target: ModuleType | None = None) -> Any:
        if name not in WATCHED:
            return None
        others = (finder for finder in sys.meta_path if finder is not self)
        spec = next(filter(None, (finder.find_spec(name, path, target) for finder in others)), None)
        if spec is None or spec.loader is None:
            return None
        load = spec.loader.exec_module

        def loaded(module: ModuleType) -> None:
            load(module)
            for where, what in WATCHED[name].items():
                *above, last = where.split(".")
                owner = functools.reduce(getattr, above, module)
                setattr(owner, last, _noting(getattr(owner, last), what))

        spec.loader.exec_module = loaded  # type: ignore[method-assign]
        return spec


def _noting(function: Callable[..., Any], what: str) -> Callable[..., Any]:
    @functools.wraps(function)
    def noted(*given: Any, **more: Any) -> Any:
        began = time.time()
        try:
            return function(*given, **more)
        finally:
            first = given[1] if len(given) > 1 else ()  # after `self`
            phase = Phase(
                what=what,
                pid=os.getpid(),
                began=began,
                ended=time.time(),
                cpu=time.process_time(),
                places=len(first) if what == CALL else 0,
                who=str(first) if what == ADVANCE else "",
            )
            with open(os.environ[FILE], "ab", buffering=0) as file:  # one short write: lines never mix
                file.write(json.dumps(asdict(phase)).encode() + b"\n")

    return noted
