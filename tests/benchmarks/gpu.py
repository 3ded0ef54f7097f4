"""`python -m tests.benchmarks.gpu [--small] [--trials N ...] [--peers N]`: what `make bench-gpu` runs.

One study three times, one after the other, all with Keras on JAX: our search with fused trials, our search
with a process for every trial, and plain Ray Tune with four trials to the GPU. And the program that trains
fused trials by itself, without a search. `--small` runs all of it on a CPU, where it shows that it runs.
`--trials 64 --peers 0` is the shortest: two searches of 64 fused trials, the second one compiled before, with
what every process did when (tests/benchmarks/phases.py), and the program by itself, in under five minutes.
"""

import argparse
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import yaml
from rich.console import Console

from search.runs.run_folder import RunFolder
from tests.benchmarks import machine, phases
from tests.benchmarks.results import Result, Target, markdown, table
from tests.benchmarks.studies import QUIET_ENV, Searched, searched
from tests.conftest import ROOT

LOG = Path(__file__).with_name("LOG.md")
EPOCHS, GRACE, TO_A_GPU = 5, 2, 4
TARGETS = {64: 20.0, 512: 60.0}
"""Windows per second over plain Ray Tune that are wanted, by the number of trials."""
SHARE_OF_THE_LOOP = 0.7
SPENT = re.compile(
    r"fused on (?P<device>\S+): (?P<epochs>\d+) epochs in (?P<calls>\d+) calls of (?P<rows>\d+) rows; "
    r"seconds: training (?P<training>[\d.]+), compiling (?P<compiling>[\d.]+), "
    r"beginning (?P<beginning>[\d.]+), scores and proofs (?P<scoring>[\d.]+), waiting (?P<waiting>[\d.]+)"
)
"""What a run says in the end of where the seconds went."""
FUSED = re.compile(r"trials are fused: up to (\d+) in one program")


@dataclass(frozen=True, kw_only=True)
class Size:
    """How large all of it is.

    Args:
        train, validation, test: rows of the parts.
        trunk, width: of our network; the peers always have the seizure CNN, whole.
        trials: of the searches, one after the other.
        gpus: whether there is a GPU.
        peers: the most trials of plain Ray Tune and of our search with a process for every trial, whose
            windows per second hardly depend on it; None for as many as ours has, 0 for no peers.
        kept: a folder for logs and leaderboards of our runs; None to keep none.
    """

    train: int
    validation: int
    test: int
    trunk: str
    width: float
    trials: tuple[int, ...]
    gpus: bool
    peers: int | None = None
    kept: Path | None = None

    def of_peers(self, trials: int) -> int:
        """Trials of a peer, beside so many of ours."""
        return trials if self.peers is None else min(self.peers, trials)

    def keep(self, run: RunFolder) -> None:
        """Copies what is kept of a run."""
        if self.kept is not None:
            shutil.copy(run.log, self.kept / f"{run.path.name}.log")
            shutil.copy(run.leaderboard, self.kept / f"{run.path.name}.parquet")


WHOLE = Size(
    train=9600, validation=2400, test=1200, trunk="seizure_cnn", width=1.0, trials=(64, 512), gpus=True
)
SMALL = Size(train=240, validation=120, test=120, trunk="mlp", width=0.1, trials=(4,), gpus=False)


def written(folder: Path, size: Size) -> None:
    """Writes rows as each system takes them: `windows.npz` for ours, `x_train.npy` and so on for the peer."""
    rng, parts = np.random.default_rng(0), ("train", "validation", "test")
    counts = [getattr(size, part) for part in parts]
    y = rng.integers(0, 2, sum(counts))
    x = rng.normal(size=(len(y), 32, 9, 19)).astype(np.float32)
    x[:, :8] += 0.15 * y[:, None, None, None]
    named = np.repeat(parts, counts)
    groups = np.array([f"{part}{k % 6}" for k, part in enumerate(named)])
    np.savez(folder / "windows.npz", X=x, y=y, group=groups, part=named)
    for part in ("train", "validation"):
        np.save(folder / f"x_{part}.npy", x[named == part])
        np.save(folder / f"y_{part}.npy", y[named == part])


def study_of(folder: Path, size: Size, trials: int, name: str, resources: dict[str, Any]) -> Path:
    """Writes one of our studies beside the rows."""
    study = {
        "name": name,
        "data": {"source": "npz", "path": "windows.npz", "group": "group", "split": "part"},
        "split": {"by": "column"},
        "trunk": {"name": size.trunk, "width": size.width},
        "space": {
            "heads": {"sigmoid": ["bce"], "softmax": ["cce"]},
            "optimizer": ["adam"],
            "batch_size": [64],
            "hidden_layers": ["none"],
            "label_smoothing": 0.0,
        },
        "training": {"epochs": EPOCHS, "patience": EPOCHS},
        "asha": {"grace": GRACE},
        "budget": {"trials": trials},
        "database": "none",
        "resources": resources,
    }
    path = folder / f"{name}.yaml"
    path.write_text(yaml.safe_dump(study), encoding="utf-8")
    return path


def windows_per_s(run: Searched, size: Size) -> float:
    """Windows that a search trained, by the seconds from the command to the last record."""
    epochs = sum(record.epochs or 0 for record in run.folder.records() if record.ask.config is not None)
    return epochs * size.train / (run.startup_s + run.wall_s)


@cache
def peers_windows_per_s(folder: Path, size: Size, trials: int) -> float:
    """The same of plain Ray Tune."""
    out = folder / f"tune-{trials}"
    out.mkdir()
    began = time.monotonic()
    subprocess.run(
        [
            *(sys.executable, "-m", "tests.benchmarks.peers.ray_tune_on_gpu", str(folder), str(out)),
            *("--trials", str(trials), "--epochs", str(EPOCHS), "--grace", str(GRACE)),
            *("--gpus", str(1 / TO_A_GPU if size.gpus else 0)),
        ],
        cwd=ROOT,
        env={**os.environ, **QUIET_ENV, "XLA_PYTHON_CLIENT_PREALLOCATE": "false"},
        check=True,
        stdout=subprocess.DEVNULL,
    )
    took = time.monotonic() - began
    return sum(json.loads((out / "epochs.json").read_text())) * size.train / took


@cache
def raw_windows_per_s(folder: Path, most: str) -> float:
    """The same of the program that trains so many trials, by any of the studies of a folder."""
    study = next(folder.glob("fused-*.yaml"))
    loop = subprocess.run(
        [sys.executable, "-m", "tests.benchmarks.gpu", "--raw", most, "--study", str(study)],
        cwd=ROOT,
        env={**os.environ, **QUIET_ENV},
        check=True,
        capture_output=True,
        text=True,
    )
    return float(loop.stdout.split()[-1])


def raw_loop(study: Path, most: int) -> None:
    """Prints windows per second of the program that trains so many trials, without a search around it."""
    from search.networks import backend
    from search.tuning.fusing import COMPILED

    prepared = study.parent / "prepared"
    backend.start(1, cache=str(prepared / COMPILED))
    backend.import_keras()
    from search.fused.engine import Engine
    from search.networks.trunks import author_config
    from search.trials.preparation import prepare
    from spaces.study_file import read

    found = read(study)
    data = prepare(found, study.parent, prepared).trial_data()
    config = author_config(found).model_copy(update={"batch_size": 64})
    group = Engine(found, data, most).sizes_of(config).group
    states = [group.begin(config, seed) for seed in range(most)]
    group.train(states, most)
    began, calls = time.monotonic(), 3
    for _ in range(calls):
        group.train(states, most)
    print(calls * most * len(data.y_train) / (time.monotonic() - began))


def results(folder: Path, size: Size) -> Iterator[Result]:
    """Measures, and yields each result as soon as it stands; what fails is one of them."""
    written(folder, size)
    resources: dict[str, Any] = {"gpus": 1.0, "fuse": "auto"} if size.gpus else {"fuse": 4}
    runs: dict[int, tuple[Path, Searched]] = {}
    for trials in size.trials:
        ours = study_of(folder, size, trials, f"fused-{trials}", resources)
        names = [f"fused-{trials}", f"again-{trials}"] if not runs else [f"fused-{trials}"]
        for name in names:
            what = f"{trials} trials fused, windows per second, whole search"
            if name != names[0]:
                what += ", compiled before"
            try:
                noted = folder / f"{name}.phases"
                run = searched(ours, name, phases.environment(noted))
            except RuntimeError as error:
                yield Result(what=what, error=str(error))
                continue
            size.keep(run.folder)
            runs.setdefault(trials, (ours, run))
            note = ". ".join((seconds_of(run), *phases.told(phases.read(noted), run.launched)))
            yield Result(what=what, ours=(windows_per_s(run, size),), unit="/s", note=note)
    for measure in (_over_plain, _over_loop, _over_alone):
        if measure is not _over_loop and size.peers == 0:
            continue
        for trials, (ours, run) in list(runs.items())[: 1 if measure is _over_alone else None]:
            try:
                yield measure(folder, size, trials, ours, run)
            except (RuntimeError, subprocess.CalledProcessError) as error:
                yield Result(what=f"{trials} trials fused: {measure.__doc__}", error=str(error)[-300:])


def _over_plain(folder: Path, size: Size, trials: int, ours: Path, run: Searched) -> Result:
    """Over plain Ray Tune."""
    target, few = TARGETS.get(trials), size.of_peers(trials)
    return Result(
        what=f"{trials} trials fused, windows per second, from the command to the last record",
        ours=(windows_per_s(run, size),),
        unit="/s",
        against=f"plain Ray Tune, {few} trials, {TO_A_GPU} to the GPU",
        theirs=(peers_windows_per_s(folder, size, few),),
        target=None if target is None else Target(limit=target, sense="at least", of="ratio"),
    )


def _over_alone(folder: Path, size: Size, trials: int, ours: Path, run: Searched) -> Result:
    """Over our own search with a process for every trial."""
    resources = {"gpus": 1 / TO_A_GPU if size.gpus else 0.0, "fuse": "off"}
    few = size.of_peers(trials)
    alone = searched(study_of(folder, size, few, f"alone-{few}", resources), f"alone-{few}")
    size.keep(alone.folder)
    return Result(
        what=f"{trials} trials fused, windows per second, whole search",
        ours=(windows_per_s(run, size),),
        unit="/s",
        against=f"ours, {few} trials, a process for each",
        theirs=(windows_per_s(alone, size),),
        note=f"first trial after {run.startup_s:.1f} and {alone.startup_s:.1f} s",
    )


def _over_loop(folder: Path, size: Size, trials: int, ours: Path, run: Searched) -> Result:
    """Over the program by itself."""
    log = run.folder.log.read_text(encoding="utf-8")
    spent, most = SPENT.search(log), FUSED.search(log)
    if spent is None or most is None:
        raise RuntimeError("the run does not say that it fused")
    return Result(
        what=f"windows per second while {trials} fused trials train",
        ours=(int(spent["rows"]) / max(float(spent["training"]), 0.05),),
        unit="/s",
        against=f"the program of {most[1]} trials by itself",
        theirs=(raw_windows_per_s(ours.parent, most[1]),),
        target=Target(limit=SHARE_OF_THE_LOOP, sense="at least", of="ratio"),
        note=f"on {spent['device']}; {spent['epochs']} epochs in {spent['calls']} calls",
    )


def seconds_of(run: Searched) -> str:
    """Where the seconds of a fused search went."""
    spent = SPENT.search(run.folder.log.read_text(encoding="utf-8"))
    if spent is None:
        return "the run does not say where its seconds went"
    names = ("training", "compiling", "beginning", "scoring")
    known = {name: float(spent[name]) for name in names}
    told = ", ".join(f"{name} {seconds:.1f}" for name, seconds in known.items())
    rest = run.wall_s - sum(known.values())
    return f"seconds: start {run.startup_s:.1f}, {told}, the rest {rest:.1f}"


def main() -> int:
    """Measures, prints, and appends to the log."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.gpu", description=__doc__)
    parser.add_argument("--small", action="store_true", help="on a CPU, in a few minutes")
    parser.add_argument("--trials", type=int, nargs="+", help="of the searches; 64 and 512 if left out")
    parser.add_argument("--peers", type=int, help="the most trials of a peer; 0 for no peers")
    parser.add_argument("--keep", type=Path, help="a folder for logs and leaderboards of our runs")
    parser.add_argument("--no-log", action="store_true", help="leaves LOG.md alone")
    parser.add_argument("--raw", type=int, help=argparse.SUPPRESS)
    parser.add_argument("--study", type=Path, help=argparse.SUPPRESS)
    said = parser.parse_args()
    os.environ["KERAS_BACKEND"] = "jax"
    if said.raw is not None:
        raw_loop(said.study, said.raw)
        return 0
    size = SMALL if said.small else WHOLE
    size = replace(size, trials=tuple(said.trials or size.trials), peers=said.peers, kept=said.keep)
    where, began, found = machine.described(), time.monotonic(), []
    with tempfile.TemporaryDirectory(prefix="headsearch-bench-") as scratch:
        for result in results(Path(scratch), size):
            found.append(result)
            cells = (*result.cells(), result.note)
            Console().print("  " + "; ".join(cell for cell in cells if cell), highlight=False)
    Console().print(table(found))
    if not said.no_log:
        took, name = (time.monotonic() - began) / 60, "bench-gpu" + " --small" * said.small
        head = f"\n## {date.today()}, `make {name}`\n{where}; commit {machine.commit()}; {took:.0f} min.\n\n"
        with LOG.open("a", encoding="utf-8") as file:
            file.write(head + markdown(found))
    return int(any(result.error for result in found))


if __name__ == "__main__":
    sys.exit(main())
