"""Photos from folders: one sub-folder per class, or any folder to predict on."""

import logging
from collections import Counter
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps

from search.rows import Rows
from search.sources.labels import binarize
from spaces.data import Images
from spaces.errors import RunError

PHOTO_SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".bmp", ".webp", ".gif"})
FORMATS = ("JPEG", "PNG", "BMP", "WEBP", "GIF")
"""What Pillow may try: its rarer decoders have had the most holes."""

BESIDE_SUFFIXES = frozenset(
    {"", ".csv", ".tsv", ".txt", ".json", ".xml", ".md", ".yaml", ".yml", ".db", ".ini"}
)
"""Files that lie beside photos by right; others are ignored too, but counted in a warning."""

NAMED = 5
"""Damaged files that a message names."""


def load_images(config: Images, base: Path) -> Rows:
    """Reads one sub-folder of photos per class; the folder's name is the label.

    Groups are unknown: nothing says which photos show the same person. Identical photos are kept together
    by the split.

    Args:
        config: folder, size and the positive label.
        base: the folder a relative `config.path` is taken from.

    Returns:
        Rows with `x` `(n, size, size, 3)` uint8, sorted by class, then by path.

    Raises:
        RunError: the folder has no class folders, a class has no photos, or photos are damaged.
    """
    root = base / config.path
    if not root.is_dir():
        raise RunError(
            f"data.path must name a folder with one sub-folder of photos per class, but {root} is none"
        )
    classes = sorted(f for f in root.iterdir() if f.is_dir() and not _is_hidden(f.relative_to(root)))
    if not classes:
        raise RunError(
            f"data.path must hold one sub-folder of photos per class, but {root} has no sub-folders"
        )
    paths = {folder.name: _photos(folder) for folder in classes}
    for name, found in paths.items():
        if not found:
            raise RunError(
                f"every class folder must hold photos ({_suffixes()}), but {root / name} has none; "
                "remove the folder if it is not a class"
            )
    names = [name for name, found in paths.items() for _ in found]
    y, labels = binarize(names, config.positive, f"sub-folders of {root}")  # before the slow part
    x = _decoded([path for found in paths.values() for path in found], config.size)
    return Rows(x=x, y=y, labels=labels, kind="image")


def load_folder(path: Path, size: int) -> tuple[NDArray[np.uint8], list[str]]:
    """Reads all photos below a folder, flat or nested, without labels.

    Args:
        path: a folder, or one photo.
        size: photos are resized to size x size pixels.

    Returns:
        `x` `(n, size, size, 3)` uint8 and each photo's path below the folder, sorted.

    Raises:
        RunError: there are no photos, or photos are damaged.
    """
    if path.is_file():
        return _decoded([path], size), [path.name]
    if not path.is_dir():
        raise RunError(f"photos must lie in a folder, but {path} is not there")
    found = _photos(path)
    if not found:
        raise RunError(f"a folder to read must hold photos ({_suffixes()}), but {path} has none")
    return _decoded(found, size), [photo.relative_to(path).as_posix() for photo in found]


def read_photo(path: Path, size: int) -> NDArray[np.uint8]:
    """One photo as RGB, `(size, size, 3)` uint8.

    Turned upright by its EXIF orientation; transparency is laid on white; 16-bit grey keeps its upper eight
    bits; of an animation the first frame counts. Resized with Pillow's bilinear filter, which widens with the
    shrink factor (antialiasing); the aspect is not kept.
    """
    with Image.open(path, formats=FORMATS) as opened:
        photo = ImageOps.exif_transpose(opened)
        if photo.mode.startswith("I"):
            photo = Image.fromarray((np.asarray(photo).astype(np.int64) >> 8).clip(0, 255).astype(np.uint8))
        if photo.has_transparency_data:
            layer = photo.convert("RGBA")
            photo = Image.alpha_composite(Image.new("RGBA", layer.size, "white"), layer)
        return np.asarray(
            photo.convert("RGB").resize((size, size), Image.Resampling.BILINEAR), dtype=np.uint8
        )


def _photos(folder: Path) -> list[Path]:
    """All photos below `folder`, sorted by path; hidden files and folders are passed over."""
    files = [f for f in sorted(folder.rglob("*")) if not _is_hidden(f.relative_to(folder)) and f.is_file()]
    other = Counter(
        f.suffix.lower() for f in files if f.suffix.lower() not in PHOTO_SUFFIXES | BESIDE_SUFFIXES
    )
    if other:
        listed = ", ".join(f"{count} {suffix}" for suffix, count in sorted(other.items()))
        logging.getLogger(__name__).warning(
            "files ignored in %s: %s; photos are %s", folder, listed, _suffixes()
        )
    return [f for f in files if f.suffix.lower() in PHOTO_SUFFIXES]


def _is_hidden(below: Path) -> bool:
    return any(part.startswith(".") or part == "__MACOSX" for part in below.parts)


def _decoded(paths: list[Path], size: int) -> NDArray[np.uint8]:
    x = np.empty((len(paths), size, size, 3), dtype=np.uint8)
    damaged: list[Path] = []
    for row, path in enumerate(paths):
        try:
            x[row] = read_photo(path, size)
        except (OSError, ValueError, SyntaxError, EOFError, Image.DecompressionBombError):
            damaged.append(path)
    if damaged:
        named = ", ".join(str(path) for path in damaged[:NAMED])
        more = f" and {len(damaged) - NAMED} more" if len(damaged) > NAMED else ""
        raise RunError(
            f"photos must be readable, but {len(damaged)} of {len(paths)} are damaged: {named}{more}; "
            "replace or remove them"
        )
    return x


def _suffixes() -> str:
    return " ".join(sorted(PHOTO_SUFFIXES))
