"""Which class each window of a recording has, where types of seizures are classes of their own."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from search.data.sources.eeg import annotations, open_ends
from search.data.sources.eeg.annotation_formats import Interval
from search.data.sources.eeg.layouts import Found
from search.data.sources.eeg.stretches import seizures_within, shared
from search.data.task_labels import Classes
from spaces.eeg import Eeg
from spaces.errors import RunError


def classes_of(config: Eeg) -> Classes:
    """Returns background and the classes that a study names, in its order."""
    return Classes(config.answers)


def as_seizures(config: Eeg) -> Eeg:
    """Returns settings by which every type that a study gives a class is a seizure."""
    return config.model_copy(update={"seizure_types": (*config.seizure_types, *config.classes)})


def intervals(found: Found, config: Eeg, duration_s: float) -> tuple[tuple[Interval, ...], ...]:
    """Returns the seizures of each class of `classes_of` but background, ascending.

    Raises:
        RunError: the annotations name no types, or a seizure is of a type without a class.
    """
    if found.layout != "bids":
        raise RunError(
            "data.classes are types of events, which annotations of layout bids name, but this one is of "
            f"{found.layout}; leave data.classes out for seizure or background"
        )
    # The others are listed as no seizures, which comes before what is known as one.
    if _read(found, config, (), tuple(config.classes)):
        raise RunError(
            "every type of seizure needs a class, but an event is of a type that data.classes does not "
            f"list: {', '.join(config.classes)}; list it there or in data.other_types"
        )
    every = []
    for name in dict.fromkeys(config.classes.values()):
        mine = tuple(kind for kind, of in config.classes.items() if of == name)
        others = tuple(kind for kind, of in config.classes.items() if of != name)
        ended, _, _ = open_ends.closed(_read(found, config, mine, others), True, config.assumed_duration_s)
        every.append(annotations.tidy(ended, duration_s, True)[0])
    return tuple(every)


def _read(
    found: Found, config: Eeg, seizures: tuple[str, ...], others: tuple[str, ...]
) -> tuple[Interval, ...]:
    asked = {"seizure_types": seizures, "other_types": (*config.other_types, *others)}
    return annotations.read(found, config.model_copy(update=asked))[0]


def kinds(
    of_classes: Sequence[Sequence[Interval]], recorded: Sequence[Interval], kept: Sequence[Interval]
) -> tuple[tuple[float, float, int], ...]:
    """Returns start, end and class of each seizure, ascending; see `Recording`.

    Args:
        of_classes: from `intervals`.
        recorded: the stretches of the signal.
        kept: those that rows are cut from.
    """
    within = (shared(seizures_within(mine, recorded, True)[0], kept) for mine in of_classes)
    return tuple(
        sorted((start, end, code) for code, mine in enumerate(within, start=1) for start, end in mine)
    )


def codes(
    starts_s: NDArray[np.float64], config: Eeg, of_classes: Sequence[Sequence[Interval]]
) -> NDArray[np.int16]:
    """Returns the class of each window, `(n,)`: that which fills most of it, from `data.min_overlap` on.

    Args:
        starts_s: starts of windows in seconds, `(n,)`.
        config: their length, and `min_overlap`.
        of_classes: from `intervals`.
    """
    shares = np.stack([annotations.seizure_share(starts_s, config.window_s, mine) for mine in of_classes])
    most = shares.argmax(axis=0)
    return np.where(shares.max(axis=0) >= config.min_overlap, most + 1, 0).astype(np.int16)
