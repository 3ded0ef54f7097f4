"""Time to quality and search throughput, ours against its peers: `python -m tests.benchmarks.quality`.

    --out DIR         where everything goes; what is finished there is not run again (runs/quality), but
                      for ours after a change of quality.yaml, and peers after one of their batch
    --seeds 3         searches per system, with seeds 0, 1, 2
    --scale 1         of what each may take: 300 s, and peers as users write them 600 s
    --systems NAME... of ours, ray_tune, keras_tuner, optuna_alone (all)
    --forms FORM...   of conv3d (as users write it, batch 32), conv2d (our form, batch and precision) (both)
    --batch N         of the peers' conv2d (the first batch size of quality.yaml)
    --judge           run nothing, judge what is there of these rows

The peers come with `uv pip install --group bench`.

Searches take turns, seed by seed, each alone on the machine and ended when its time is up. Then the
incumbents of all are scored by the same code on patients that no search saw. Time to quality: how long until
the model that a search would hand over, the best by its own validation value, is as good there as the one
that the peer ends with. Everything raw goes to `DIR/quality.json`; `quality_plot` draws it.
"""

import argparse
import json
import math
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path

from spaces.study_file import read
from tests.benchmarks import quality_data
from tests.benchmarks import quality_scores as scores
from tests.benchmarks.quality_runs import FORMS, PEERS, STUDY, Search, finished, of_these_rows, run
from tests.benchmarks.quality_scores import Judged, Spread
from tests.benchmarks.results import Result, Target
from tests.conftest import ROOT

AS_USERS_WRITE_IT = 32
"""The batch of the peers' conv3d."""
SECONDS = {None: 300.0, "conv3d": 600.0, "conv2d": 300.0}
"""What a search may take, by the form of its network; None is ours."""
KEPT = ROOT / "runs" / "quality.json"
"""Where `make bench` leaves all that it measured, for `quality_plot`."""
RATIOS: dict[str, Callable[[Judged, Judged], float | None]] = {
    "time to quality": scores.time_to_quality,
    "  by the peer's whole wall": scores.time_to_quality_by_wall,
    "throughput": scores.throughput,
    "  by the peer's whole wall ": scores.throughput_by_wall,
}


def planned(
    seeds: int, scale: float, systems: Sequence[str], forms: Sequence[str], batch: int
) -> list[Search]:
    """All searches, in the order they take turns."""
    kinds = [("ours", None, batch)] if "ours" in systems else []
    for form in forms:
        size = AS_USERS_WRITE_IT if form == "conv3d" else batch
        kinds += [(peer, form, size) for peer in PEERS if peer in systems]
    return [
        Search(system=system, form=form, batch=size, seed=seed, seconds=scale * SECONDS[form])
        for seed in range(seeds)
        for system, form, size in kinds
    ]


def compared(found: Sequence[Judged]) -> dict[str, dict[str, Spread]]:
    """Ratios of ours over every peer that some seed has both of: peer -> name of the ratio -> spread.

    A peer that finished no epoch has no quality to be reached, and no ratio.
    """
    return {
        label: {name: scores.spread([ratio(*pair) for pair in pairs]) for name, ratio in RATIOS.items()}
        for label, pairs in paired_by_seed(found).items()
    }


def paired_by_seed(found: Sequence[Judged]) -> dict[str, list[tuple[Judged, Judged]]]:
    """Ours and every peer that found something, seed by seed: peer -> pairs, at least one."""
    ours = {one.seed: one for one in found if one.system == "ours"}
    pairs: dict[str, list[tuple[Judged, Judged]]] = {}
    for peer in found:
        if peer.system != "ours" and peer.seed in ours and peer.incumbents:
            pairs.setdefault(peer.system, []).append((ours[peer.seed], peer))
    return pairs


def table(found: Sequence[Judged], ratios: dict[str, dict[str, Spread]]) -> str:
    """What is printed: every search, then every ratio."""
    lines = [
        "system                 seed  unseen AP     F1  at own  found, s  trials  windows/s  load"
        "  began, UTC   commit"
    ]
    for one in found:
        head = f"{one.system:<22} {one.seed:>4}  "
        if not one.incumbents:
            lines.append(f"{head}finished no epoch in {one.wall_s:.0f} s")
            continue
        last = one.incumbents[-1]
        own = "" if last.f1_at_threshold is None else f"{last.f1_at_threshold:.3f}"
        lines.append(
            f"{head}{last.unseen:>9.4f}  {last.f1_at_half:>5.3f}  {own:>6}  {last.seconds:>8.1f}  "
            f"{one.trials:>6}  {one.windows / one.wall_s:>9.0f}  {one.load:>4.1f}"
            f"  {datetime.fromtimestamp(one.began, UTC):%d %b %H:%M}  {one.commit}"
        )
    lines += ["", "ours over the peer             median      range        each seed"]
    for label, of in ratios.items():
        lines.append(label)
        for name, one in of.items():
            span = f"{_ratio(one.low)} to {_ratio(one.high)}"
            each = ", ".join(_ratio(ratio) for ratio in one.each)
            lines.append(f"  {name:<28} {_ratio(one.median):>6}      {span:<13}{each}")
    return "\n".join(lines)


def _ratio(value: float | None) -> str:
    return "< 1" if value is None else f"{value:.2f}" if value < 10 else f"{value:.1f}"


def write(path: Path, found: Sequence[Judged], ratios: dict[str, dict[str, Spread]]) -> None:
    """Writes all that was measured."""
    named = {label: {name.strip(): asdict(one) for name, one in of.items()} for label, of in ratios.items()}
    document = {"rows": quality_data.settings(), "searches": [asdict(one) for one in found], "ratios": named}
    path.write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")


def searched(searches: Sequence[Search], out: Path) -> tuple[list[Judged], list[str]]:
    """Runs the searches that are not finished, judges all there are of these rows, and writes `quality.json`.

    Returns:
        The judged ones, and of each search that broke down why it did.
    """
    rows, broken = quality_data.written(out / "rows"), []
    for number, search in enumerate(searches, 1):
        folder = search.folder(out)
        if not finished(search, folder):
            print(f"{number} of {len(searches)}: {search.label}, seed {search.seed}", flush=True)
            try:
                run(search, folder, rows / "seen")
            except RuntimeError as error:
                print(error, flush=True)
                broken.append(f"seed {search.seed}: {error}")
    judge = [sys.executable, "-m", "tests.benchmarks.quality_judge", str(rows.resolve())]
    there = sorted(path.parent.resolve() for path in out.glob("seed-*/*/run.json") if of_these_rows(path))
    subprocess.run([*judge, *map(str, there)], cwd=ROOT, check=True)
    found = [Judged.read(path / "judged.json") for path in there]
    write(out / "quality.json", found, compared(found))
    return found, broken


def results(full: bool) -> Iterator[Result]:
    """Ours against every peer with 5 seeds, or against Ray Tune with 3."""
    seeds, systems = (5, PEERS) if full else (3, PEERS[:1])
    batch = read(STUDY).space.batch_size[0]
    with tempfile.TemporaryDirectory() as scratch:
        found, broken = searched(planned(seeds, 1.0, ["ours", *systems], FORMS, batch), Path(scratch))
    KEPT.parent.mkdir(exist_ok=True)
    write(KEPT, found, compared(found))
    yield from against_peers(found)
    for error in broken:
        yield Result(what="a search of time to quality", error=error.replace("\n", " "))


def against_peers(found: Sequence[Judged]) -> Iterator[Result]:
    """Time to quality and throughput against every peer that some seed of ours has."""
    for label, pairs in paired_by_seed(found).items():
        sooner, faster = (10, 6) if label.endswith("conv3d") else (2, 1.5)
        times = [scores.times_s(*pair) for pair in pairs]
        yield Result(
            what="time to quality",
            ours=tuple(math.inf if at_s is None else at_s for at_s, _ in times),
            unit="s",
            against=label,
            theirs=tuple(peer_s for _, peer_s in times),
            ratio_of="theirs/ours",
            target=Target(limit=sooner, sense="at least", of="ratio"),
        )
        rates = [scores.rates(*pair) for pair in pairs]
        yield Result(
            what="windows trained per second",
            ours=tuple(mine for mine, _ in rates),
            against=label,
            theirs=tuple(theirs for _, theirs in rates),
            target=Target(limit=faster, sense="at least", of="ratio"),
        )


def main() -> int:
    """Runs, judges and prints; 1 where a search broke down."""
    parser = argparse.ArgumentParser(allow_abbrev=False, usage=__doc__)
    parser.add_argument("--out", type=Path, default=ROOT / "runs" / "quality")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--scale", type=float, default=1.0)
    parser.add_argument("--systems", nargs="+", choices=["ours", *PEERS], default=["ours", *PEERS])
    parser.add_argument("--forms", nargs="+", choices=FORMS, default=list(FORMS))
    parser.add_argument("--batch", type=int, default=read(STUDY).space.batch_size[0])
    parser.add_argument("--judge", action="store_true")
    asked = parser.parse_args()
    searches = planned(asked.seeds, asked.scale, asked.systems, asked.forms, asked.batch)
    found, broken = searched([] if asked.judge else searches, asked.out)
    print(table(found, compared(found)))
    print(f"\n{asked.out / 'quality.json'}")
    return int(bool(broken))


if __name__ == "__main__":
    sys.exit(main())
