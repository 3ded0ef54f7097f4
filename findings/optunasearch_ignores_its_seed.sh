#!/usr/bin/env bash
# Guess: OptunaSearch(sampler=..., seed=1) draws the same first configurations in every process.
# Seen (2026-11-27): `seed` is used only for the sampler that OptunaSearch makes itself. Beside a sampler of one's own it is
# accepted, and ignored without a word: two searchers of one seed suggest different values. Without `sampler` they suggest the same.
# Why it matters: a search over heads that is thought to be repeatable is not. Seed the sampler itself.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check "ray[tune]==2.60.0" optuna==5.0.0
"$folder/venv/bin/python" - <<'PY' 2> /dev/null
from importlib.metadata import version

import optuna
from ray.tune.search.optuna import OptunaSearch

optuna.logging.set_verbosity(optuna.logging.ERROR)
SPACE = {"learning_rate": optuna.distributions.FloatDistribution(1e-4, 1e-2, log=True)}


def first(**more):
    searcher = OptunaSearch(SPACE, metric="f1", mode="max", seed=1, **more)
    return [searcher.suggest(str(number))["learning_rate"] for number in range(3)]


own = first() == first()
given = first(sampler=optuna.samplers.RandomSampler()) == first(sampler=optuna.samplers.RandomSampler())
print(f"ray {version('ray')}, optuna {version('optuna')}")
print(f"same first three suggestions of two searchers with seed=1: {own} without a sampler, {given} with one")
assert (own, given) == (True, False), "the finding has changed"
PY
