"""Optuna by itself, after its Keras example: `study.optimize` with TPE and a median pruner."""

import keras
import optuna
from optuna_integration import KerasPruningCallback

from tests.benchmarks.peers import given, network
from tests.benchmarks.peers.journal import Journal


def main() -> None:
    """Searches until the time is up."""
    task = given.given()
    keras.utils.set_random_seed(task.seed)
    x, y = task.rows("train")
    validation = task.rows("validation")

    def objective(trial: optuna.Trial) -> float:
        # As the example does: models of earlier trials would otherwise stay in memory.
        keras.backend.clear_session()
        model = network.compiled(
            task.form,
            head=trial.suggest_categorical("head", given.HEADS),
            learning_rate=trial.suggest_float("learning_rate", *given.LEARNING_RATE, log=True),
            optimizer=trial.suggest_categorical("optimizer", given.OPTIMIZERS),
            dropout=trial.suggest_float("dropout", *given.DROPOUT),
        )
        history = model.fit(
            x,
            y,
            batch_size=task.batch,
            epochs=given.EPOCHS,
            validation_data=validation,
            class_weight=given.class_weight(
                trial.suggest_categorical("class_weight", given.CLASS_WEIGHTS), y
            ),
            callbacks=[
                Journal(task.out, task.began, f"{trial.number:04d}", len(y)),
                KerasPruningCallback(trial, "val_pr_auc"),
            ],
            verbose=0,
        )
        return max(history.history["val_pr_auc"])

    study = optuna.create_study(
        direction="maximize",
        sampler=optuna.samplers.TPESampler(seed=task.seed),
        pruner=optuna.pruners.MedianPruner(),
    )
    study.optimize(objective, timeout=task.seconds)


if __name__ == "__main__":
    main()
