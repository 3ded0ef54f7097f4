"""Reads photos as they look, resized to one square."""

import warnings
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps, UnidentifiedImageError

from search.data.photos import DEPTHS, WHOLE, Photos
from spaces.errors import RunError, first_of

FORMATS = ("JPEG", "PNG", "BMP", "WEBP", "GIF")
"""What Pillow may try: its rarer decoders have had the most holes."""

ANIMATED = ("PNG", "WEBP", "GIF")
"""Formats whose frames are an animation. A JPEG's further pictures are not: cameras store previews there."""

MOST_PIXELS = 50_000_000
"""A photo with more is not decoded: a small file can unpack to more than the memory holds."""

_PNG = b"\x89PNG\r\n\x1a\n"
_DEPTH_AT = 24
"""Where a PNG's header says how many bits a value has (ISO/IEC 15948, 11.2.2)."""

_KINDS = {
    "1": "1-bit",
    "L": "8-bit grey",
    "LA": "8-bit grey with transparency",
    "P": "palette",
    "PA": "palette with transparency",
    "RGB": "8-bit colour",
    "RGBA": "8-bit colour with transparency",
    "CMYK": "8-bit CMYK",
    "YCbCr": "8-bit YCbCr",
    "I;16": "16-bit grey",
}
"""Pillow's modes that photos may have, and what describe calls them."""

_SAVE = "save it with 8 bits a value"
_DAMAGED = "damaged or cut short"
_TOO_LARGE = f"more than {MOST_PIXELS // 10**6} megapixels"

BAD_INPUT = 2
"""Exit code of an error that lies in the file, not in the machine."""

NAMED = 5
"""Bad files that a message names."""

Bad = tuple[str, str]
"""A file that is no photo, and why, in one clause."""


def decode(
    paths: Sequence[Path], size: int, *, below: Path | None = None, bits: int | None = WHOLE
) -> tuple[NDArray[np.uint8], NDArray[np.bool_], tuple[Bad, ...]]:
    """Reads photos one after another, and tells those that can be read from those that cannot.

    Args:
        paths: n files.
        size: photos are resized to size x size pixels.
        below: the folder that names in messages start from; whole paths if left out.
        bits: see `read_photo`.

    Returns:
        `x` `(k, size, size, 3)` of the good photos, in order; which are good, `(n,)`; and each bad one.
    """
    x = np.empty((len(paths), size, size, 3), dtype=np.uint8)
    good = np.zeros(len(paths), np.bool_)
    bad: list[Bad] = []
    for row, path in enumerate(paths):
        try:
            x[row - len(bad)] = read_photo(path, size, bits)
            good[row] = True
        except RunError as error:
            if error.exit_code != BAD_INPUT:  # the machine's fault: the photo may be sound
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


def survey(paths: Sequence[Path], y: NDArray[np.int8], size: int) -> Photos | None:
    """Describes photos as they are stored; of 16-bit ones the pixels are read, of others the headers alone.

    Args:
        paths: n files; those that cannot be read are passed over.
        y: their labels, `(n,)`.
        size: of the rows made of them.

    Returns:
        What they are like; None where none can be read.
    """
    kinds: list[Counter[str]] = [Counter(), Counter()]
    sizes: list[tuple[int, int]] = []
    values = np.zeros((2, len(DEPTHS)), np.int64)
    for path, label in zip(paths, y, strict=True):
        try:
            with _opened(path) as (photo, deep):
                if deep:
                    values[label] += _counts(photo)
                kinds[label][_kind(photo, deep)] += 1
                sizes.append(photo.size)
        except RunError as error:
            if error.exit_code != BAD_INPUT:
                raise
    if not sizes:
        return None
    widths, heights = zip(*sizes, strict=True)
    negative, positive = values.tolist()
    return Photos(
        kinds=tuple(
            (kind, kinds[0][kind], kinds[1][kind]) for kind in sorted(kinds[0].keys() | kinds[1].keys())
        ),
        widths=(min(widths), max(widths)),
        heights=(min(heights), max(heights)),
        enlarged=sum(min(one) < size for one in sizes),
        values=(tuple(negative), tuple(positive)),
    )


def read_photo(path: Path, size: int, bits: int | None = WHOLE) -> NDArray[np.uint8]:
    """One photo as RGB, `(size, size, 3)` uint8.

    Turned upright by its EXIF orientation; transparency is laid on white. Resized with Pillow's bilinear
    filter, which widens with the shrink factor (antialiasing); the aspect is not kept. The format is taken
    from the contents, whatever the name ends in.

    Args:
        path: the file.
        size: in pixels.
        bits: how many bits the 16-bit photos of the set use; of these the upper eight are kept. None: the set
            has no such photos, so nothing says how one is to be scaled.

    Raises:
        RunError: it is no photo, or has 16 bits and does not fit `bits`; the message is the reason alone.
    """
    with _opened(path) as (photo, deep):
        return _pixels(photo, size, bits, deep=deep)


@contextmanager
def _opened(path: Path) -> Iterator[tuple[Image.Image, bool]]:
    """A photo whose header was checked, and whether its values have 16 bits."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Pillow's remarks on odd metadata
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            if path.stat().st_size == 0:
                raise RunError("empty")
            with path.open("rb") as file:
                head = file.read(_DEPTH_AT + 1)
                file.seek(0)
                with Image.open(file, formats=FORMATS) as opened:
                    check_header(opened)
                    # Of 16-bit colours Pillow gives the upper eight bits, and no mode that says so.
                    yield opened, head.startswith(_PNG) and head[_DEPTH_AT] == 16
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
    if photo.mode not in _KINDS:
        raise RunError(f"pixels of a kind that no photo has, {photo.mode}")


def _pixels(opened: Image.Image, size: int, bits: int | None, *, deep: bool) -> NDArray[np.uint8]:
    photo = ImageOps.exif_transpose(opened)
    if deep:
        photo = _eight_bits(photo, bits)
    if photo.has_transparency_data:
        layer = photo.convert("RGBA")
        photo = Image.alpha_composite(Image.new("RGBA", layer.size, "white"), layer)
    return np.asarray(photo.convert("RGB").resize((size, size), Image.Resampling.BILINEAR), dtype=np.uint8)


def _eight_bits(photo: Image.Image, bits: int | None) -> Image.Image:
    """A 16-bit photo with the upper eight of the bits that its set uses."""
    if bits is None:
        raise RunError(f"16 bits a value, where the photos trained on have 8; {_SAVE}")
    needed = DEPTHS[int(np.flatnonzero(_counts(photo)).max())]
    if needed > bits:
        raise RunError(f"16 bits a value of which {needed} are used, where the photos trained on use {bits}")
    if photo.mode != "I;16":
        if bits < WHOLE:
            raise RunError(
                f"16-bit colours of which {bits} bits are used, the lower 8 of which cannot be read; {_SAVE}"
            )
        if "transparency" in photo.info:
            raise RunError(f"16-bit colours one of which stands for transparency; {_SAVE}")
        return photo
    values = np.asarray(photo)
    grey = (values >> (bits - 8)).astype(np.uint8)
    if "transparency" in photo.info:
        grey[values == photo.info["transparency"]] = 255
    return Image.fromarray(grey)


def _counts(photo: Image.Image) -> NDArray[np.int64]:
    """How many values of a 16-bit photo need each of `DEPTHS`."""
    whole = photo.mode == "I;16"
    values = np.asarray(photo if whole else photo.convert("RGB"))
    unseen = 0 if whole else 8  # bits that Pillow leaves out
    above = [np.count_nonzero(values >= 2 ** (bits - unseen)) for bits in DEPTHS[:-1]]
    return -np.diff([values.size, *above, 0])


def _kind(photo: Image.Image, deep: bool) -> str:
    return _KINDS[photo.mode].replace("8-bit", "16-bit") if deep else _KINDS[photo.mode]
