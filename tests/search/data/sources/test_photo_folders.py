"""Photos are found by the names of folders; every link is followed once or refused."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from search.data.sources.photo_folders import photos_below, photos_of
from search.data.splits import split
from spaces.data import Images, Split
from spaces.errors import RunError
from tests.helpers.stored import load


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


def test_a_class_or_a_part_that_is_a_link_to_nothing_is_refused(pets):
    base = save_parts(pets / "parts", "train", "test")
    for link in (pets / "set" / "birds", base / "set" / "val", pets / "set" / "notes.txt"):
        link.symlink_to(pets / "gone")
    message = (
        "a link among folders of photos must lead somewhere, but {} leads to {}, which is not there; mend or"
    )
    assert refused(pets).startswith(message.format(pets / "set" / "birds", pets / "gone"))
    assert refused(base).startswith(message.format(base / "set" / "val", pets / "gone"))


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
    caplog.clear()
    save(save_parts(pets / "other", "train", "val", "test") / "set", 4)
    assert len(found(pets / "other")) == 18
    assert "for they lie in no class folder: 4" in caplog.text


def save_parts(base: Path, *parts: str, classes: tuple[str, ...] = ("cats", "dogs")) -> Path:
    for part in parts:
        for name in classes:
            save(base / "set" / part / name, 3)
    return base


@pytest.mark.parametrize(
    "names", [("test", "train", "validation"), ("TEST", "Training", "val"), ("Testing", "Train", "VALID")]
)
@pytest.mark.parametrize("by", ["group", "column"])
def test_folders_that_are_named_as_parts_are_the_parts(tmp_path, names, by):
    rows = load(config(), save_parts(tmp_path, *names))
    assert rows.labels.positive == "dogs"
    assert rows.y.tolist() == [0, 0, 0, 1, 1, 1] * 3
    assert rows.parts.tolist() == ["test"] * 6 + ["train"] * 6 + ["validation"] * 6
    made = split(rows, Split(by=by))
    assert (made.by, made.leaky, made.groups_known) == ("column", False, False)
    assert [part.tolist() for part in (made.train, made.validation, made.test)] == [
        [*range(6, 12)], [*range(12, 18)], [*range(6)],
    ]  # fmt: skip
    anew = split(rows, Split(by="window"))
    assert anew.by == "row"
    assert len(anew.train) > 6


def test_bad_photos_that_are_left_out_take_their_parts_along(tmp_path):
    base = save_parts(tmp_path, "test", "train", "val")
    (base / "set" / "train" / "cats" / "1.png").write_bytes(b"")
    rows = load(config(on_bad_file="skip"), base)
    assert rows.parts.tolist() == ["test"] * 6 + ["train"] * 5 + ["validation"] * 6


@pytest.mark.parametrize(
    ("positive", "parts"), [("test", "auto"), ("control", "auto"), ("test", "none"), ("control", "none")]
)
def test_a_class_may_be_called_test(tmp_path, positive, parts):
    for name in ("test", "control"):
        save(tmp_path / "set" / name / "deep", 1)
        (tmp_path / "set" / name / "not_fetched.png").symlink_to(tmp_path / f"{name}.png")
    paths, y, labels, found = photos_of(config(positive=positive, parts=parts), tmp_path)
    assert (len(paths), int(y.sum()), labels.positive, found) == (4, 2, positive, None)


def test_two_classes_that_are_called_train_and_test(tmp_path):
    for name in ("train", "test"):
        save(tmp_path / "set" / name / "deep")
    assert photos_of(config(positive="test"), tmp_path)[3] is None
    save_parts(tmp_path / "both", "train", "test", classes=("test", "control"))
    assert photos_of(config(positive="test"), tmp_path / "both")[3] is not None
    assert photos_of(config(positive="test", parts="none"), tmp_path / "both")[3] is None


OR_NONE = "; write data.parts: none if they are classes all the same"


@pytest.mark.parametrize(
    ("more", "reason"),
    [
        (
            "birds",
            "folders of photos must all be parts (train, validation, test) or all be classes, but in {root} "
            "those named as parts are test, train, validation, and those that are not birds" + OR_NONE,
        ),
        (
            "Val/cats",
            "a part of the split has one folder, but Val and validation in {root} both stand for validation",
        ),
        (
            "test",
            "a part of the split must hold one sub-folder of photos per class and no photos beside them, but "
            "{root}/test holds 2 sub-folders and 2 photos" + OR_NONE,
        ),
        ("test/birds", "a binary task has two label values; found 3 classes"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("parts", ["auto", "folders"])
def test_folders_that_are_half_parts_are_refused(tmp_path, more, reason, parts):
    save(save_parts(tmp_path, "train", "validation", "test") / "set" / more)
    assert refused(tmp_path, parts=parts).startswith(reason.format(root=tmp_path / "set"))


def test_one_part_beside_classes_is_no_class(tmp_path):
    save(save_parts(tmp_path, "train") / "set" / "dogs")
    assert "those named as parts are train, and those that are not dogs" in refused(tmp_path)


def test_parts_without_class_folders_are_refused(tmp_path):
    for part in ("train", "val", "test"):
        save(tmp_path / "set" / part)
    assert f"{tmp_path}/set/test holds 0 sub-folders and 2 photos" in refused(tmp_path)
    assert "found 3 classes" in refused(tmp_path, parts="none")


def test_folders_that_should_be_parts_and_are_none(pets):
    assert refused(pets, parts="folders") == (
        f"folders of photos must all be parts (train, validation, test) or all be classes, but in {pets}/set "
        f"those named as parts are none, and those that are not cats, dogs{OR_NONE}"
    )


@pytest.mark.parametrize("parts", [("train", "test"), ("train", "valid"), ("train",)])
def test_a_part_that_is_missing_is_refused_as_in_a_column(tmp_path, parts):
    rows = load(config(), save_parts(tmp_path, *parts))
    missing = "test" if "valid" in parts else "validation"
    message = (
        f"^each of train, validation and test needs positive and negative rows, but {missing} has 0 positive "
        r"and 0 negative; add photos of both classes, or deal all photos anew with split: \{by: window\}$"
    )
    with pytest.raises(RunError, match=message):
        split(rows, Split())


@pytest.mark.parametrize("link", [False, True])
def test_copies_across_parts_are_refused(tmp_path, link):
    base = save_parts(tmp_path, "train", "val", "test") / "set"
    copy, source = base / "test" / "cats" / "9.png", base / "train" / "cats" / "0.png"
    if link:
        copy.symlink_to(source)
    else:
        copy.write_bytes(source.read_bytes())
    rows = load(config(), tmp_path)
    with pytest.raises(
        RunError, match=r"2 rows have an exact copy in another part \(row 3 in test is row 7 in train"
    ):
        split(rows, Split())
    assert split(rows, Split(i_accept_leakage=True)).leaky
