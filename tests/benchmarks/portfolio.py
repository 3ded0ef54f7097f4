"""Finds the portfolio: configurations that do well on many data sets, asked first by every search.

    python -m tests.benchmarks.portfolio [--minutes 60] [--trunks NAME...] [--out FILE]

Configurations are drawn from the default space, one for each trunk and pair of head and loss in turn. Each is
trained on the data sets of its trunk (`portfolio_data`), and every result appended to the file
(runs/portfolio.jsonl). It begins on another data set each time, and goes on to the others if it is not in the
worse half of those that were tried there. One thread, at the lowest priority. It can be ended at any time;
started again it goes on with further ones.

When the minutes are over, those that did well are picked from all that is in the file, for each trunk and
head, and written to spaces/portfolio_table.py; with `--minutes 0` that is all that is done.
"""

import argparse
import json
import os
import sys
import textwrap
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
from pydantic import ValidationError

from search.data.trial_data import TrialData
from search.networks import backend
from spaces.base import Frozen
from spaces.configuration import Config, suggest
from spaces.errors import TrialError
from spaces.portfolio import MOST, greedy
from spaces.study import Study
from spaces.study_file import parse
from tests.benchmarks.portfolio_data import SETS, WIDTHS
from tests.conftest import ROOT

TABLE_FILE = ROOT / "spaces" / "portfolio_table.py"
OUT = ROOT / "runs" / "portfolio.jsonl"
EPOCHS, PATIENCE = 12, 5
"""What a configuration is trained for."""
PER_HEAD = 8
"""So many configurations of each head are kept: what a space leaves out must not leave none."""
SEED = 31
"""Of the draws."""
KNOWN = 4
"""A configuration is dropped where at least so many were tried before it."""
GOLDEN = (5**0.5 - 1) / 2


class Result(Frozen):
    """What a configuration came to on one data set.

    Args:
        trunk, number: of the configuration, by its place among those drawn for the trunk.
        data: the data set.
        value: the best average precision on its validation rows; None where training failed.
        seconds: what it took.
        config: what was trained.
    """

    trunk: str
    number: int
    data: str
    value: float | None
    seconds: float
    config: Config


class Draws:
    """Suggests values at random.

    Args:
        number: of the configuration; the same number draws the same.
        share: where its learning rate lies in the range, 0 to 1.
        chosen: values that are not drawn.
    """

    def __init__(self, number: int, share: float, chosen: dict[str, Any]) -> None:
        self._rng, self._share, self._chosen = np.random.default_rng([SEED, number]), share, chosen

    def suggest_float(self, name: str, low: float, high: float, *, log: bool = False) -> float:
        """Draws a number."""
        share = self._share if name == "learning_rate" else self._rng.random()
        value = low * (high / low) ** share if log else low + (high - low) * share
        return float(f"{value:.3g}")

    def suggest_categorical(self, name: str, choices: Sequence[Any]) -> Any:
        """Draws a choice."""
        drawn = choices[int(self._rng.integers(len(choices)))]
        return self._chosen.get(name, drawn)


def study_of(trunk: str) -> Study:
    """The default space of a trunk."""
    written: dict[str, Any] = {
        "trunk": {"name": trunk, "width": WIDTHS[trunk]},
        "training": {"epochs": EPOCHS, "patience": PATIENCE},
    }
    return parse(written)


def candidates(trunk: str, number: int) -> Iterator[tuple[int, Config]]:
    """Draws configurations without end from a number on, every pair of head and loss in turn.

    They are alike for every trunk. The learning rates of one pair lie spread over their range.
    """
    study = study_of(trunk)
    heads = study.space.heads
    rounds = max(map(len, heads.values()))
    pairs = [(head, losses[k]) for k in range(rounds) for head, losses in heads.items() if k < len(losses)]
    while True:
        turn, pair = divmod(number, len(pairs))
        head, loss = pairs[pair]
        share = (np.random.default_rng([SEED, pair]).random() + turn * GOLDEN) % 1
        yield number, suggest(Draws(number, share, {"head": head, f"{head}_loss": loss}), study)
        number += 1


def value_of(config: Config, data: TrialData, study: Study, networks: Any) -> float | None:
    """Trains a configuration; its best average precision, or None where it failed."""
    from search.training.training import Training

    steer = study.objective.steer
    try:
        session = Training(config, study.training, steer, data, seed=SEED, networks=networks)
        session.advance(study.training.epochs)
        return round(session.best().steering_value, 5)
    except TrialError:
        return None


def search(out: Path, minutes: float, trunks: Sequence[str]) -> None:
    """Tries configurations, a new one of every trunk in turn, until the time is up."""
    os.nice(19)
    backend.start(1)
    backend.import_keras()
    from search.training.compiled_networks import CompiledNetworks

    out.parent.mkdir(parents=True, exist_ok=True)
    found = tried(out)
    deadline = time.monotonic() + minutes * 60
    made: dict[tuple[str, str], TrialData] = {}
    # One for each optimizer: together they keep more compiled networks than a worker does.
    networks: dict[tuple[str, str, tuple[int, ...]], Any] = {}
    streams = {
        trunk: candidates(trunk, 1 + max((one.number for one in found if one.trunk == trunk), default=-1))
        for trunk in trunks
    }
    while time.monotonic() < deadline:
        for trunk, stream in streams.items():
            number, config = next(stream)
            study, sets = study_of(trunk), SETS[trunk]
            for data_set in (*sets[number % len(sets) :], *sets[: number % len(sets)]):
                if dropped(found, trunk, number) or time.monotonic() > deadline:
                    break
                if (trunk, data_set.name) not in made:
                    made[trunk, data_set.name] = data_set.make()
                data, began = made[trunk, data_set.name], time.monotonic()
                kept = networks.setdefault(
                    (trunk, config.optimizer, data.x_train.shape[1:]), CompiledNetworks()
                )
                value = value_of(config, data, study, kept)
                one = Result(
                    trunk=trunk,
                    number=number,
                    data=data_set.name,
                    value=value,
                    seconds=round(time.monotonic() - began, 2),
                    config=config,
                )
                found.append(one)
                with out.open("a", encoding="utf-8") as file:
                    file.write(one.model_dump_json(exclude_defaults=True) + "\n")


def dropped(found: Sequence[Result], trunk: str, number: int) -> bool:
    """Whether a configuration is in the worse half of those tried on the data set that it began with."""
    sets = SETS[trunk]
    first = sets[number % len(sets)].name
    there = {one.number: one.value or 0.0 for one in found if (one.trunk, one.data) == (trunk, first)}
    others = [value for other, value in there.items() if other < number]
    if number not in there or len(others) < KNOWN:
        return False
    return there[number] < float(np.median(others))


def tried(out: Path) -> list[Result]:
    """Reads the results; a last line that was torn is left out."""
    found = []
    for line in out.read_text(encoding="utf-8").splitlines() if out.is_file() else ():
        with suppress(ValidationError):
            found.append(Result.model_validate_json(line))
    return found


def shares_of(found: Sequence[Result], trunk: str) -> dict[str, dict[int, float]]:
    """Returns the share of every value: 0 at the median of its data set, or below, and 1 at the best.

    Returns:
        data set -> number of the configuration -> share.
    """
    shares: dict[str, dict[int, float]] = {}
    for one in SETS[trunk]:
        values = {r.number: r.value or 0.0 for r in found if (r.trunk, r.data) == (trunk, one.name)}
        middle, best = (float(np.median(list(values.values()))), max(values.values())) if values else (0, 0)
        scale = best - middle or 1.0
        shares[one.name] = {number: max(0.0, (value - middle) / scale) for number, value in values.items()}
    return shares


def chosen(found: Sequence[Result], trunk: str) -> list[tuple[Config, tuple[float, ...]]]:
    """Picks `PER_HEAD` configurations of each head among those that were tried on all data sets of a trunk.

    Returns:
        head by head, in the order of what each adds; those that are nowhere above the median are left out.
    """
    of = shares_of(found, trunk)
    whole = sorted(set.intersection(*map(set, of.values())))
    configs = {one.number: one.config for one in found if one.trunk == trunk}
    shares = {number: tuple(round(of[name][number], 2) for name in of) for number in whole}
    picked = []
    for head in study_of(trunk).space.heads:
        mine = [number for number in whole if configs[number].head == head and any(shares[number])]
        order = greedy([shares[number] for number in mine])[:PER_HEAD]
        picked += [(configs[mine[k]], shares[mine[k]]) for k in order]
    return picked


def held_out(found: Sequence[Result], trunk: str, count: int) -> list[tuple[float, float]]:
    """Judges the choice: on each data set, what `count` configurations chosen by the others come to there.

    Returns:
        for each data set the best share of theirs, and that of as many drawn at random, in the mean, from
        all that were tried on it.
    """
    of = shares_of(found, trunk)
    whole = sorted(set.intersection(*map(set, of.values())))
    rng, judged = np.random.default_rng(0), []
    for name, there in of.items():
        others = [shares for other, shares in of.items() if other != name]
        order = greedy([[shares[number] for shares in others] for number in whole])[:count]
        drawn = rng.choice(list(there.values()), (4000, count)).max(axis=1)
        judged.append((max(there[whole[k]] for k in order), float(drawn.mean())))
    return judged


def table(found: Sequence[Result], today: str) -> str:
    """Returns the text of spaces/portfolio_table.py."""
    lines = [
        '"""The configurations of the portfolio, made by `python -m tests.benchmarks.portfolio`.',
        "",
        f"Chosen on {today}, from {len({(one.trunk, one.number) for one in found})} configurations and "
        f"{len(found)} trainings of up to {EPOCHS} epochs.",
        '"""',
        "",
        "from collections.abc import Mapping",
        "from types import MappingProxyType",
        "",
        "from spaces.configuration import Config",
        "",
        "# fmt: off",
        "TABLE: Mapping[str, tuple[tuple[Config, tuple[float, ...]], ...]] = MappingProxyType({",
    ]
    for trunk, sets in SETS.items():
        tried_here = {one.number for one in found if one.trunk == trunk}
        names = ", ".join(one.name for one in sets)
        said = f"{len(tried_here)} tried on: {names}."
        lines += textwrap.wrap(said, 100, initial_indent="    # ", subsequent_indent="    # ")
        lines.append(f'    "{trunk}": (')
        for config, shares in chosen(found, trunk):
            fields = config.model_dump(mode="json", exclude_defaults=True)
            written = ", ".join(f"{name}={json.dumps(value)}" for name, value in fields.items())
            row = f"(Config({written}), {shares}),"
            lines += textwrap.wrap(
                row, 106, initial_indent=" " * 8, subsequent_indent=" " * 9, break_on_hyphens=False
            )
        lines.append("    ),")
    said = '"""By trunk: configurations and their shares of its data sets, 0 the median, 1 the best."""'
    return "\n".join([*lines, "})", "# fmt: on", said]) + "\n"


def main() -> int:
    """Searches, then writes the table."""
    parser = argparse.ArgumentParser(allow_abbrev=False, usage=__doc__)
    parser.add_argument("--out", type=Path, default=OUT)
    parser.add_argument("--minutes", type=float, default=60)
    parser.add_argument("--trunks", nargs="+", choices=list(SETS), default=list(SETS))
    asked = parser.parse_args()
    if asked.minutes:
        search(asked.out, asked.minutes, asked.trunks)
    found = tried(asked.out)
    TABLE_FILE.write_text(table(found, str(date.today())), encoding="utf-8")
    print(
        "share of the best that is reached on a data set, by those chosen without it and by as many at random"
    )
    for count in (1, 2, 4, MOST):
        every = [pair for trunk in SETS for pair in held_out(found, trunk, count)]
        print(f"first {count}: {np.mean([a for a, _ in every]):.2f} {np.mean([b for _, b in every]):.2f}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
