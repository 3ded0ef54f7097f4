"""Ranks trials by their mean over several seeds."""

import csv
import io
import json
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields, replace

from rich.table import Table

from reports.boards.table import Column, lay_out, number
from search.files import make_folder, write_atomically
from search.record import Record
from search.runs.run_folder import RunFolder
from search.trials.seeds import SeedTraining
from spaces.tasks import sign_of


@dataclass(frozen=True, kw_only=True)
class Repeated:
    """One trial over its seeds.

    Args:
        rank: by the mean, from 1, equal means under one rank; None where it is undefined.
        trial_id, head, loss: which one.
        trained: how many seeds were trained.
        failed: how many of these trainings failed or have no value.
        mean, sd, low, high: of the cross-fitted values: mean, sample standard deviation, extremes; None if
            any seed failed: the mean of those that worked would flatter.
        in_search: its value in the search.
        objective: what was measured.
    """

    rank: int | None
    trial_id: str
    head: str | None
    loss: str | None
    trained: int
    failed: int
    mean: float | None
    sd: float | None
    low: float | None
    high: float | None
    in_search: float | None
    objective: str


def stored(run: RunFolder, training: SeedTraining, code_digest: str) -> Record | None:
    """Returns the record of an earlier training of the same ask by the same code, if there is one."""
    path = run.path / "seeds" / f"{training.name}.json"
    if not path.is_file():
        return None
    try:
        record = Record.model_validate_json(path.read_bytes())
    except ValueError:
        return None  # written again
    return record if record.ask == training.ask and record.code_digest == code_digest else None


def store(run: RunFolder, training: SeedTraining, record: Record) -> None:
    """Writes the record of one training."""
    make_folder(run.path / "seeds")
    write_atomically(run.path / "seeds" / f"{training.name}.json", record.model_dump_json(indent=1).encode())


def ranked(trials: Sequence[Record], trained: Mapping[str, Sequence[Record]]) -> list[Repeated]:
    """Returns trials by the mean of their values over seeds, the best first, undefined ones last.

    Args:
        trials: as they stand in the run.
        trained: the trainings of each, by trial id.
    """
    found = []
    for trial in trials:
        records = trained[trial.ask.trial_id]
        values = [record.value for record in records if record.value is not None]
        whole = bool(values) and len(values) == len(records)
        config = trial.ask.config
        found.append(
            Repeated(
                rank=None,
                trial_id=trial.ask.trial_id,
                head=None if config is None else config.head,
                loss=None if config is None else config.loss,
                trained=len(records),
                failed=len(records) - len(values),
                mean=statistics.fmean(values) if whole else None,
                sd=statistics.stdev(values) if whole and len(values) > 1 else None,
                low=min(values) if whole else None,
                high=max(values) if whole else None,
                in_search=trial.value,
                objective=trial.objective,
            )
        )
    found.sort(key=lambda one: (one.mean is None, -sign_of(one.objective) * (one.mean or 0.0), one.trial_id))
    means = [one.mean for one in found]
    return [one if one.mean is None else replace(one, rank=means.index(one.mean) + 1) for one in found]


def as_text(rows: Sequence[Repeated], form: str) -> str:
    """Returns the rows as `csv` or `json`."""
    if form == "json":
        return json.dumps([asdict(row) for row in rows], indent=1)
    sink = io.StringIO()
    writer = csv.DictWriter(sink, [field.name for field in fields(Repeated)], lineterminator="\n")
    writer.writeheader()
    writer.writerows(asdict(row) for row in rows)
    return sink.getvalue().rstrip("\n")


def table(rows: Sequence[Repeated], title: str) -> Table:
    """Lays rows out for a terminal."""
    columns: list[Column[Repeated]] = [
        Column("rank", lambda row: "-" if row.rank is None else str(row.rank)),
        Column("trial", lambda row: row.trial_id),
        Column("head", lambda row: row.head or "", number=False),
        Column("loss", lambda row: row.loss or "", number=False),
        Column("mean", lambda row: number(row.mean)),
        Column("sd", lambda row: number(row.sd)),
        Column("lowest", lambda row: number(row.low)),
        Column("highest", lambda row: number(row.high)),
        Column("in search", lambda row: number(row.in_search)),
        Column(
            "",
            lambda row: f"{row.failed} of {row.trained} seeds came to nothing" if row.failed else "",
            number=False,
        ),
    ]
    return lay_out(title, columns, rows)


def footnotes(rows: Sequence[Repeated]) -> list[str]:
    """Returns notes on what the numbers mean."""
    if not rows:
        return []
    notes = [
        f"mean: of {rows[0].objective}, cross-fitted, over {rows[0].trained} trainings with other seeds, "
        "each free to use all epochs; the training in the search is not among them"
    ]
    both = [(row.in_search, row.mean) for row in rows if row.in_search is not None and row.mean is not None]
    if both:
        fell = statistics.fmean(searched - mean for searched, mean in both)
        notes.append(
            f"in the search these trials had {abs(fell):.3f} {'more' if fell >= 0 else 'less'} on average"
        )
    return notes
