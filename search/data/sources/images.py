"""Reads photos as they look, resized to one square."""

import warnings
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps, UnidentifiedImageError

from search.data.sources.photo_folders import photos_below
from spaces.errors import RunError, first_of

FORMATS = ("JPEG", "PNG", "BMP", "WEBP", "GIF")
"""What Pillow may try: its rarer decoders have had the most holes."""

ANIMATED = ("PNG", "WEBP", "GIF")
"""Formats whose frames are an animation. A JPEG's further pictures are not: cameras store previews there."""

MODES = ("1", "L", "LA", "P", "PA", "RGB", "RGBA", "CMYK", "YCbCr", "I;16")
"""Pillow's names for how the pixels of a photo may be stored."""

MOST_PIXELS = 50_000_000
"""A photo with more is not decoded: a small file can unpack to more than the memory holds."""

_DAMAGED = "damaged or cut short"
_TOO_LARGE = f"more than {MOST_PIXELS // 10**6} megapixels"

NAMED = 5
"""Bad files that a message names."""

Bad = tuple[str, str]
"""A file that is no photo, and why, in one clause."""


def load_folder(path: Path, size: int) -> tuple[NDArray[np.uint8], list[str]]:
    """Reads all photos below a folder, flat or nested, without labels.

    Args:
        path: a folder, or one photo.
        size: photos are resized to size x size pixels.

    Returns:
        `x` `(n, size, size, 3)` uint8 and each photo's path below the folder, sorted.

    Raises:
        RunError: there are no photos, or photos are bad.
    """
    root, found = photos_below(path)
    x, _, bad = decode(found, size, below=root)
    refuse_bad(bad, len(found))
    return x, [photo.relative_to(root).as_posix() for photo in found]


def decode(
    paths: Sequence[Path], size: int, *, below: Path | None = None
) -> tuple[NDArray[np.uint8], NDArray[np.bool_], tuple[Bad, ...]]:
    """Reads photos one after another, and tells those that can be read from those that cannot.

    Args:
        paths: n files.
        size: photos are resized to size x size pixels.
        below: the folder that names in messages start from; whole paths if left out.

    Returns:
        `x` `(k, size, size, 3)` of the good photos, in order; which are good, `(n,)`; and each bad one.
    """
    x = np.empty((len(paths), size, size, 3), dtype=np.uint8)
    good = np.zeros(len(paths), np.bool_)
    bad: list[Bad] = []
    for row, path in enumerate(paths):
        try:
            x[row - len(bad)] = read_photo(path, size)
            good[row] = True
        except RunError as error:
            if error.exit_code != 2:  # the machine's fault: the photo may be sound
                raise
            bad.append(((path if below is None else path.relative_to(below)).as_posix(), str(error)))
    return x[: len(paths) - len(bad)], good, tuple(bad)


def refuse_bad(bad: Sequence[Bad], total: int) -> None:
    """Stops for bad photos.

    Args:
        bad: from `decode`.
        total: how many photos were read.

    Raises:
        RunError: there are any.
    """
    if bad:
        named = first_of((f"{name}: {reason}" for name, reason in bad), NAMED, "; ")
        raise RunError(
            f"photos must be readable, but {len(bad)} of {total} are not: {named}; mend or remove them"
        )


def read_photo(path: Path, size: int) -> NDArray[np.uint8]:
    """One photo as RGB, `(size, size, 3)` uint8.

    Turned upright by its EXIF orientation; transparency is laid on white; 16-bit grey keeps its upper eight
    bits. Resized with Pillow's bilinear filter, which widens with the shrink factor (antialiasing); the
    aspect is not kept. The format is taken from the contents, whatever the name ends in.

    Raises:
        RunError: it is no photo; the message is the reason alone.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Pillow's remarks on odd metadata
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            if path.stat().st_size == 0:
                raise RunError("empty")
            with path.open("rb") as file, Image.open(file, formats=FORMATS) as opened:
                check_header(opened)
                return _pixels(opened, size)
    except RunError:
        raise
    except (Image.DecompressionBombWarning, Image.DecompressionBombError):
        raise RunError(_TOO_LARGE) from None
    except UnidentifiedImageError:
        raise RunError(f"no image in {', '.join(FORMATS)}, or its beginning is damaged") from None
    except FileNotFoundError as error:
        raise RunError(str(error.strerror)) from None
    except OSError as error:
        # Pillow's own have no number; those of the system may be gone in an hour.
        if error.errno is not None:
            raise RunError(f"{path.name} gave: {error.strerror}", exit_code=1) from None
        raise RunError(_DAMAGED) from None
    except Exception:  # a decoder may raise anything on bytes that it does not expect
        raise RunError(_DAMAGED) from None


def check_header(photo: Image.Image) -> None:
    """Refuses, before any pixel is decoded, what is no photo or too large.

    Raises:
        RunError: the message is the reason alone.
    """
    if photo.width * photo.height > MOST_PIXELS:
        raise RunError(f"{_TOO_LARGE}, {photo.width} x {photo.height}")
    if photo.format in ANIMATED and getattr(photo, "is_animated", False):
        raise RunError("an animation")
    if photo.mode not in MODES:
        raise RunError(f"pixels of a kind that no photo has, {photo.mode}")


def _pixels(opened: Image.Image, size: int) -> NDArray[np.uint8]:
    photo = ImageOps.exif_transpose(opened)
    if photo.mode == "I;16":
        photo = Image.fromarray((np.asarray(photo) >> 8).astype(np.uint8))
    if photo.has_transparency_data:
        layer = photo.convert("RGBA")
        photo = Image.alpha_composite(Image.new("RGBA", layer.size, "white"), layer)
    return np.asarray(photo.convert("RGB").resize((size, size), Image.Resampling.BILINEAR), dtype=np.uint8)
