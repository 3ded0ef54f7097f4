"""Where the best trial stands in its space: a best value at the end of its range asks for a wider one."""

import json
import math
from collections.abc import Mapping
from typing import Any

EDGE = 0.05
"""Share of a range, on its own scale, that counts as its end."""
FLOORS = {"dropout": 0.0, "label_smoothing": 0.0, "focal_gamma": 0.0}
"""Ends that no range can go beyond; standing there says nothing."""


def edges(best: Mapping[str, Any], study: Mapping[str, Any]) -> list[str]:
    """Returns a line for each drawn number of the best trial that lies at an end of its range.

    Args:
        best: its row of the leaderboard.
        study: the run's study with every default, as `study.yaml` holds it.
    """
    if best["kind"] != "search" or not best["params"]:
        return []
    drawn: dict[str, Any] = json.loads(best["params"])
    notes = []
    for name, values in study["space"].items():
        if name not in drawn or not isinstance(values, Mapping) or not {"low", "high"} <= values.keys():
            continue
        low, high, value = float(values["low"]), float(values["high"]), float(drawn[name])
        if low == high:
            continue
        place = _share(low, high, value, log=bool(values.get("log")))
        end = "lower" if place <= EDGE else "upper" if place >= 1 - EDGE else None
        if end is None or (end == "lower" and FLOORS.get(name) == low):
            continue
        notes.append(
            f"{name} {value:.2g} of the best trial lies at the {end} end of its range ({low:g} to {high:g}): "
            f"widen space.{name}"
        )
    epochs = study["training"]["epochs"]
    if best["best_epoch"] is not None and best["best_epoch"] == best["epochs"] == epochs:
        notes.append(f"the best trial was still improving in its last epoch, {epochs}: raise training.epochs")
    return notes


def _share(low: float, high: float, value: float, *, log: bool) -> float:
    """How far up a range a value lies, from 0 to 1."""
    if log:
        low, high, value = math.log(low), math.log(high), math.log(value)
    return (value - low) / (high - low)
