"""A run as a notebook sees it: its board, its page, other thresholds, and the bundle that ships."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cluster.process_state import as_guest, in_one_line
from cluster.terminal import PlainConsole, say
from spaces.tasks import BINARY, Task

if TYPE_CHECKING:
    from reports.boards.reading import Leaderboard
    from reports.bundles.bundle import Bundle
    from search.evaluation.binary import Policy

Place = str | Path
Settings = Mapping[str, Any]


class Run:
    """A run, or scores that were decided upon: its folder, which all commands take as well.

    Args:
        path: the folder.

    Raises:
        RunError: it is no run.
    """

    def __init__(self, path: Place) -> None:
        from search.runs.run_folder import RunFolder

        self.path = Path(path)
        self._trains = RunFolder(self.path).study().trains

    @property
    def board(self) -> "Leaderboard":
        """All rows of the leaderboard, best first."""
        return self.leaderboard()

    @property
    def best(self) -> dict[str, Any] | None:
        """The best row that was trained and decides something, by column; None if there is none."""
        best = self.leaderboard(top=1).facts.best
        return None if best is None else {name: value for name, value in best.items() if name != "run"}

    def leaderboard(
        self,
        *,
        top: int | None = None,
        sort: str | None = None,
        where: str | None = None,
        best_per: str | None = None,
    ) -> "Leaderboard":
        """Returns rows of the leaderboard; arguments as those of `reports.boards.reading.read`.

        Raises:
            RunError: nothing has finished yet, or SQL that does not hold.
        """
        from reports.boards import reading

        return reading.read(self.path, top=top, sort=sort, where=where, best_per=best_per)

    def page(self, out: Place | None = None) -> Path:
        """Writes the run as one HTML page and returns where it is.

        Args:
            out: the file; None for report.html in the run's folder.

        Raises:
            RunError: nothing has finished yet, or a wrong place.
        """
        from cluster.commands.report import report

        with in_one_line():
            return report(self.path, None if out is None else Path(out))

    def rescore(
        self,
        policy: "str | Settings | None" = None,
        *,
        require: str | Sequence[str] = (),
        objective: str | None = None,
    ) -> "Leaderboard":
        """Returns the leaderboard that the run would have had under another rule, without training.

        Args:
            policy: `cost,c_fn=10` or `{"policy": "cost", "c_fn": 10}`; None for the study's own.
            require: such as `sensitivity.min=0.95`.
            objective: the metric that ranks; None for the study's own.

        Raises:
            RunError: something cannot be asked, or no trial meets what is required.
        """
        from cluster.commands.rescore import check_met
        from reports.boards import reading
        from reports.boards.requirements import parse_for
        from reports.boards.rescoring import rescore_all
        from search.runs.run_folder import RunFolder

        with in_one_line():
            folder = RunFolder(self.path)
            asked = parse_for(folder, several(require))
            rule = None if policy is None else policy_of(policy, folder.study().task)
            boards = rescore_all(self.path, [rule], asked, objective)
            check_met(boards, asked)
            return reading.read(boards[0].path)

    def promote(
        self,
        to: Place,
        *,
        trial: str | None = None,
        require: str | Sequence[str] = (),
        threshold_score: float | None = None,
        force: bool = False,
    ) -> "Bundle | Path":
        """Ships a trial as a bundle, measured on the test split once, and says how it did.

        Args:
            to: the bundle's folder, new or empty.
            trial: its id; None for the best.
            require: what it must reach, such as `sensitivity.min=0.95`.
            threshold_score: another cut on the scores of `trial`, chosen by hand.
            force: ships what would be refused; the card begins with that.

        Returns:
            The bundle, loaded; of scores that were given, the folder of the decision.

        Raises:
            RunError: the trial cannot be picked or shipped.
        """
        from cluster.commands.promote import promote
        from search.networks import backend

        place = Path(to)
        with in_one_line(), as_guest():
            if self._trains:
                backend.import_keras(as_guest=True)
            for line in promote(self.path, place, trial, several(require), threshold_score, force=force):
                say(PlainConsole(), line)
            return load(place) if self._trains else place

    def __repr__(self) -> str:
        return f"headsearch.Run({str(self.path)!r})"

    def _repr_html_(self) -> str:
        return self.board._repr_html_()


def load(bundle: Place) -> "Bundle":
    """Loads a bundle, whose files must be as they were written; its `predict` takes rows.

    Raises:
        RunError: it is none, or a file has changed.
    """
    from reports.bundles.bundle import load as load_bundle

    return load_bundle(Path(bundle), as_guest=True)


def policy_of(policy: "str | Settings", task: Task = BINARY) -> "Policy":
    """Returns the rule that a text such as `cost,c_fn=10` or settings name."""
    from reports.boards.rescoring import read_policy, rule_of

    return read_policy(policy, task) if isinstance(policy, str) else rule_of(policy, "policy", task)


def several(texts: str | Sequence[str]) -> tuple[str, ...]:
    """Lets one text stand for a list of one."""
    return (texts,) if isinstance(texts, str) else tuple(texts)
