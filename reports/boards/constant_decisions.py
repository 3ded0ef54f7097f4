"""The lines that say why rows of a leaderboard decide nothing, and what comes nearest."""

from pathlib import Path

import pyarrow.compute as pc
import pyarrow.parquet as pq

from search.evaluation.binary import Policy, policy_of_trial
from search.evaluation.constant_decisions import why_constant
from search.runs.run_folder import RunFolder
from search.scores.calibration import Calibration
from spaces.errors import RunError


def constant_notes(run: Path, board: Path, policy: Policy | None = None) -> list[str]:
    """Returns a line that counts trained trials that decide nothing, and one that tells why of the best.

    Args:
        run: the run's folder.
        board: its leaderboard, or one of other thresholds.
        policy: the rule of that board; None for the study's own.
    """
    columns = ["trial_id", "kind", "value", "threshold_score", "calibration_a", "calibration_b"]
    try:
        rows = pq.read_table(board, columns=[*columns, "constant_decision"])
        trained = rows.filter((pc.field("kind") != "baseline") & pc.field("threshold_score").is_valid())
        constant = trained.filter(pc.field("constant_decision"))
        if not len(constant):
            return []
        best, folder = constant.slice(0, 1).to_pylist()[0], RunFolder(run)
        study, record = folder.study(), folder.record(best["trial_id"])
        raw = folder.scores(best["trial_id"])[0]
        score = Calibration(best["calibration_a"], best["calibration_b"]).apply(raw)
        rule = policy or policy_of_trial(study, record.ask)
        why = why_constant(folder.reference(), score, best["threshold_score"], rule, study.events)
    except (RunError, OSError, KeyError, ValueError):
        return []  # a board of an earlier version, or without the run's scores
    return [
        f"constant: {len(constant)} of {len(trained)} trained trials decide all validation rows "
        "alike; they rank last, and no rule ships them",
        f"why, of trial {best['trial_id']}: {why}",
    ]
