"""Photos are found by the names of folders; every link is followed once or refused."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from search.data.sources.photo_folders import photos_below, photos_of
from spaces.data import Images
from spaces.errors import RunError


def save(folder: Path, count: int = 2, first: int = 0) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for k in range(first, first + count):
        rng = np.random.default_rng([k, *folder.as_posix().encode()])
        Image.fromarray(rng.integers(0, 256, size=(9, 9, 3), dtype=np.uint8)).save(folder / f"{k}.png")
    return folder


def config(**changes) -> Images:
    return Images(**{"source": "images", "path": "set", "size": 8, "positive": "dogs", **changes})


def found(base: Path, **changes) -> list[str]:
    return [path.relative_to(base / "set").as_posix() for path in photos_of(config(**changes), base)[0]]


def refused(base: Path, **changes) -> str:
    with pytest.raises(RunError) as error:
        photos_of(config(**changes), base)
    return str(error.value)


@pytest.fixture
def pets(tmp_path) -> Path:
    for name in ("cats", "dogs"):
        save(tmp_path / "set" / name)
    return tmp_path


PETS = ["cats/0.png", "cats/1.png", "dogs/0.png", "dogs/1.png"]


def test_linked_folders_of_photos_are_read(pets):
    save(pets / "far" / "deep", 3)
    (pets / "set" / "cats" / "more").symlink_to(pets / "far")
    (pets / "set" / "dogs" / "again").symlink_to(pets / "set" / "dogs")
    more = [f"cats/more/deep/{k}.png" for k in range(3)]
    assert found(pets) == [*PETS[:2], *more, *PETS[2:]]
    (pets / "far" / "up").symlink_to(pets / "far")
    assert found(pets) == [*PETS[:2], *more, *PETS[2:]]
    assert len(photos_below(pets / "set")[1]) == 7


def test_a_class_folder_may_be_a_link(pets):
    (pets / "set" / "dogs").rename(pets / "elsewhere")
    (pets / "set" / "dogs").symlink_to(pets / "elsewhere")
    assert found(pets) == PETS


def test_a_link_out_of_a_class_to_all_of_them_is_a_circle(pets):
    (pets / "set" / "cats" / "all").symlink_to(pets / "set")
    assert found(pets) == PETS


@pytest.mark.parametrize(("link", "to"), [("more", "dogs"), ("7.png", "dogs/0.png")])
def test_one_file_in_two_classes_is_refused(pets, link, to):
    (pets / "set" / "cats" / link).symlink_to(pets / "set" / to)
    assert refused(pets) == (
        f"a photo has one class, but cats/{link.removesuffix('.png')}{'/0' * ('.' not in link)}.png and "
        f"dogs/0.png are one file, {pets / 'set' / 'dogs' / '0.png'}; remove the link from one of them"
    )


def test_links_to_a_photo_that_is_read_count_once_and_are_told(pets, caplog):
    save(pets / "pool", 1)
    (pets / "set" / "cats" / "a.png").symlink_to(pets / "set" / "cats" / "0.png")
    for name in "bc":
        (pets / "set" / "cats" / f"{name}.png").symlink_to(pets / "pool" / "0.png")
    assert found(pets) == [*PETS[:2], "cats/b.png", *PETS[2:]]
    assert (
        f"links in {pets / 'set' / 'cats'} to photos that are read already, which count once: 2"
        in caplog.text
    )


def test_photos_beside_the_class_folders_are_told(pets, caplog):
    save(pets / "set", 3)
    assert found(pets) == PETS
    assert f"photos ignored in {pets / 'set'}, for they lie in no class folder: 3" in caplog.text
