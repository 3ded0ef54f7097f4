"""Augmented photos are the given ones, mirrored and moved, as a slow version has them."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from search.networks.augmentation import augment, check_augmentation
from spaces.errors import RunError
from spaces.space import Space
from spaces.study import Study

HOWS = ("none", "flip", "shift", "flip_shift")


def drawn(seed=0, shape=(12, 21, 30, 3), dtype=np.uint8):
    return np.random.default_rng(seed).integers(0, 256, shape).astype(dtype)


def moved(photo, down, right):
    """A photo moved by whole pixels: made larger by its edges, and cut out again elsewhere."""
    h, w, _ = photo.shape
    larger = np.pad(photo, ((h, h), (w, w), (0, 0)), mode="edge")
    return larger[h - down : 2 * h - down, w - right : 2 * w - right]


def found_by_trying(photo, came, mirrored):
    """Every (mirrored, down, right) that makes `came` of a photo."""
    down, right = photo.shape[0] // 10, photo.shape[1] // 10
    return [
        (flip, d, r)
        for flip in mirrored
        for d in range(-down, down + 1)
        for r in range(-right, right + 1)
        if np.array_equal(moved(photo[:, ::-1] if flip else photo, d, r), came)
    ]


@pytest.mark.parametrize("how", HOWS)
@given(
    seed=st.integers(0, 1000),
    shape=st.tuples(st.integers(1, 5), st.integers(1, 24), st.integers(1, 24), st.integers(1, 4)),
    dtype=st.sampled_from([np.uint8, np.float32]),
)
@settings(deadline=None, max_examples=60)
def test_photos_come_back_mirrored_or_moved_and_no_other_way(how, seed, shape, dtype):
    x = drawn(seed, shape, dtype)
    kept = x.copy()
    x.flags.writeable = False  # as a mapped array is
    came = augment(x, how, np.random.default_rng(seed))
    np.testing.assert_array_equal(x, kept)
    assert (came.shape, came.dtype) == (x.shape, x.dtype)
    np.testing.assert_array_equal(came, augment(x, how, np.random.default_rng(seed)))
    mirrored = (False, True) if "flip" in how else (False,)
    for photo, other in zip(x, came, strict=True):
        if "shift" in how:
            assert found_by_trying(photo, other, mirrored)
        else:
            assert any(np.array_equal(photo[:, ::-1] if flip else photo, other) for flip in mirrored)


@given(st.integers(0, 1000))
@settings(deadline=None, max_examples=30)
def test_a_photo_mirrored_twice_is_itself(seed):
    x = drawn(seed)
    once = augment(x, "flip", np.random.default_rng(seed))
    twice = augment(once, "flip", np.random.default_rng(seed))  # the same photos again
    np.testing.assert_array_equal(twice, x)


def test_half_are_mirrored_and_every_move_is_as_likely():
    x = drawn(shape=(20_000, 20, 11, 1))[:1].repeat(20_000, axis=0)
    came = augment(x, "flip_shift", np.random.default_rng(0))
    kinds, counts = np.unique(came.reshape(len(x), -1), axis=0, return_counts=True)
    ways = [found_by_trying(x[0], kind.reshape(x[0].shape), (False, True)) for kind in kinds]
    assert all(len(way) == 1 for way in ways)
    assert {way[0] for way in ways} == {(f, d, r) for f in (0, 1) for d in range(-2, 3) for r in (-1, 0, 1)}
    expected = len(x) / (2 * 5 * 3)
    assert np.abs(counts - expected).max() < 5 * np.sqrt(expected)


def test_photos_of_a_batch_differ_and_small_ones_stay_in_place():
    x = drawn()[:1].repeat(64, axis=0)
    assert len(np.unique(augment(x, "shift", np.random.default_rng(0)), axis=0)) > 16
    small = drawn(shape=(8, 9, 9, 3))
    np.testing.assert_array_equal(augment(small, "shift", np.random.default_rng(0)), small)
    empty = drawn(shape=(0, 9, 9, 3))
    assert augment(empty, "flip_shift", np.random.default_rng(0)).shape == empty.shape


@pytest.mark.parametrize("how", HOWS)
def test_other_than_four_axes_are_refused(how):
    with pytest.raises(ValueError, match=r"axes \(b, h, w, c\), but got shape \(4, 4, 3\)"):
        augment(np.zeros((4, 4, 3)), how, np.random.default_rng(0))


def test_augmentation_is_for_photos():
    study = Study(space=Space(augmentation=("none", "flip", "flip_shift")))
    check_augmentation(study, "image")
    check_augmentation(Study(), "eeg")
    check_augmentation(Study(space=Space(augmentation=("none",))), "table")
    with pytest.raises(
        RunError, match="photos, but the rows are eeg and it names flip, flip_shift; leave it out"
    ):
        check_augmentation(study, "eeg")
