"""`describe` says of photos how they are stored, how large they are, and what lies in which part."""

import io

import numpy as np
from PIL import Image
from rich.console import Console

from cluster.commands.describe import describe
from search.trials.preparation import prepare_rows
from spaces.data import Images
from spaces.study import Study


def described(data: Images, base) -> str:
    study = Study(data=data)
    file = io.StringIO()
    console = Console(width=150, file=file)
    for part in describe(study, prepare_rows(study, base, base / "prepared")):
        console.print(part)
    return "\n".join(" ".join(line.replace("│", " ").split()) for line in file.getvalue().splitlines())


def test_photos_are_described(tmp_path):
    rng = np.random.default_rng(0)
    for part in ("train", "val", "test"):
        for number, name in enumerate(("cats", "dogs")):
            folder = tmp_path / "set" / part / name
            folder.mkdir(parents=True)
            for k in range(3 + number):
                deep = (rng.integers(0, 4000, (20, 30 + k))).astype(np.uint16)
                Image.fromarray(deep).save(folder / f"{k}.png")
        Image.fromarray(rng.integers(0, 256, (9, 50, 3), np.uint8)).save(folder / "colour.png")
    said = described(Images(source="images", path="set", size=16, positive="dogs"), tmp_path)
    assert "photos 16-bit grey: 9 of 'cats', 12 of 'dogs'\n8-bit colour: 0 of 'cats', 3 of 'dogs'\n" in said
    assert "sizes 30 to 50 pixels wide, 9 to 20 high; 3 are enlarged to 16 x 16\n" in said
    assert "depth 16-bit photos use 12 bits, the upper 8 of which are kept\n" in said
    assert "split by column" in said
    for part in ("train", "validation", "test"):
        assert f"\n{part} 8 3 5 (62.50%) unknown\n" in said


def test_photos_of_eight_bits_and_one_size_have_no_depth(tmp_path):
    rng = np.random.default_rng(0)
    for name in ("cats", "dogs"):
        (tmp_path / "set" / name).mkdir(parents=True)
        for k in range(12):
            Image.fromarray(rng.integers(0, 256, (20, 30), np.uint8)).save(
                tmp_path / "set" / name / f"{k}.png"
            )
    said = described(Images(source="images", path="set", size=16, positive="dogs"), tmp_path)
    assert "photos 8-bit grey: 12 of 'cats', 12 of 'dogs'\nsizes 30 pixels wide, 20 high\n" in said
    assert "depth" not in said
    assert "split by row" in said
