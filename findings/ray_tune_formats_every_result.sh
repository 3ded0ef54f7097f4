#!/usr/bin/env bash
# Guess: Ray Tune never looks into the values of a result that no logger is asked for; its log is at WARNING or INFO.
# Seen (2026-11-28): its controller formats every result with `repr` for lines of its debug log, whatever the level: with no
# logger of results either, 12 times for 3 results.
# One numpy array that is formatted so takes about a millisecond; the weights of a network are dozens.
# Why it matters: a search of short trials is bound by that thread. Results that carry arrays need a short `__repr__`.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check "ray[tune]==2.60.0" numpy==2.4.6
cat > "$folder/trainable.py" <<'PY'
import os

from ray import tune


class Payload:
    def __repr__(self):
        with open(os.environ["SEEN"], "a") as file:
            file.write(f"{os.getpid()}\n")
        return "payload"


class Trainable(tune.Trainable):
    def step(self):
        return {"score": 1.0, "payload": Payload(), "done": True}

    def save_checkpoint(self, folder):
        return None
PY
cd "$folder"
export SEEN="$folder/seen" TUNE_DISABLE_AUTO_CALLBACK_LOGGERS=1 RAY_TRAIN_ENABLE_V2_MIGRATION_WARNINGS=0
touch seen
venv/bin/python - <<'PY' 2> /dev/null
import logging
import os
from importlib.metadata import version

import ray
from ray import tune

from trainable import Trainable

ray.init("local", num_cpus=1, include_dashboard=False, logging_level=logging.ERROR, log_to_driver=False,
         runtime_env={"env_vars": {"PYTHONPATH": os.getcwd(), "SEEN": os.environ["SEEN"]}})
TRIALS = 3
tune.Tuner(
    Trainable,
    tune_config=tune.TuneConfig(metric="score", mode="max", num_samples=TRIALS, max_concurrent_trials=1),
    run_config=tune.RunConfig(callbacks=[], verbose=0, storage_path=os.getcwd()),
).fit()
in_driver = open("seen").read().split().count(str(os.getpid()))
enabled = logging.getLogger("ray.tune").isEnabledFor(logging.DEBUG)
print(f"ray {version('ray')}: debug log on: {enabled}; {TRIALS} results, formatted {in_driver} times by the driver")
assert not enabled and in_driver >= 2 * TRIALS, "the finding has changed"
PY
