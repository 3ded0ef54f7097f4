"""The command `spaces`: which heads take which losses, and why the others are refused."""

from rich.table import Table

from spaces.pairs import WRITTEN_HEADS, WRITTEN_LOSSES, judge
from spaces.space import DEFAULT_HEADS

_MARKS = {"valid": "yes", "same": "=", "refused": "-"}


def tables() -> list[Table]:
    """Returns the table of all pairs, and a table of reasons with the nearest valid pair."""
    matrix = Table(
        title="heads x losses: yes valid, = the same as another, - refused",
        title_justify="left",
        caption=f"searched unless a study names its own: {', '.join(DEFAULT_HEADS)}",
        caption_justify="left",
        header_style="bold",
        box=None,
        pad_edge=False,
    )
    matrix.add_column("head", no_wrap=True)
    matrix.add_column("in Keras", no_wrap=True)
    for loss in WRITTEN_LOSSES:
        matrix.add_column(loss.replace("_", "\n"), no_wrap=True, justify="center")
    reasons = Table(title="why", title_justify="left", header_style="bold", box=None, pad_edge=False)
    for name in ("pair", "becomes", "because"):
        reasons.add_column(name, no_wrap=name != "because")
    for head, written in WRITTEN_HEADS.items():
        verdicts = [judge(head, loss) for loss in WRITTEN_LOSSES]
        matrix.add_row(head, written, *(_MARKS[v.kind] for v in verdicts))
        for v in verdicts:
            if v.kind != "valid":
                pair = f"{v.instead[0]} + {v.instead[1]}"
                reasons.add_row(
                    f"{v.head} + {v.loss}", f"same as {pair}" if v.kind == "same" else f"try {pair}", v.why
                )
    return [matrix, reasons]
