"""Light augmentation of photos in training: mirrored, moved by up to a tenth, or both."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from search.data.rows import Kind
from spaces.errors import RunError
from spaces.space import Augmentation
from spaces.study import Study

FURTHEST = 10
"""A photo is moved by at most one part in so many of its height and width."""


def check_augmentation(study: Study, kind: Kind) -> None:
    """Refuses augmentation of rows that are not photos.

    Args:
        study: names the augmentations in its space.
        kind: what the rows are.

    Raises:
        RunError: it names one other than none, and the rows are no images.
    """
    named = [how for how in study.space.augmentation if how != "none"]
    if named and kind != "image":
        raise RunError(
            f"space.augmentation mirrors and moves photos, but the rows are {kind} and it names "
            f"{', '.join(named)}; leave it out"
        )


def augment(x: NDArray[Any], how: Augmentation, rng: np.random.Generator) -> NDArray[Any]:
    """Changes each photo of a training batch a little, by chance.

    `flip` mirrors a photo left to right with a chance of 1/2. `shift` moves it by whole pixels, as likely
    each way and each distance up to a tenth of its height (and width, on its own); what comes in at an edge
    repeats the edge. `flip_shift` does both.

    Args:
        x: photos `(b, h, w, c)`, any type; left as it is.
        how: `none`, `flip`, `shift` or `flip_shift`.
        rng: equal states give equal results.

    Returns:
        Photos of the same shape and type: a new array, but for `none`, which returns `x`.

    Raises:
        ValueError: other than four axes.
    """
    if x.ndim != 4:
        raise ValueError(f"photos to augment must have the axes (b, h, w, c), but got shape {x.shape}")
    if how == "none" or x.size == 0:
        return x
    if how != "shift":
        x = _mirrored(x, rng.random(len(x)) < 0.5)
    if how != "flip":
        most_down, most_right = x.shape[1] // FURTHEST, x.shape[2] // FURTHEST
        down = rng.integers(-most_down, most_down, len(x), endpoint=True)
        right = rng.integers(-most_right, most_right, len(x), endpoint=True)
        x = _moved(x, down, right)
    return x


def _mirrored(x: NDArray[Any], which: NDArray[np.bool_]) -> NDArray[Any]:
    mirrored, chosen = x.copy(), x[which]
    for channel in range(x.shape[3]):  # numpy reverses whole pixels several times more slowly
        mirrored[..., channel][which] = chosen[:, :, ::-1, channel]
    return mirrored


def _moved(x: NDArray[Any], down: NDArray[np.int64], right: NDArray[np.int64]) -> NDArray[Any]:
    """Photos moved by whole pixels `(b,)` down and to the right, edges repeated.

    Photo by photo: each fits the processor's cache, which one gather of the whole batch does not.
    """
    moved = np.empty_like(x)
    lines = np.clip(np.arange(x.shape[1]) - down[:, None], 0, x.shape[1] - 1)
    for photo, taken, to, by in zip(x, lines, moved, right.tolist(), strict=True):
        lower = photo[taken]
        if by > 0:
            to[:, by:], to[:, :by] = lower[:, :-by], lower[:, :1]
        elif by < 0:
            to[:, :by], to[:, by:] = lower[:, -by:], lower[:, -1:]
        else:
            to[:] = lower
    return moved
