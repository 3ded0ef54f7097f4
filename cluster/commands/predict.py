"""The command `predict`: loads a bundle, predicts block by block, and returns what it wrote, in words."""

from pathlib import Path

from rich.console import Console

from cluster.terminal import say
from reports.bundles.bundle import load, verified
from reports.bundles.inputs import check_there
from reports.bundles.prediction import predict_file
from search.networks.backend import start


def predict(bundle: Path, data: str, out: Path, console: Console) -> str:
    """Predicts data with a bundle and returns a line to print.

    Args:
        bundle: its folder.
        data: see `reports.bundles.inputs`.
        out: the Parquet file to write.
        console: prints progress and notes.

    Raises:
        RunError: the bundle is not as it was written, or the data do not fit it.
    """
    start(threads=1)
    verified(bundle)
    check_there(data)
    loaded = load(bundle, as_guest=False)

    def progress(done: int, total: int) -> None:
        if console.is_terminal and total > done:
            console.print(f"{done}/{total} rows", end="\r")

    written = predict_file(loaded, data, out, progress)
    for told in written.told:
        say(console, told)
    positive = loaded.labels.meaning
    if written.events_path is None:
        return f"{written.rows} rows -> {out}; {positive}"
    return (
        f"{written.rows} rows, {written.hours:.2f} h in {_count(written.recordings, 'recording')} -> {out}; "
        f"{positive}; {_count(written.events, 'event')} -> {written.events_path}"
    )


def _count(number: int | None, of: str) -> str:
    return f"{number} {of}" + ("" if number == 1 else "s")
