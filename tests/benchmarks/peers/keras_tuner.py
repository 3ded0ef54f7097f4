"""KerasTuner, after its guide "Getting started": Hyperband over a hypermodel with a `fit` of its own."""

import itertools
from typing import Any

import keras
import keras_tuner

from tests.benchmarks.peers import given, network
from tests.benchmarks.peers.journal import Journal


class SeizureModel(keras_tuner.HyperModel):
    """The network, and how it is fitted.

    Args:
        task: the task.
        y: labels to train on.
    """

    def __init__(self, task: given.Given, y: Any) -> None:
        super().__init__()
        self._task, self._y = task, y
        # Hyperband trains its best trials further as new ones, which start from the old one's weights.
        self._numbers = itertools.count()

    def build(self, hp: Any) -> Any:
        return network.compiled(
            self._task.form,
            head=hp.Choice("head", given.HEADS),
            learning_rate=hp.Float("learning_rate", *given.LEARNING_RATE, sampling="log"),
            optimizer=hp.Choice("optimizer", given.OPTIMIZERS),
            dropout=hp.Float("dropout", *given.DROPOUT),
        )

    def fit(self, hp: Any, model: Any, *args: Any, callbacks: Any = (), **kwargs: Any) -> Any:
        journal = Journal(self._task.out, self._task.began, f"{next(self._numbers):04d}", len(self._y))
        return model.fit(
            *args,
            class_weight=given.class_weight(hp.Choice("class_weight", given.CLASS_WEIGHTS), self._y),
            callbacks=[journal, *callbacks],
            **kwargs,
        )


def main() -> None:
    """Searches until it is ended."""
    task = given.given()
    keras.utils.set_random_seed(task.seed)
    x, y = task.rows("train")
    tuner = keras_tuner.Hyperband(
        SeizureModel(task, y),
        objective=keras_tuner.Objective("val_pr_auc", direction="max"),
        max_epochs=given.EPOCHS,
        factor=3,
        # "As high a value as is within your resource budget": here the time ends it.
        hyperband_iterations=1000,
        seed=task.seed,
        directory=task.out,
        project_name="hyperband",
    )
    tuner.search(x, y, batch_size=task.batch, validation_data=task.rows("validation"), verbose=0)


if __name__ == "__main__":
    main()
