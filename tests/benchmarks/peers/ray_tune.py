"""Plain Ray Tune, after its user guides: a function trainable, OptunaSearch and ASHA, one CPU per trial."""

from typing import Any

import ray
from ray import tune
from ray.tune.schedulers import ASHAScheduler
from ray.tune.search.optuna import OptunaSearch

from tests.benchmarks.peers import given


def train(config: dict[str, Any], task: given.Given, x: Any, y: Any, x_val: Any, y_val: Any) -> None:
    """Trains one configuration and reports every epoch."""
    # In the worker and not before: the driver needs no TensorFlow.
    import keras

    from tests.benchmarks.peers import network
    from tests.benchmarks.peers.journal import Journal

    keras.utils.set_random_seed(task.seed)
    model = network.compiled(
        task.form, config["head"], config["learning_rate"], config["optimizer"], config["dropout"]
    )
    trial = tune.get_context().get_trial_id()
    model.fit(
        x,
        y,
        batch_size=task.batch,
        epochs=given.EPOCHS,
        validation_data=(x_val, y_val),
        class_weight=given.class_weight(config["class_weight"], y),
        callbacks=[
            Journal(task.out, task.began, trial, len(y)),
            keras.callbacks.LambdaCallback(
                on_epoch_end=lambda epoch, logs: tune.report({"val_pr_auc": logs["val_pr_auc"]})
            ),
        ],
        verbose=0,
    )


def main() -> None:
    """Searches until the time is up."""
    task = given.given()
    # Private to this process: another Ray on this machine is neither joined nor found.
    ray.init(address="local", include_dashboard=False)
    x, y = task.rows("train")
    x_val, y_val = task.rows("validation")
    tuner = tune.Tuner(
        tune.with_parameters(train, task=task, x=x, y=y, x_val=x_val, y_val=y_val),
        param_space={
            "head": tune.choice(given.HEADS),
            "learning_rate": tune.loguniform(*given.LEARNING_RATE),
            "optimizer": tune.choice(given.OPTIMIZERS),
            "dropout": tune.uniform(*given.DROPOUT),
            "class_weight": tune.choice(given.CLASS_WEIGHTS),
        },
        tune_config=tune.TuneConfig(
            metric="val_pr_auc",
            mode="max",
            search_alg=OptunaSearch(seed=task.seed),
            scheduler=ASHAScheduler(
                time_attr="training_iteration", max_t=given.EPOCHS, grace_period=1, reduction_factor=3
            ),
            num_samples=-1,
            time_budget_s=task.seconds,
        ),
        run_config=tune.RunConfig(name="tune", storage_path=str(task.out.resolve())),
    )
    tuner.fit()


if __name__ == "__main__":
    main()
