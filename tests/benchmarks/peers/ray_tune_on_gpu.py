"""Plain Ray Tune with several trials to the GPU: a function trainable, OptunaSearch and ASHA, Keras on JAX.

It reads the rows of a folder, and writes how many epochs every trial trained.
"""

import argparse
import json
from pathlib import Path
from typing import Any

import numpy as np
import ray
from ray import tune
from ray.tune.schedulers import ASHAScheduler
from ray.tune.search.optuna import OptunaSearch

from tests.benchmarks.peers import given

BATCH = 64


def train(config: dict[str, Any], epochs: int, x: Any, y: Any, x_val: Any, y_val: Any) -> None:
    """Trains one configuration and reports every epoch."""
    import keras

    from tests.benchmarks.peers import network

    model = network.compiled("conv2d", config["head"], config["learning_rate"], "adam", config["dropout"])
    model.fit(
        x,
        y,
        batch_size=BATCH,
        epochs=epochs,
        validation_data=(x_val, y_val),
        class_weight=given.class_weight(config["class_weight"], y),
        callbacks=[
            keras.callbacks.LambdaCallback(
                on_epoch_end=lambda epoch, logs: tune.report({"val_pr_auc": logs["val_pr_auc"]})
            )
        ],
        verbose=0,
    )


def main() -> None:
    """Searches until so many trials have ended."""
    parser = argparse.ArgumentParser()
    parser.add_argument("data", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--trials", type=int, required=True)
    parser.add_argument("--epochs", type=int, required=True)
    parser.add_argument("--grace", type=int, required=True)
    parser.add_argument("--gpus", type=float, required=True)
    said = parser.parse_args()
    ray.init(address="local", include_dashboard=False)
    rows = [np.load(said.data / f"{name}_{part}.npy") for part in ("train", "validation") for name in "xy"]
    x, y, x_val, y_val = rows
    trainable = tune.with_parameters(train, epochs=said.epochs, x=x, y=y, x_val=x_val, y_val=y_val)
    found = tune.Tuner(
        tune.with_resources(trainable, {"cpu": 1, "gpu": said.gpus}),
        param_space={
            "head": tune.choice(given.HEADS),
            "learning_rate": tune.loguniform(*given.LEARNING_RATE),
            "dropout": tune.uniform(*given.DROPOUT),
            "class_weight": tune.choice(given.CLASS_WEIGHTS),
        },
        tune_config=tune.TuneConfig(
            metric="val_pr_auc",
            mode="max",
            search_alg=OptunaSearch(seed=0),
            scheduler=ASHAScheduler(
                time_attr="training_iteration", max_t=said.epochs, grace_period=said.grace, reduction_factor=3
            ),
            num_samples=said.trials,
        ),
        run_config=tune.RunConfig(name="tune", storage_path=str(said.out.resolve())),
    ).fit()
    epochs = [(result.metrics or {}).get("training_iteration", 0) for result in found]
    (said.out / "epochs.json").write_text(json.dumps(epochs))


if __name__ == "__main__":
    main()
