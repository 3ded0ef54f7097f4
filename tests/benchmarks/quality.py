"""Time to quality and search throughput, ours against its peers: `python -m tests.benchmarks.quality`.

    --out DIR         where everything goes; what is finished there is not run again (runs/quality), but
                      for ours after a change of quality.yaml, and peers after one of their batch
    --seeds 3         searches per system, with seeds 0, 1, 2
    --seconds 600     what each may take
    --systems NAME... of ours, ray_tune, keras_tuner, optuna_alone (all)
    --forms FORM...   of conv3d (as users write it, batch 32), conv2d (our form and batch) (both)
    --batch N         of the peers' conv2d (the first batch size of quality.yaml)
    --judge           run nothing, judge what is there

The peers come with `uv pip install --group bench`.

Searches take turns, seed by seed, each alone on the machine and ended when its time is up. Then the
incumbents of all are scored by the same code on patients that no search saw. Time to quality: how long until
the model that a search would hand over, the best by its own validation value, is as good there as the one
that the peer ends with. Everything raw goes to `DIR/quality.json`; `quality_plot` draws it.
"""

import argparse
import json
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path

from spaces.study_file import read
from tests.benchmarks import quality_data
from tests.benchmarks import quality_scores as scores
from tests.benchmarks.quality_runs import FORMS, PEERS, STUDY, Search, finished, run
from tests.benchmarks.quality_scores import Judged, Spread
from tests.conftest import ROOT

AS_USERS_WRITE_IT = 32
"""The batch of the peers' conv3d."""
RATIOS: dict[str, Callable[[Judged, Judged], float | None]] = {
    "time to quality": scores.time_to_quality,
    "  by the peer's whole wall": scores.time_to_quality_by_wall,
    "throughput": scores.throughput,
    "  by the peer's whole wall ": scores.throughput_by_wall,
}


def planned(
    seeds: int, seconds: float, systems: Sequence[str], forms: Sequence[str], batch: int
) -> list[Search]:
    """All searches, in the order they take turns."""
    kinds = [("ours", None, batch)] if "ours" in systems else []
    for form in forms:
        size = AS_USERS_WRITE_IT if form == "conv3d" else batch
        kinds += [(peer, form, size) for peer in PEERS if peer in systems]
    return [
        Search(system=system, form=form, batch=size, seed=seed, seconds=seconds)
        for seed in range(seeds)
        for system, form, size in kinds
    ]


def compared(found: Sequence[Judged]) -> dict[str, dict[str, Spread]]:
    """Ratios of ours over every peer that some seed has both of: peer -> name of the ratio -> spread.

    A peer that finished no epoch has no quality to be reached, and no ratio.
    """
    ours = {one.seed: one for one in found if one.system == "ours"}
    peers = [one for one in found if one.system != "ours" and one.seed in ours and one.incumbents]
    return {
        label: {
            name: scores.spread([ratio(ours[peer.seed], peer) for peer in peers if peer.system == label])
            for name, ratio in RATIOS.items()
        }
        for label in dict.fromkeys(peer.system for peer in peers)
    }


def table(found: Sequence[Judged], ratios: dict[str, dict[str, Spread]]) -> str:
    """What is printed: every search, then every ratio."""
    lines = ["system                 seed  unseen AP     F1  at own  found, s  trials  windows/s  load"]
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
    settings = {name: getattr(quality_data, name) for name in ("PATIENTS", "WINDOWS", "NOISE", "SEED")}
    document = {"rows": settings, "searches": [asdict(one) for one in found], "ratios": named}
    path.write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")


def main() -> None:
    """Runs, judges and prints."""
    parser = argparse.ArgumentParser(allow_abbrev=False, usage=__doc__)
    parser.add_argument("--out", type=Path, default=ROOT / "runs" / "quality")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=600)
    parser.add_argument("--systems", nargs="+", choices=["ours", *PEERS], default=["ours", *PEERS])
    parser.add_argument("--forms", nargs="+", choices=FORMS, default=list(FORMS))
    parser.add_argument("--batch", type=int, default=read(STUDY).space.batch_size[0])
    parser.add_argument("--judge", action="store_true")
    asked = parser.parse_args()
    rows = quality_data.written(asked.out / "rows")
    # Other rows are another comparison.
    out = asked.out / f"{rows.name}-{asked.seconds:g}s"
    searches = planned(asked.seeds, asked.seconds, asked.systems, asked.forms, asked.batch)
    for number, search in enumerate(searches, 1):
        folder = search.folder(out)
        if not asked.judge and not finished(search, folder):
            print(f"{number} of {len(searches)}: {search.label}, seed {search.seed}", flush=True)
            run(search, folder, rows / "seen")
    judge = [sys.executable, "-m", "tests.benchmarks.quality_judge", str(rows.resolve())]
    there = sorted(path.parent.resolve() for path in out.glob("seed-*/*/run.json"))
    subprocess.run([*judge, *map(str, there)], cwd=ROOT, check=True)
    found = [Judged.read(path / "judged.json") for path in there]
    ratios = compared(found)
    write(out / "quality.json", found, ratios)
    print(table(found, ratios))
    print(f"\n{out / 'quality.json'}")


if __name__ == "__main__":
    main()
