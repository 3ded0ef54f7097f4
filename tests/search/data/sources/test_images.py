"""Photos are read as they look, and every file that is no photo is named with the reason."""

import io
import os
import struct
import tracemalloc
import warnings
import zlib
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from search.data.rows import Labels
from search.data.sources.images import FORMATS, check_header, decode, read_photo
from search.data.sources.photo_folders import photos_of
from spaces.data import Images
from spaces.errors import RunError
from tests.helpers.photos import load_folder
from tests.helpers.stored import load


def drawn(seed: int = 0, size: tuple[int, int] = (10, 12)) -> Image.Image:
    rng = np.random.default_rng(seed)
    return Image.fromarray(rng.integers(0, 256, size=(*size[::-1], 3), dtype=np.uint8))


def written(photo: Image.Image, form: str, **options) -> bytes:
    file = io.BytesIO()
    photo.save(file, form, **options)
    return file.getvalue()


def frames(form: str, count: int = 2) -> bytes:
    first, *others = (drawn(seed) for seed in range(count))
    return written(first, form, save_all=True, append_images=others)


def png_header(width: int, height: int) -> bytes:
    """A PNG that says how large it is, and nothing else."""
    head = b"IHDR" + struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    end = struct.pack(">I", 0) + b"IEND" + struct.pack(">I", zlib.crc32(b"IEND"))
    return b"\x89PNG\r\n\x1a\n" + struct.pack(">I", 13) + head + struct.pack(">I", zlib.crc32(head)) + end


def saved(folder: Path, count: int = 4) -> Path:
    for number, name in enumerate(("women", "men")):
        (folder / name / "deep").mkdir(parents=True)
        for k in range(count):
            drawn(10 * number + k).save(folder / name / ("deep" if k % 2 else ".") / f"{k}.png")
    return folder


def config(**changes) -> Images:
    return Images(**{"source": "images", "path": ".", "size": 8, "positive": "men", **changes})


def test_photos_are_listed_without_being_opened(tmp_path):
    saved(tmp_path)
    (tmp_path / "men" / "0.png").write_bytes(b"no photo")
    paths, y, labels, _ = photos_of(config(), tmp_path)
    names = [path.relative_to(tmp_path).as_posix() for path in paths]
    assert names[:4] == ["men/0.png", "men/2.png", "men/deep/1.png", "men/deep/3.png"]
    assert names[4:] == [name.replace("men", "women") for name in names[:4]]
    assert (y.dtype, y.tolist()) == (np.int8, [1] * 4 + [0] * 4)
    assert labels == Labels("women", "men")


def test_the_good_photos_come_back_in_order_and_the_bad_ones_with_names(tmp_path):
    paths = photos_of(config(), saved(tmp_path))[0]
    paths[2].write_bytes(b"no photo")
    paths[7].write_bytes(b"")
    x, good, bad = decode(paths, 8, below=tmp_path)
    assert np.flatnonzero(~good).tolist() == [2, 7]
    assert (x.shape, x.dtype) == ((6, 8, 8, 3), np.uint8)
    for photo, path in zip(x, np.array(paths)[good], strict=True):
        np.testing.assert_array_equal(photo, read_photo(path, 8))
    reason = f"no image in {', '.join(FORMATS)}, or its beginning is damaged"
    assert bad == (("men/deep/1.png", reason), ("women/deep/3.png", "empty"))
    assert decode(paths[7:], 8)[2] == ((paths[7].as_posix(), "empty"),)
    nothing, none, _ = decode([], 8)
    assert (nothing.shape, none.shape) == ((0, 8, 8, 3), (0,))


BAD = {
    "empty": (b"", "empty"),
    "text": (b"Not a photo at all", "no image in JPEG, PNG, BMP, WEBP, GIF"),
    "tiff": (written(drawn(), "TIFF"), "no image in JPEG"),
    "jpeg cut short": (written(drawn(), "JPEG")[:-60], "damaged or cut short"),
    "png cut short": (written(drawn(), "PNG")[:-60], "damaged or cut short"),
    "webp cut short": (written(drawn(), "WEBP")[:-60], "damaged or cut short"),
    "gif cut short": (written(drawn(), "GIF")[:-60], "damaged or cut short"),
    "bmp cut short": (written(drawn(), "BMP")[:-60], "damaged or cut short"),
    "too large": (png_header(8000, 7000), "more than 50 megapixels, 8000 x 7000"),
    "pillow warns": (png_header(10_000, 10_000), "more than 50 megapixels"),
    "pillow refuses": (png_header(60_000, 60_000), "more than 50 megapixels"),
    "animated gif": (frames("GIF"), "an animation"),
    "animated webp": (frames("WEBP"), "an animation"),
    "animated png": (frames("PNG"), "an animation"),
}


@pytest.mark.parametrize(("content", "reason"), BAD.values(), ids=BAD.keys())
def test_what_is_no_photo_has_a_reason(content, reason, tmp_path):
    path = tmp_path / "a.jpg"
    path.write_bytes(content)
    tracemalloc.start()
    try:
        x, good, bad = decode([path], 8, below=tmp_path)
        assert tracemalloc.get_traced_memory()[1] < 10 * 2**20
    finally:
        tracemalloc.stop()
    assert (len(x), good.tolist(), bad[0][0]) == (0, [False], "a.jpg")
    assert bad[0][1].startswith(reason)


def test_a_file_that_is_gone_and_a_link_to_nothing_have_a_reason(tmp_path):
    saved(tmp_path)
    (tmp_path / "men" / "9.png").symlink_to(tmp_path / "nowhere.png")
    (tmp_path / "men" / "album").symlink_to(tmp_path / "gone")
    (tmp_path / "men" / "README").symlink_to(tmp_path / "gone.txt")
    (tmp_path / "men" / "notes.txt").symlink_to(tmp_path / "gone.txt")
    paths, y, _, _ = photos_of(config(), tmp_path)
    _, good, bad = decode(paths, 8, below=tmp_path)
    assert bad == tuple((f"men/{name}", os.strerror(2)) for name in ("9.png", "README", "album"))
    assert y[good].sum() == 4


@pytest.mark.parametrize(
    ("mode", "reason"), [("F", "that no photo has, F"), ("LAB", "that no photo has, LAB")]
)
def test_pixels_of_another_kind_are_refused(mode, reason):
    with pytest.raises(RunError, match=reason):
        check_header(Image.new(mode, (4, 4)))


@pytest.mark.parametrize("form", FORMATS)
def test_the_contents_say_the_format_whatever_the_name(form, tmp_path):
    photo = Image.new("RGB", (9, 7), (200, 100, 0))
    (tmp_path / "one.jpg").write_bytes(written(photo, form))
    came = read_photo(tmp_path / "one.jpg", 8)
    assert np.abs(came.astype(int) - [200, 100, 0]).max() <= 3


MODES = {
    "grey": (Image.new("L", (9, 7), 100), "PNG", (100, 100, 100)),
    "bits": (Image.new("1", (9, 7), 1), "PNG", (255, 255, 255)),
    "grey-alpha": (Image.new("LA", (9, 7), (50, 255)), "PNG", (50, 50, 50)),
    "clear": (Image.new("RGBA", (9, 7), (10, 20, 30, 0)), "PNG", (255, 255, 255)),
    "opaque": (Image.new("RGBA", (9, 7), (10, 20, 30, 255)), "PNG", (10, 20, 30)),
    "palette": (Image.new("RGB", (9, 7), (1, 2, 3)).quantize(2), "PNG", (1, 2, 3)),
    "palette-gif": (Image.new("RGB", (9, 7), (1, 2, 3)).quantize(2), "GIF", (1, 2, 3)),
    "16-bit": (Image.fromarray(np.full((7, 9), 100 * 256 + 7, np.uint16)), "PNG", (100, 100, 100)),
    "cmyk": (Image.new("CMYK", (9, 7), (255, 0, 0, 0)), "JPEG", (0, 255, 255)),
    "webp-alpha": (Image.new("RGBA", (9, 7), (10, 20, 30, 0)), "WEBP", (255, 255, 255)),
}


@pytest.mark.parametrize(("photo", "form", "colour"), MODES.values(), ids=MODES.keys())
def test_photos_of_every_mode_are_read(photo, form, colour, tmp_path):
    (tmp_path / "one.png").write_bytes(written(photo, form))
    came = read_photo(tmp_path / "one.png", 4)
    assert np.abs(came.astype(int) - colour).max() <= (2 if form == "JPEG" else 0)


def test_photos_are_turned_upright(tmp_path):
    pixels = np.zeros((8, 16, 3), dtype=np.uint8)
    pixels[:, :8] = 255  # white on the left
    exif = Image.Exif()
    exif[0x0112] = 6  # shown turned by 90 degrees clockwise: white on top
    Image.fromarray(pixels).save(tmp_path / "one.png", exif=exif)
    upright = read_photo(tmp_path / "one.png", 8)
    assert upright[0].min() == 255
    assert upright[-1].max() == 0


def test_a_jpeg_with_a_preview_is_a_photo_and_one_frame_is_no_animation(tmp_path):
    (tmp_path / "camera.jpg").write_bytes(frames("MPO"))
    (tmp_path / "plain.jpg").write_bytes(written(drawn(), "JPEG"))
    for form in ("GIF", "WEBP", "PNG"):
        (tmp_path / f"one.{form.lower()}").write_bytes(frames(form, count=1))
    with Image.open(tmp_path / "camera.jpg") as camera:
        assert camera.n_frames == 2
    x, names = load_folder(tmp_path, 8)
    assert names == ["camera.jpg", "one.gif", "one.png", "one.webp", "plain.jpg"]
    np.testing.assert_array_equal(x[0], x[4])


def test_broken_metadata_of_a_whole_photo_are_passed_over(tmp_path):
    exif = Image.Exif()
    exif[0x010E] = "a long description of what the photo shows"
    whole = written(drawn(), "JPEG", exif=exif)
    at = whole.index(b"Exif") + 6 + 18  # the length of the description, in its directory
    (tmp_path / "one.jpg").write_bytes(whole[: at - 4] + b"\xff" * 4 + whole[at:])
    (tmp_path / "two.jpg").write_bytes(written(drawn(), "JPEG"))
    with pytest.warns(UserWarning, match="larger than file"), Image.open(tmp_path / "one.jpg") as opened:
        opened.getexif()
    np.testing.assert_array_equal(read_photo(tmp_path / "one.jpg", 8), read_photo(tmp_path / "two.jpg", 8))


@given(
    form=st.sampled_from([*FORMATS, "PROGRESSIVE"]),
    cut=st.integers(1, 400),
    changed=st.dictionaries(st.integers(0, 400), st.integers(0, 255), max_size=5),
)
@settings(deadline=None, max_examples=300)
def test_whatever_a_file_holds_it_is_a_photo_or_has_a_reason(form, cut, changed, tmp_path_factory):
    exif = Image.Exif()
    exif[0x0112] = 6
    options = {"PROGRESSIVE": {"progressive": True}, "JPEG": {"exif": exif}, "PNG": {"exif": exif}}
    whole = written(drawn(), "JPEG" if form == "PROGRESSIVE" else form, **options.get(form, {}))
    content = bytearray(whole[:cut] if not changed else whole)
    for at, value in changed.items():
        content[at % len(content)] = value
    path = tmp_path_factory.mktemp("any") / "a.jpg"
    path.write_bytes(content)
    with warnings.catch_warnings(record=True) as remarks:
        x, good, bad = decode([path], 8)
    assert not remarks
    assert len(x) + len(bad) == 1
    assert len(bad) == (not good[0])
    assert not any("\n" in reason or str(path.parent) in reason for _, reason in bad)


def test_bad_photos_stop_the_run_and_are_named_below_the_folder(tmp_path):
    saved(tmp_path)
    for k in range(6):
        (tmp_path / "men" / f"bad{k}.jpg").write_bytes(b"" if k else frames("GIF"))
    message = (
        r"every file must be fit for use, but 6 of 14 are not: men/bad0.jpg: an animation; "
        r"men/bad1.jpg, men/bad2.jpg, .*men/bad5.jpg: empty; mend or remove them, or leave them out with "
        r"data.on_bad_file: skip$"
    )
    with pytest.raises(RunError, match=message) as stopped:
        load(config(), tmp_path)
    assert stopped.value.exit_code == 2
    with pytest.raises(RunError, match=r"6 of 10 are not: bad0.jpg: an animation; .*; mend or remove them$"):
        load_folder(tmp_path / "men", 8)


def test_bad_photos_are_left_out_where_the_study_says_so(tmp_path):
    whole = load(config(), saved(tmp_path))
    (tmp_path / "men" / "deep" / "1.png").write_bytes(b"")
    rows = load(config(on_bad_file="skip"), tmp_path)
    np.testing.assert_array_equal(rows.x, np.delete(whole.x, 2, axis=0))
    np.testing.assert_array_equal(rows.y, np.delete(whole.y, 2))
