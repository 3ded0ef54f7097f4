"""The network that every peer tunes: Liu et al. 2020 (arXiv 2001.06282), written in Keras the usual way."""

from typing import Any

import keras
from keras import layers

from tests.benchmarks import machine


class PositivePR(keras.metrics.AUC):
    """Area under the precision-recall curve of two softmax columns: that of the positive one."""

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        super().update_state(y_true, y_pred[:, 1], sample_weight)


def compiled(form: str, head: str, learning_rate: float, optimizer: str, dropout: float) -> Any:
    """Builds and compiles the network; `val_pr_auc` is what is searched for.

    Args:
        form: `conv3d`, the authors' own, for rows `(32, 9, 19, 1)`; or `conv2d`, for `(32, 9, 19)`, which
            also trains in the precision that ours does.
        head: `sigmoid` with binary cross-entropy, or `softmax` over two with sparse cross-entropy.
        learning_rate: of the optimizer.
        optimizer: `adam`, `sgd` or `adamw`.
        dropout: before the last layer.
    """
    if form == "conv2d" and (precision := machine.precision()) != "none":
        keras.config.set_dtype_policy(f"mixed_{precision}")
    model = keras.Sequential(conv3d() if form == "conv3d" else conv2d())
    model.add(layers.Flatten())
    model.add(layers.Dropout(0.5))
    model.add(layers.Dense(256, activation="relu"))
    model.add(layers.Dropout(dropout))
    if head == "sigmoid":
        model.add(layers.Dense(1, activation="sigmoid", dtype="float32"))
        loss, metric = "binary_crossentropy", keras.metrics.AUC(curve="PR", name="pr_auc")
    else:
        model.add(layers.Dense(2, activation="softmax", dtype="float32"))
        loss, metric = "sparse_categorical_crossentropy", PositivePR(curve="PR", name="pr_auc")
    optimizers = {
        "adam": lambda: keras.optimizers.Adam(learning_rate),
        "sgd": lambda: keras.optimizers.SGD(learning_rate, momentum=0.9),
        "adamw": lambda: keras.optimizers.AdamW(learning_rate),
    }
    model.compile(optimizer=optimizers[optimizer](), loss=loss, metrics=[metric])
    return model


def conv3d() -> list[Any]:
    """As published: the first kernel spans all 19 channels."""
    return [
        keras.Input((32, 9, 19, 1)),
        layers.BatchNormalization(),
        layers.Conv3D(32, (3, 3, 19), activation="relu"),
        layers.MaxPooling3D((2, 1, 1)),
        layers.BatchNormalization(),
        layers.Conv3D(64, (3, 3, 1), activation="relu"),
        layers.MaxPooling3D((2, 1, 1)),
        layers.BatchNormalization(),
        layers.Conv3D(64, (3, 3, 1), activation="relu"),
    ]


def conv2d() -> list[Any]:
    """The same as convolutions over a plane, the 19 channels being its colours."""
    return [
        keras.Input((32, 9, 19)),
        layers.BatchNormalization(),
        layers.Conv2D(32, 3, activation="relu"),
        layers.MaxPooling2D((2, 1)),
        layers.BatchNormalization(),
        layers.Conv2D(64, 3, activation="relu"),
        layers.MaxPooling2D((2, 1)),
        layers.BatchNormalization(),
        layers.Conv2D(64, 3, activation="relu"),
    ]
