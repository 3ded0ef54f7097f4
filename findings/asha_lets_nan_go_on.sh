#!/usr/bin/env bash
# Guess: a trial that reports NaN at a rung, as a diverged one does, is stopped there: it is the worst of all.
# Seen (2026-11-28): Ray Tune's ASHAScheduler lets it go on to the last epoch, at every rung, whichever way `mode` points, while it
# stops trials with real values; for a comparison with NaN is never true. (Optuna's pruners take NaN for the worst value.)
# Why it matters: each diverged configuration of a search over learning rates costs what the best one costs. Report the worst
# possible value in its place, or end the trial.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check "ray[tune]==2.60.0" numpy==2.4.6 optuna==5.0.0
cd "$folder"
TUNE_DISABLE_AUTO_CALLBACK_LOGGERS=1 RAY_TRAIN_ENABLE_V2_MIGRATION_WARNINGS=0 venv/bin/python - <<'PY' 2> /dev/null
import logging
import math
import os
from importlib.metadata import version

import optuna
import ray
from ray import tune
from ray.tune.schedulers import ASHAScheduler

EPOCHS, VALUES = 9, [0.9, 0.8, 0.7, 0.3, 0.2, math.nan, 0.1]


def train(config):
    for _ in range(EPOCHS):
        tune.report({"value": config["value"]})


ray.init("local", num_cpus=1, include_dashboard=False, logging_level=logging.ERROR, log_to_driver=False)
epochs = {}
for mode in ("max", "min"):
    results = tune.Tuner(
        train,
        param_space={"value": tune.grid_search(VALUES if mode == "max" else [-value for value in VALUES])},
        tune_config=tune.TuneConfig(
            metric="value",
            mode=mode,
            max_concurrent_trials=1,
            scheduler=ASHAScheduler(max_t=EPOCHS, grace_period=1, reduction_factor=3),
        ),
        run_config=tune.RunConfig(callbacks=[], verbose=0, storage_path=os.getcwd()),
    ).fit()
    epochs[mode] = [result.metrics["training_iteration"] for result in results]

study = optuna.create_study(direction="maximize", pruner=optuna.pruners.PercentilePruner(33, n_startup_trials=1))
pruned = []
for value in VALUES:
    trial = study.ask()
    trial.report(value, 1)
    pruned.append(trial.should_prune())
    study.tell(trial, state=optuna.trial.TrialState.PRUNED if pruned[-1] else optuna.trial.TrialState.FAIL) \
        if pruned[-1] or math.isnan(value) else study.tell(trial, value)

nan = [math.isnan(value) for value in VALUES].index(True)
print(f"ray {version('ray')}, optuna {version('optuna')}; trials, the best first, one after another: {VALUES}")
print(f"epochs that ASHA lets each train, of {EPOCHS}: max {epochs['max']}, min (of the negatives) {epochs['min']}")
print(f"Optuna's PercentilePruner stops at the first epoch: {pruned}")
for found in epochs.values():
    assert found[nan] == EPOCHS and max(found[nan - 1], found[nan + 1]) == 1, "the finding has changed"
assert pruned[nan], "the finding has changed"
PY
