"""The command `spaces`: which heads take which losses, and why the others are refused."""

from rich.table import Table

from spaces.pairs import TABLES
from spaces.tasks import KINDS, Kind, TaskName

_MARKS = {"valid": "yes", "same": "=", "refused": "-"}
_TITLE = {name: "" if name == "binary" else f"task {name}, {kind.question} " for name, kind in KINDS.items()}


def tables(task: TaskName = "binary") -> list[Table]:
    """Returns the table of all pairs of a kind of task, and of reasons with the nearest valid pair."""
    pairs, kind = TABLES[task], KINDS[task]
    matrix = Table(
        title=f"{_TITLE[task]}heads x losses: yes valid, = the same as another, - refused",
        title_justify="left",
        caption=f"searched unless a study names its own: {', '.join(kind.heads)}",
        caption_justify="left",
        header_style="bold",
        box=None,
        pad_edge=False,
    )
    matrix.add_column("head", no_wrap=True)
    matrix.add_column("in Keras", no_wrap=True)
    for loss in pairs.losses:
        matrix.add_column(loss.replace("_", "\n"), no_wrap=True, justify="center")
    reasons = Table(title="why", title_justify="left", header_style="bold", box=None, pad_edge=False)
    for name in ("pair", "becomes", "because"):
        reasons.add_column(name, no_wrap=name != "because")
    for head, written in pairs.heads.items():
        verdicts = [pairs.judge(head, loss) for loss in pairs.losses]
        matrix.add_row(head, written, *(_MARKS[v.kind] for v in verdicts))
        for v in verdicts:
            if v.kind != "valid":
                pair = f"{v.instead[0]} + {v.instead[1]}"
                reasons.add_row(
                    f"{v.head} + {v.loss}", f"same as {pair}" if v.kind == "same" else f"try {pair}", v.why
                )
    return [matrix, reasons, *_refused_metrics(kind)]


def _refused_metrics(kind: Kind) -> list[Table]:
    """What people measure and mean something else by, where there is such a thing."""
    if not kind.refused:
        return []
    table = Table(
        title=f"metrics: {', '.join(kind.metrics)}",
        title_justify="left",
        header_style="bold",
        box=None,
        pad_edge=False,
    )
    table.add_column("refused", no_wrap=True)
    table.add_column("because")
    for name, why in kind.refused.items():
        table.add_row(name, why)
    return [table]
