"""Photos of 16 bits are scaled by what their set uses, or refused: never taken for black ones."""

import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from search.data.photos import Photos, merged
from search.data.sources.images import decode, read_photo, survey
from spaces.data import Images
from spaces.errors import RunError
from tests.helpers.stored import load

GREY, COLOUR, GREY_ALPHA, COLOUR_ALPHA = 0, 2, 4, 6
BANDS = {GREY: 1, COLOUR: 3, GREY_ALPHA: 2, COLOUR_ALPHA: 4}


def packed(width: int, height: int, bits: int, kind: int, lines: bytes, clear: bytes = b"") -> bytes:
    """A PNG of lines that are packed as its header says, each after its filter."""
    chunks = [
        (b"IHDR", struct.pack(">IIBBBBB", width, height, bits, kind, 0, 0, 0)),
        *([(b"tRNS", clear)] if clear else []),
        (b"IDAT", zlib.compress(lines)),
        (b"IEND", b""),
    ]
    whole = (struct.pack(">I", len(d)) + t + d + struct.pack(">I", zlib.crc32(t + d)) for t, d in chunks)
    return b"\x89PNG\r\n\x1a\n" + b"".join(whole)


def png(values: np.ndarray, kind: int = GREY, *, transparent: int | None = None) -> bytes:
    """A PNG of 16-bit values `(height, width)`, the same in each colour, opaque where there is opacity."""
    bands = [values] * (BANDS[kind] - (kind in (GREY_ALPHA, COLOUR_ALPHA)))
    bands += [np.full_like(values, 65535)] * (kind in (GREY_ALPHA, COLOUR_ALPHA))
    lines = np.stack(bands, axis=-1).reshape(len(values), -1).astype(">u2")
    clear = b"" if transparent is None else struct.pack(">H", transparent) * len(bands)
    height, width = values.shape
    return packed(width, height, 16, kind, b"".join(b"\0" + line.tobytes() for line in lines), clear)


def ramp(most: int, seed: int = 0) -> np.ndarray:
    """Values from 0 to `most`, shuffled, both among them."""
    values = np.linspace(0, most, 256).astype(np.uint16)
    return np.random.default_rng(seed).permutation(values).reshape(16, 16)


def save(base: Path, most: int, kind: int = GREY) -> Path:
    """Four photos per class, of which one alone reaches `most`."""
    for number, name in enumerate(("off", "on")):
        (base / name).mkdir(parents=True, exist_ok=True)
        for k in range(4):
            values = ramp(most if k + number == 0 else most // 5, seed=k)
            (base / name / f"{k}.png").write_bytes(png(values, kind))
    return base


def config(**changes) -> Images:
    return Images(**{"source": "images", "path": ".", "size": 16, "positive": "on", **changes})


@pytest.mark.parametrize(
    ("most", "bits"), [(200, 8), (1023, 10), (1024, 12), (4095, 12), (9000, 14), (25_607, 16), (65_535, 16)]
)
def test_grey_photos_are_scaled_by_what_the_whole_set_uses(most, bits, tmp_path):
    rows = load(config(), save(tmp_path, most))
    assert rows.photos.bits == bits
    expected = ramp(most) >> (bits - 8)
    np.testing.assert_array_equal(rows.x[0], np.repeat(expected[..., None], 3, axis=2))
    assert rows.x[0].max() >= 64
    np.testing.assert_array_equal(rows.x[1, ..., 0], ramp(most // 5, seed=1) >> (bits - 8))


def test_photos_of_8_bits_beside_them_stay_as_they_are(tmp_path):
    eight = np.random.default_rng(0).integers(0, 256, (16, 16), dtype=np.uint8)
    Image.fromarray(eight).save(save(tmp_path, 4095) / "on" / "eight.png")
    rows = load(config(), tmp_path)
    np.testing.assert_array_equal(rows.x[-1, ..., 0], eight)
    assert rows.photos.kinds == (("16-bit grey", 4, 4), ("8-bit grey", 0, 1))


@pytest.mark.parametrize("kind", [COLOUR, GREY_ALPHA, COLOUR_ALPHA])
def test_colours_are_read_by_their_upper_bits_or_refused(kind, tmp_path):
    rows = load(config(), save(tmp_path / "whole", 65_535, kind))
    np.testing.assert_array_equal(rows.x[0], np.repeat(ramp(65_535)[..., None] >> 8, 3, axis=2))
    message = (
        r"8 of 8 are not: off/0\.png, .*: 16-bit colours of which 12 bits are used, the lower 8 of which "
        r"cannot be read; save it with 8 bits a value"
    )
    with pytest.raises(RunError, match=message):
        load(config(), save(tmp_path / "part", 4095, kind))


def test_what_stands_for_transparency_is_white_or_refused(tmp_path):
    path = tmp_path / "a.png"
    values = np.full((4, 4), 1000, np.uint16)
    values[0, 0] = 4095
    path.write_bytes(png(values, transparent=1000))
    came = read_photo(path, 4, 12)
    assert (came[0, 0].tolist(), came[1, 1].tolist()) == ([255] * 3, [255] * 3)
    path.write_bytes(png(values, transparent=4095))
    assert read_photo(path, 4, 12)[1, 1].tolist() == [62] * 3
    path.write_bytes(png(values, COLOUR, transparent=1000))
    with pytest.raises(RunError, match=r"^16-bit colours one of which stands for transparency; save it"):
        read_photo(path, 4, 16)


def test_a_photo_that_does_not_fit_the_set_is_bad(tmp_path):
    (tmp_path / "a.png").write_bytes(png(ramp(4095)))
    _, _, bad = decode([tmp_path / "a.png"], 8, bits=10)
    assert bad[0][1] == "16 bits a value of which 12 are used, where the photos trained on use 10"
    _, _, bad = decode([tmp_path / "a.png"], 8, bits=None)
    assert bad[0][1] == "16 bits a value, where the photos trained on have 8; save it with 8 bits a value"
    fewer = decode([tmp_path / "a.png"], 16, bits=14)[0]
    np.testing.assert_array_equal(fewer[0, ..., 0], ramp(4095) >> 6)


def test_a_survey_tells_sizes_kinds_and_depths(tmp_path):
    for number, (mode, size) in enumerate([("RGB", (30, 20)), ("L", (7, 40)), ("P", (9, 9)), ("1", (9, 9))]):
        Image.new(mode, size).save(tmp_path / f"{number}.png")
    (tmp_path / "4.png").write_bytes(png(ramp(4095)))
    (tmp_path / "5.png").write_bytes(b"no photo")
    paths = sorted(tmp_path.iterdir())
    y = np.array([0, 1, 0, 1, 1, 0], np.int8)
    found = survey(paths, y, 16)
    assert found == Photos(
        kinds=(
            *(("1-bit", 0, 1), ("16-bit grey", 0, 1)),
            *(("8-bit colour", 1, 0), ("8-bit grey", 0, 1), ("palette", 1, 0)),
        ),
        widths=(7, 30),
        heights=(9, 40),
        enlarged=3,
        values=((0, 0, 0, 0, 0), (16, 48, 192, 0, 0)),
    )
    one_by_one = [survey(paths[k : k + 1], y[k : k + 1], 16) for k in range(6)]
    assert one_by_one[5] is None
    assert merged(one_by_one) == found
    assert merged([None]) is None


def test_depths_that_differ_and_a_few_bright_values_are_told():
    def scaling(*values: tuple[int, ...]) -> str:
        photos = Photos(kinds=(), widths=(1, 1), heights=(1, 1), enlarged=0, values=values)
        assert (photos.bits is None) == (photos.scaling() == "")
        return photos.scaling()

    none, eight = (0, 0, 0, 0, 0), (9, 0, 0, 0, 0)
    assert scaling(none, none) == ""
    assert scaling(eight, eight) == scaling(none, eight) == "16-bit photos use 8 bits"
    assert scaling((0, 10, 9990, 0, 10), none) == (
        "16-bit photos use 16 bits, the upper 8 of which are kept; 99.9% of their values need 12 alone"
    )
    assert scaling((5, 0, 9990, 0, 0), (0, 0, 0, 0, 20)) == (
        "16-bit photos use 16 bits (negative ones 12, positive ones 16), the upper 8 of which are kept"
    )


@pytest.mark.parametrize("suffix", [".tif", ".pgm"])
def test_formats_that_are_not_read_are_told(suffix, tmp_path, caplog):
    for name in ("off", "on"):
        (tmp_path / name).mkdir()
        Image.fromarray(ramp(4095)).save(tmp_path / name / f"0{suffix}")
    with pytest.raises(
        RunError, match=r"every class folder must hold photos \(\.bmp .*\), but .*off has none"
    ):
        load(config(), tmp_path)
    assert f"files ignored in {tmp_path / 'off'}: 1 {suffix}; photos are .bmp" in caplog.text


@pytest.mark.parametrize(("bits", "line"), [(1, 0b01000000), (2, 0b00011011), (4, 0x0F)])
def test_grey_of_fewer_bits_goes_from_black_to_white(bits, line, tmp_path):
    width = {1: 2, 2: 4, 4: 2}[bits]
    (tmp_path / "a.png").write_bytes(packed(width, 1, bits, GREY, bytes([0, line])))
    with Image.open(tmp_path / "a.png") as photo:
        assert photo.size == (width, 1)
    came = read_photo(tmp_path / "a.png", 8, None)[0, :, 0]
    assert (came.min(), came.max()) == (0, 255)
    np.testing.assert_array_equal(np.sort(came), came)
