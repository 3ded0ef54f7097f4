"""Simulated photos, and a MobileNet that somebody else could have trained, to start from."""

from pathlib import Path
from typing import Any

import numpy as np
import yaml
from numpy.typing import NDArray

from search.data.sources.images import decode, refuse_bad
from search.data.sources.photo_folders import photos_below


def load_folder(path: Path, size: int) -> tuple[NDArray[np.uint8], list[str]]:
    """Reads all photos below a folder, `x` `(n, size, size, 3)`, and each one's path below it, sorted."""
    root, found = photos_below(path)
    x, _, bad = decode(found, size, below=root)
    refuse_bad(bad, len(found))
    return x, [photo.relative_to(root).as_posix() for photo in found]


def published(side: int = 96, width: float = 0.25) -> Any:
    """A MobileNet without its top, as somebody else would have trained it: no weight is a default."""
    import keras

    keras.utils.set_random_seed(0)
    shape = (side, side, 3)
    made = keras.applications.MobileNet(input_shape=shape, alpha=width, include_top=False, weights=None)
    rng = np.random.default_rng(0)
    made.set_weights([w * rng.uniform(0.8, 1.2, w.shape) for w in made.get_weights()])
    for layer in made.layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            layer.momentum = 0.0  # its averages are those of the one batch that follows
    made(rng.uniform(-1, 1, (16, *shape)).astype(np.float32), training=True)
    return made


def draw(n: int, side: int, seed: int = 0, apart: float = 40.0) -> tuple[Any, Any]:
    """Draws photos `(n, side, side, 3)` uint8 and labels `(n,)`: a faint bright corner is positive."""
    rng = np.random.default_rng(seed)
    y = (rng.random(n) < 0.5).astype(np.int8)
    x = rng.integers(0, 216, (n, side, side, 3))
    corner = slice(0, side // 2)
    x[:, corner, corner] += (apart * y * rng.random(n)).astype(np.int64)[:, None, None, None]
    return x.astype(np.uint8), y


def write_study(folder: Path, n: int = 144, side: int = 32, **changes: Any) -> Path:
    """Writes photos of 24 groups, weights and a study with a frozen trunk; returns the study's path."""
    folder.mkdir(parents=True, exist_ok=True)
    x, y = draw(n, side)
    np.savez(folder / "photos.npz", X=x, y=y, group=np.array([f"g{k % 24:02d}" for k in range(n)]))
    published(max(side, 32)).save_weights(folder / "photos.weights.h5")
    study = {
        "name": "photos",
        "data": {"source": "npz", "path": str(folder / "photos.npz"), "group": "group"},
        "trunk": {
            "name": "mobilenet_v1",
            "width": 0.25,
            "weights": str(folder / "photos.weights.h5"),
            "frozen": True,
        },
        "training": {"epochs": 3},
        "asha": {"enabled": False},
        **changes,
    }
    (folder / "study.yaml").write_text(yaml.safe_dump(study), encoding="utf-8")
    return folder / "study.yaml"
