"""Opens the study database of a run, from which Optuna's dashboard shows the search."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from rich.console import Console

from cluster.terminal import say
from search.record import Record
from search.runs.run_folder import RunFolder
from spaces.study import Study

if TYPE_CHECKING:
    from search.runs.database.study_database import StudyDatabase


def check_database(study: Study, name: str, resolved: Mapping[str, Any] | None = None) -> None:
    """Checks that the study database answers, and shows no other run of this name.

    Args:
        study: names the database.
        name: of the run.
        resolved: of `study.yaml`, what the run began with; None for a new run.

    Raises:
        RunError: it does not answer, or shows another run of this name.
    """
    if study.database in ("none", "sqlite"):
        return
    from search.runs.database.study_database import check  # with Optuna comes half a second of its own

    check(study.database, name, run_id(resolved) if resolved else None)


def open_view(
    folder: RunFolder, study: Study, records: Sequence[Record], console: Console
) -> "StudyDatabase":
    """Opens the study database of a run and brings it up to date with the records.

    Args:
        folder: the run, with its study written.
        study: as it is searched now.
        records: what is finished.
        console: prints progress and notes.
    """
    from search.runs.database.study_database import StudyDatabase, View

    resolved = folder.resolved()
    view = View(
        study=study,
        name=folder.path.resolve().name,
        run_id=run_id(resolved),
        code_digest=resolved["code_digest"],
        file=folder.path / "optuna.db",
    )
    return StudyDatabase(view, records, folder.asks(), lambda line: say(console, line))


def run_id(resolved: Mapping[str, Any]) -> str:
    """Returns the run's id; a run that was begun before runs had one is identified by its study."""
    return str(resolved.get("run_id") or resolved["study_digest"])
