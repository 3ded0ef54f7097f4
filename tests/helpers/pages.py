"""Runs for the page, made without training: scores are drawn, and measured as those of any trial are."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np

from reports.boards import leaderboard, reading
from reports.page.table import Column
from search.data.rows import Recording
from search.evaluation.binary import policy_of
from search.events.scoring import EVENT_METRICS, scoring_of
from search.record import Ask, Estimate, Record, defined
from search.runs.run_folder import RunFolder
from search.scores.bootstrap import Interval
from search.scores.half_splits import draw_halves
from search.scores.metrics import METRICS, PROBABILITY_METRICS, RANKING_METRICS, counts_at, sigmoid
from search.scores.reference import Reference
from search.scores.thresholds import choose, curve
from search.trials.trial import RunFacts, record
from spaces.configuration import Config, suggest
from spaces.study import Study
from spaces.study_file import parse
from tests.helpers.measured import measure

FACTS = RunFacts(groups="known", leaky=False, data_digest="d" * 64, code_digest="c" * 64)
BEGAN = datetime(2026, 3, 2, 8, 30, tzinfo=UTC)
RESOLVED = {
    "data_digest": "d" * 64,
    "split_digest": "e" * 64,
    "versions": {"python": "3.11.7", "keras": "3.15.1"},
}


class _Drawn:
    """Draws values as a sampler would."""

    def __init__(self, rng: np.random.Generator) -> None:
        self._rng = rng
        self.values: dict[str, Any] = {}

    def suggest_float(self, name: str, low: float, high: float, *, log: bool = False) -> float:
        ends = np.log([low, high]) if log else np.array([low, high])
        value = float(self._rng.uniform(*ends))
        self.values[name] = float(np.clip(np.exp(value) if log else value, low, high))
        return self.values[name]

    def suggest_categorical(self, name: str, choices: Any) -> Any:
        self.values[name] = choices[int(self._rng.integers(len(choices)))]
        return self.values[name]


def rows_of(rows: int, groups: int, seed: int, *, timed: bool) -> Reference:
    """Validation rows of several patients; with `timed` one recording each, seizures in it."""
    rng = np.random.default_rng(seed)
    each = rows // groups
    y = np.zeros((groups, each), np.int8)
    if timed:
        for k in range(groups):
            for start in rng.integers(0, each - 60, 1 + k % 3):
                y[k, start : start + int(rng.integers(15, 50))] = 1
    else:
        y[:] = rng.random(y.shape) < rng.uniform(0.2, 0.5, (groups, 1))
    names = np.repeat([f"patient-{k:02d}" for k in range(groups)], each)
    times = np.tile(np.arange(each, dtype=np.float64), groups) if timed else None
    timeline = tuple(_recording(f"patient-{k:02d}", y[k]) for k in range(groups)) if timed else None
    halves = draw_halves(y.ravel(), names, names if timed else None, seed)
    window_s = 1.0 if timed else None
    return Reference(y.ravel(), names, names if timed else None, times, halves, window_s, timeline)


def _recording(name: str, y: np.ndarray) -> Recording:
    edges = np.flatnonzero(np.diff(np.concatenate([[0], y, [0]])))
    seizures = tuple((float(a), float(b)) for a, b in edges.reshape(-1, 2))
    return Recording(name, name, float(len(y)), seizures)


def made(
    path: Path,
    trials: int,
    rows: int = 600,
    groups: int = 6,
    seed: int = 0,
    *,
    timed: bool = False,
    quick: bool = False,
    study: dict[str, Any] | None = None,
) -> RunFolder:
    """Writes a run: two baselines, the author's configuration, drawn trials, the last of them failed.

    Args:
        path: its folder.
        trials: how many, 8 at least.
        rows: validation rows.
        groups: of them.
        seed: of everything.
        timed: whether the rows are of recordings with seizures.
        quick: whether intervals are made up and the value is not cross-fitted; for a thousand trials.
        study: settings of the study.
    """
    rng = np.random.default_rng(seed)
    settled = parse(
        {
            "name": path.name,
            "data": {"source": "npz", "path": "windows.npz", "positive": "seizure", "group": "patient"},
            "trunk": {"name": "mlp"},
            **(study or {}),
        }
    )
    run = RunFolder(path)
    run.make_folders()
    reference = rows_of(rows, groups, seed, timed=timed)
    run.write_reference(reference, np.arange(len(reference.y)))
    run.create(settled, RESOLVED)
    records = []
    for number in range(trials):
        ask = _ask(number, settled, rng)
        failed = number == trials - 1
        if failed:
            finished = _finished(
                ask, settled, rng, state="failed", error="TrialError: </script><b>loss</b> is nan & more"
            )
        else:
            raw = _scores(reference, ask, rng)
            run_of = _quick if quick else _measured
            score, fields = run_of(raw, reference, settled, ask)
            finished = _finished(ask, settled, rng, **fields)
            run.write_scores(ask.trial_id, raw, score)
        run.write_record(finished)
        records.append(finished)
    leaderboard.write(run.leaderboard, records)
    best = reading.read(run.leaderboard, where="kind != 'baseline'", top=3).rows
    for row in best:
        run.write_weights(row["trial_id"], [np.zeros(3, np.float32)])
    return run


def with_one_configuration(run: RunFolder) -> RunFolder:
    """Makes all drawn trials of a run seeds of the first one's configuration."""
    records = run.records()
    config = next(one.ask.config for one in records if one.ask.kind == "search")
    made = [
        one.model_copy(update={"ask": one.ask.model_copy(update={"config": config})})
        if one.ask.kind == "search"
        else one
        for one in records
    ]
    for one in made:
        run.write_record(one)
    leaderboard.write(run.leaderboard, made)
    return run


def _ask(number: int, study: Study, rng: np.random.Generator) -> Ask:
    if number < 2:
        name = ("prevalence", "logistic_regression")[number]
        return Ask(number=number, kind="baseline", baseline=name, seed=number)
    drawn = _Drawn(rng)
    config: Config = suggest(drawn, study)
    kind = "author" if number == 2 else "search"
    return Ask(
        number=number, kind=kind, config=config, drawn=drawn.values if kind == "search" else {}, seed=number
    )


def _scores(reference: Reference, ask: Ask, rng: np.random.Generator) -> np.ndarray:
    if ask.baseline == "prevalence":
        return np.full(len(reference.y), -1.0, np.float32)
    skill = 1.0
    if ask.config is not None:
        skill = (
            3.0 - 1.5 * abs(np.log10(ask.config.learning_rate) + 2.8) - 0.8 * (ask.config.optimizer == "sgd")
        )
        skill += rng.normal(0, 0.3)
    noise = rng.normal(size=len(reference.y))
    if reference.timeline is not None:
        noise = 0.6 * noise + np.repeat(rng.normal(size=len(noise) // 12 + 1), 12)[: len(noise)]
    return (noise + max(skill, 0.0) * reference.y - 2).astype(np.float32)


def _finished(ask: Ask, study: Study, rng: np.random.Generator, **fields: Any) -> Record:
    began = BEGAN + timedelta(seconds=45 * ask.number + float(rng.uniform(0, 10)))
    took = float(rng.uniform(20, 80))
    epochs = int(rng.integers(6, 30))
    curve = 0.9 - 0.7 * np.exp(-np.arange(1, epochs + 1) / 5) + rng.normal(0, 0.02, epochs)
    trained = ask.config is not None and fields.get("state") != "failed"
    more: dict[str, Any] = {}
    if trained:
        loss = 0.2 + 0.6 * np.exp(-np.arange(epochs) / 6)
        more["history"] = tuple(zip(loss.tolist(), curve.tolist(), [1e-3] * epochs, strict=True))
        more |= {"epochs": epochs, "best_epoch": int(curve.argmax()) + 1, "proof": 1e-7}
        more["steering_value"] = float(curve.max())
    return record(
        ask,
        study,
        FACTS,
        **{
            "state": "stopped" if trained and ask.number % 5 == 4 else "completed",
            "cross_fit_by": "group",
            "node": "10.0.0.7",
            "device": "cpu",
            "train_s": round(took, 3),
            "started_at": began.isoformat(),
            "finished_at": (began + timedelta(seconds=took)).isoformat(),
            **more,
            **fields,
        },
    )


def _measured(
    raw: np.ndarray, reference: Reference, study: Study, ask: Ask
) -> tuple[np.ndarray, dict[str, Any]]:
    found = measure(raw, reference, study, policy_of(study, None), probabilistic=False)
    return found.score, {
        "value": found.value,
        "value_fa_per_day": found.value_fa_per_day,
        "threshold_score": found.choice.threshold_score,
        "threshold": found.choice.threshold,
        "calibration_a": found.calibration.a,
        "calibration_b": found.calibration.b,
        "calibration_note": found.calibration_note,
        "metrics": found.metrics,
        "event_scoring": scoring_of(study.events) if reference.timeline else None,
    }


def _quick(
    raw: np.ndarray, reference: Reference, study: Study, ask: Ask
) -> tuple[np.ndarray, dict[str, Any]]:
    choice = choose(curve(reference.y, raw), study.threshold)  # type: ignore[arg-type]
    counts = counts_at(reference.y, raw, choice.threshold_score)
    values = {name: float(metric(counts)) for name, metric in METRICS.items()}
    values |= {name: metric(reference.y, raw) for name, metric in RANKING_METRICS.items()}
    values |= dict.fromkeys(EVENT_METRICS, float("nan"))
    metrics = {name: _about(value, (value - 0.0412345, value + 0.0387654)) for name, value in values.items()}
    for name, metric in PROBABILITY_METRICS.items():
        metrics[name] = _about(metric(reference.y, raw), (float("nan"), float("nan")))
    threshold = float(sigmoid(choice.threshold_score))
    return raw, {
        "value": defined(values["f1"] - 0.0123456),
        "threshold_score": choice.threshold_score,
        "threshold": threshold,
        "calibration_a": 1.0 + ask.number / 7,
        "calibration_b": ask.number / 9,
        "metrics": metrics,
    }


def _about(value: float, ends: Interval) -> Estimate:
    low, high = ends
    return Estimate(value=defined(value), low=defined(low), high=defined(high))


SEIZURES = {
    "threshold": {"policy": "sensitivity_at_fa_per_day", "fa_per_day": 48},
    "objective": {"metric": "event_sensitivity"},
    "events": {"drop_shorter_s": 2, "merge_gaps_s": 5},
}


def decoded(column: Column, rows: int) -> list[Any]:
    """Returns the values of an encoded column, of so many rows."""
    if isinstance(column, list):
        return column
    if "all" in column:
        return [column["all"]] * rows
    return [column["of"][number] for number in column["at"]]
