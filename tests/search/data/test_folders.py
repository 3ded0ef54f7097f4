"""Folders are walked once each, links included; a file that several paths lead to counts once."""

import os
import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from search.data.folders import once, walk
from spaces.errors import RunError


def touch(*files: Path) -> None:
    for file in files:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(b"")


def listed(root: Path) -> list[str]:
    return [
        (folder / name).relative_to(root).as_posix()
        for folder, names in walk(root, "data.path", frozenset({"old"}))
        for name in names
    ]


def test_folders_and_links_are_walked_once_each(tmp_path):
    root, far = tmp_path / "set", tmp_path / "far"
    touch(root / "a" / "1", root / "b" / "c" / "2", root / ".git" / "x", root / "old" / "x", far / "in" / "3")
    for link, to in (("a/b", root / "b"), ("a/far", far), ("b/far", far), ("a/in", far / "in")):
        (root / link).symlink_to(to)
    assert listed(root) == ["a/1", "b/c/2", "a/far/in/3"]
    (tmp_path / "link").symlink_to(root)
    assert listed(tmp_path / "link") == listed(root)


@pytest.mark.parametrize("to", ["", "a", "a/b", "..", "../.."])
def test_a_link_back_up_is_no_way(tmp_path, to):
    root = tmp_path / "up" / "set"
    touch(root / "a" / "b" / "1", tmp_path / "other", tmp_path / "up" / "other")
    (root / "a" / "b" / "round").symlink_to(root / to)
    assert listed(root) == ["a/b/1"]


PLACES = ["set", "set/a", "set/a/b", "set/c", "far", "far/d", "far/d/e", "."]


def reachable(folder: Path, above: set[Path]) -> set[Path]:
    """The slow way: all folders that are reached, by their places."""
    found, last = {folder.resolve()}, set[Path]()
    while found != last:
        last = set(found)
        found |= {p.resolve() for f in last for p in f.iterdir() if p.is_dir()} - above
    return found


@given(links=st.lists(st.tuples(st.sampled_from(PLACES), st.sampled_from(PLACES)), max_size=6))
@settings(deadline=None)
def test_every_folder_that_links_lead_to_is_listed_once(links):
    with tempfile.TemporaryDirectory() as made:
        base = Path(made).resolve()
        for place in PLACES:
            touch(base / place / "file")
        for number, (at, to) in enumerate(links):
            (base / at / f"link{number}").symlink_to(base / to)
        places = [folder.resolve() for folder, _ in walk(base / "set", "data.path", frozenset())]
        assert len(places) == len(set(places))
        assert set(places) == reachable(base / "set", set((base / "set").parents))
        own = {base / place for place in PLACES if place.startswith("set")}
        assert own <= {folder for folder, _ in walk(base / "set", "data.path", frozenset())}


def test_two_folders_that_link_to_each_other(tmp_path):
    touch(tmp_path / "x" / "1", tmp_path / "y" / "2")
    (tmp_path / "x" / "y").symlink_to(tmp_path / "y")
    (tmp_path / "y" / "x").symlink_to(tmp_path / "x")
    assert listed(tmp_path / "x") == ["1", "y/2"]
    assert listed(tmp_path) == ["x/1", "y/2"]


def test_a_file_counts_once_at_its_own_place(tmp_path):
    touch(tmp_path / "b", tmp_path / "in" / "d", tmp_path / "far" / "e")
    links = {"a": "b", "c": "b", "f": "far/e", "g": "f", "h": "gone", "i": "gone"}
    for name, to in links.items():
        (tmp_path / name).symlink_to(tmp_path / to)
    (tmp_path / "out").symlink_to(tmp_path / "in")
    paths = [tmp_path / name for name in (*links, "b", "in/d", "out/d")]
    assert list(once(paths)) == [os.path.realpath(tmp_path / name) for name in ("b", "in/d", "far/e", "gone")]
    assert list(once(paths).values()) == [tmp_path / name for name in ("b", "in/d", "f", "h")]


@pytest.mark.skipif(os.geteuid() == 0, reason="root reads every folder")
def test_a_folder_that_cannot_be_read_is_refused(tmp_path):
    (tmp_path / "a").mkdir(mode=0)
    with pytest.raises(RunError, match=r"^data.path must be readable, but .*a gave: Permission denied$"):
        walk(tmp_path, "data.path", frozenset())
