"""The rows that a trial trains and validates on, and their features of frozen layers."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from search.data.shards import Inputs, Part


@dataclass(frozen=True, eq=False)
class Features:
    """What a network's frozen layers make of the rows of a trial: `(n, units)` float32 each."""

    train: Inputs
    validation: Inputs


@dataclass(frozen=True, eq=False)
class TrialData:
    """What a trial sees: inputs `(n, ...)` and labels `(n, ...)`, to train and to validate on.

    Where there are features, the layers above them are trained on these in place of the inputs.
    """

    x_train: Inputs
    y_train: NDArray[Any]
    x_validation: Inputs
    y_validation: NDArray[Any]
    features: Features | None = None


def features_of(
    features: Inputs | None, train: NDArray[np.int64], validation: NDArray[np.int64]
) -> Features | None:
    """Takes the features of a trial's rows out of those of more rows; None where there are none.

    Args:
        features: `(n, units)`.
        train, validation: which of them, `(k,)` each.
    """
    return None if features is None else Features(Part(features, train), Part(features, validation))


def in_place_of_rows(data: TrialData) -> TrialData:
    """Returns what is trained on: the features in place of the rows, where there are any."""
    features = data.features
    if features is None:
        return data
    return TrialData(features.train, data.y_train, features.validation, data.y_validation)
