"""Names of Keras and its neighbours, old spellings too, as one name for each thing."""

import re
from collections.abc import Mapping
from types import MappingProxyType

_KERAS = re.compile(
    r"^(tensorflow(?=\.(losses|metrics)\.)|tensorflow(\.compat\.v[12])?(\.python)?\.keras|tf_keras|keras\.(api|src)(\._v2\.keras)?|keras_core"
    r"|tensorflow\.contrib\.keras(\.api\.keras)?|keras)(?=\.|$)"
)

UNBOUND: Mapping[str, str] = MappingProxyType(
    {
        "np": "numpy",
        "numpy": "numpy",
        "tf": "tensorflow",
        "tensorflow": "tensorflow",
        "keras": "keras",
        "K": "keras.backend",
        "pd": "pandas",
        "layers": "keras.layers",
        **{
            name: f"keras.{name}"
            for name in ("Sequential", "Model", "Input", "models", "losses", "metrics", "optimizers", "utils")
        },
        **{
            name: f"keras.layers.{name}"
            for name in (
                *(
                    "Dense",
                    "Activation",
                    "Dropout",
                    "Flatten",
                    "Conv1D",
                    "Conv2D",
                    "Conv3D",
                    "Softmax",
                    "LSTM",
                ),
                *("GRU", "SimpleRNN", "Bidirectional", "Embedding", "TimeDistributed", "Lambda", "ReLU"),
                *("BatchNormalization", "MaxPooling1D", "MaxPooling2D", "Convolution1D", "Convolution2D"),
                *("GlobalAveragePooling2D", "GlobalMaxPooling2D", "LeakyReLU", "Concatenate", "Reshape"),
                *("MaxPool2D", "GlobalAveragePooling1D", "InputLayer", "LayerNormalization"),
            )
        },
        **{
            name: f"keras.losses.{name}"
            for name in (
                *("BinaryCrossentropy", "CategoricalCrossentropy", "SparseCategoricalCrossentropy"),
                *("MeanSquaredError", "Hinge", "Huber"),
            )
        },
        "to_categorical": "keras.utils.to_categorical",
        "np_utils": "keras.utils",
        "ImageDataGenerator": "keras.preprocessing.image.ImageDataGenerator",
        "KerasClassifier": "keras.wrappers.scikit_learn.KerasClassifier",
        "train_test_split": "sklearn.train_test_split",
        **{
            name: f"sklearn.{name}"
            for name in (
                *("LabelEncoder", "LabelBinarizer", "MultiLabelBinarizer", "OneHotEncoder", "StandardScaler"),
                *("MinMaxScaler", "confusion_matrix", "classification_report", "accuracy_score", "roc_curve"),
                *("f1_score", "precision_score", "recall_score", "roc_auc_score", "precision_recall_curve"),
            )
        },
    }
)
"""What a name means that a program never binds: people show parts of programs without their imports."""


def canonical(dotted: str) -> str:
    """Returns one name for what has several.

    Keras under each of its names is `keras.`; layers, losses and metrics are `keras.layers.X` whatever the
    module they were once in; everything of scikit-learn is `sklearn.X`, of imbalanced-learn `imblearn.X`.
    """
    dotted = _KERAS.sub("keras", dotted)
    parts = dotted.split(".")
    if parts[0] == "keras" and len(parts) > 2 and parts[1] != "datasets":
        rooms = {"engine": "models", "engines": "models", "legacy": "layers", "activations": "activations"}
        room = rooms.get(parts[1], parts[1])
        return f"keras.{room}.{parts[-1]}"
    if parts[0] in ("sklearn", "imblearn") and len(parts) > 1:
        return f"{parts[0]}.{parts[-1]}"
    if dotted.startswith(("tensorflow.python.", "tensorflow.compat.v1.")):
        return "tensorflow." + dotted.removeprefix("tensorflow.python.").removeprefix("tensorflow.compat.v1.")
    return dotted


ACTIVATIONS: Mapping[str, str] = MappingProxyType(
    {
        **{
            name: name
            for name in (
                *("linear", "sigmoid", "softmax", "tanh", "relu", "elu", "selu", "softplus", "softsign"),
                *(
                    "exponential",
                    "hard_sigmoid",
                    "log_softmax",
                    "relu6",
                    "leaky_relu",
                    "gelu",
                    "silu",
                    "mish",
                ),
                "log_sigmoid",
            )
        },
        "swish": "silu",
    }
)
"""Names of activations, each with the one it has here; other names are unknown."""
NON_NEGATIVE = frozenset({"relu", "relu6", "softplus", "exponential"})
UNBOUNDED = NON_NEGATIVE | {"elu", "selu", "leaky_relu", "gelu", "silu", "mish"}
"""Activations whose values are neither probabilities nor held between two bounds."""
BOUNDED = frozenset({"sigmoid", "softmax", "tanh", "hard_sigmoid", "softsign"})
PROBABILITIES = frozenset({"sigmoid", "softmax", "hard_sigmoid"})


def snake(name: str) -> str:
    """Returns the snake_case of a class name."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", name).lower()


_LOSSES: Mapping[str, str] = MappingProxyType(
    {
        "mse": "mean_squared_error",
        "mae": "mean_absolute_error",
        "mape": "mean_absolute_percentage_error",
        "msle": "mean_squared_logarithmic_error",
        "bce": "binary_crossentropy",
        "kld": "kl_divergence",
        "kullback_leibler_divergence": "kl_divergence",
        "kldivergence": "kl_divergence",
        "kl_divergence": "kl_divergence",
        "logcosh": "log_cosh",
        "huber_loss": "huber",
        "rmse": "root_mean_squared_error",
        "binary_cross_entropy": "binary_crossentropy",
        "log_loss": "binary_crossentropy",
    }
)
LOSSES = frozenset(
    {
        *_LOSSES.values(),
        *("categorical_crossentropy", "sparse_categorical_crossentropy", "binary_focal_crossentropy"),
        *("categorical_focal_crossentropy", "hinge", "squared_hinge", "categorical_hinge", "poisson"),
        *("cosine_similarity", "log_cosh", "huber"),
    }
)
SQUARED = frozenset(
    {
        *("mean_squared_error", "mean_absolute_error", "mean_absolute_percentage_error", "huber", "log_cosh"),
        *("mean_squared_logarithmic_error", "root_mean_squared_error"),
    }
)
"""Losses of numbers."""
ENTROPIES = frozenset(
    {
        *("binary_crossentropy", "categorical_crossentropy", "sparse_categorical_crossentropy"),
        *("binary_focal_crossentropy", "categorical_focal_crossentropy"),
    }
)
HINGES = frozenset({"hinge", "squared_hinge"})


_ACCURACIES = frozenset(
    {
        *("accuracy", "acc", "binary_accuracy", "categorical_accuracy", "sparse_categorical_accuracy"),
        *("top_k_categorical_accuracy", "sparse_top_k_categorical_accuracy"),
    }
)


def loss_name(written: str) -> str | None:
    """Returns the name that Keras gives the function of a loss, or None for one it does not have."""
    name = snake(written) if written != written.lower() else written
    name = _LOSSES.get(written.lower(), _LOSSES.get(name, name))
    if name.removesuffix("_v2") in LOSSES:
        return name.removesuffix("_v2")
    return "accuracy" if name in _ACCURACIES else None


_METRICS: Mapping[str, str] = MappingProxyType(
    {
        "acc": "accuracy",
        "sparse_categorical_accuracy": "sparse_categorical_accuracy",
        "a_u_c": "auc",
        "f1score": "f1_score",
        "f1_score": "f1_score",
        "f_beta_score": "fbeta_score",
        "fbeta_score": "fbeta_score",
    }
)
METRICS = frozenset(
    {
        *("accuracy", "binary_accuracy", "categorical_accuracy", "sparse_categorical_accuracy", "precision"),
        *("recall", "auc", "f1_score", "fbeta_score"),
    }
)


def metric_name(written: str) -> str | None:
    """Returns the name of a metric, or None for one that no rule speaks of."""
    name = snake(written) if written != written.lower() else written
    name = _METRICS.get(name, _METRICS.get(written.lower(), name))
    return name if name in METRICS else loss_name(written)
