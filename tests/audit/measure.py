"""How many of the labelled programs' mistakes the audit finds: `python -m tests.audit.measure programs`."""

import argparse
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import yaml

from audit.files import audit_file
from audit.finding import Audited
from audit.rules import RULES

HERE = Path(__file__).parent
SETS = ("programs", "held_out", "fresh")


@dataclass(frozen=True, kw_only=True)
class Label:
    """A mistake that stands in a program.

    Args:
        rule: its id.
        places: where a finding of it is accepted, each a line or, of a notebook, cell:line.
        why: what is wrong there.
        argued: two people may differ: a finding there counts neither for nor against.
    """

    rule: str
    places: tuple[str, ...]
    why: str
    argued: bool


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """One label or finding of one file.

    Args:
        rule: its id.
        kind: hit, miss (a label without a finding), false (a finding without a label) or spared (a finding
            of a label that is argued, or a second one of a label).
        place: file and line.
        words: the label's reason, or what the finding says.
    """

    rule: str
    kind: str
    place: str
    words: str


def labels(folder: Path) -> dict[str, tuple[Label, ...]]:
    """Reads the labels of a folder's programs, in the order of their names.

    Raises:
        ValueError: a program has no labels, labels have no program, or a label names no rule.
    """
    table = yaml.safe_load((folder / "labels.yaml").read_text(encoding="utf-8"))
    files = {path.name for path in folder.iterdir() if path.suffix in {".py", ".ipynb"}}
    if files != set(table):
        raise ValueError(f"each program must have its labels, but these differ: {sorted(files ^ set(table))}")
    return {name: tuple(_label(row) for row in table[name]) for name in sorted(table)}


def _label(row: Sequence[object]) -> Label:
    rule, at, why, *more = row
    if rule not in RULES or more not in ([], ["argued"]):
        raise ValueError(
            f"a label must be a rule, lines, a reason and at most the word argued, but got {row}"
        )
    places = at if isinstance(at, list) else [at]
    return Label(rule=str(rule), places=tuple(map(str, places)), why=str(why), argued=bool(more))


def compared(name: str, wanted: Sequence[Label], found: Audited) -> Iterator[Outcome]:
    """Yields what became of each label and each finding of a file; one finding meets one label.

    A second finding of a rule on a place that is met already counts neither for nor against.
    """
    if found.error is not None:
        raise ValueError(f"{name} {found.error}")
    open_labels = list(wanted)
    for one in found.findings:
        at = str(one.line) if one.cell is None else f"{one.cell}:{one.line}"
        fitting = [label for label in wanted if label.rule == one.rule.id and at in label.places]
        fresh = [label for label in fitting if label in open_labels]
        if fresh:
            open_labels.remove(fresh[0])
        kind = "false" if not fitting else "spared" if not fresh or fresh[0].argued else "hit"
        yield Outcome(rule=one.rule.id, kind=kind, place=f"{name}:{at}", words=one.message)
    for label in open_labels:
        if not label.argued:
            yield Outcome(
                rule=label.rule, kind="miss", place=f"{name}:{'/'.join(label.places)}", words=label.why
            )


def measured(folder: Path) -> list[Outcome]:
    """Audits every program of a folder and compares with its labels."""
    return [
        outcome
        for name, wanted in labels(folder).items()
        for outcome in compared(name, wanted, audit_file(folder / name))
    ]


def _share(part: int, whole: int) -> str:
    return f"{part / whole:9.2f}" if whole else f"{'-':>9}"


def _row(name: str, counts: Counter[str]) -> str:
    hit, miss, false = counts["hit"], counts["miss"], counts["false"]
    return f"{name:8}{_share(hit, hit + false)}{_share(hit, hit + miss)}{hit:6}{miss:6}{false:6}"


def main() -> None:
    """Prints precision and recall of each rule, and each miss and false alarm."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("set", nargs="?", choices=SETS, default=SETS[0])
    folder = HERE / parser.parse_args().set
    outcomes = measured(folder)
    print(f"{'rule':8}{'precision':>9}{'recall':>9}{'hit':>6}{'miss':>6}{'false':>6}")
    for rule in sorted({outcome.rule for outcome in outcomes}):
        print(_row(rule, Counter(outcome.kind for outcome in outcomes if outcome.rule == rule)))
    print(_row("all", Counter(outcome.kind for outcome in outcomes)))
    alarmed = {outcome.place.split(":")[0] for outcome in outcomes if outcome.kind == "false"}
    print(f"\n{len(labels(folder))} programs, {len(alarmed)} with a false alarm")
    for kind, title in (("miss", "missed"), ("false", "false alarms")):
        print(f"\n{title}:")
        for one in sorted(
            (one for one in outcomes if one.kind == kind), key=lambda one: (one.rule, one.place)
        ):
            print(f"  {one.rule} {one.place}: {one.words}")


if __name__ == "__main__":
    main()
