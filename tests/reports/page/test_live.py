"""The page of a run that goes on: what is told in pieces comes to what `report` writes."""

import json
import random
import time

import pytest

from reports.page import live
from reports.page.data import document
from reports.page.live import LivePage
from search.runs.run_folder import RunFolder
from tests.helpers.growing import GrowingRun
from tests.helpers.pages import SEIZURES, decoded, made


@pytest.fixture(scope="module")
def toy(tmp_path_factory) -> RunFolder:
    return made(tmp_path_factory.mktemp("live") / "toy", 16, quick=True)


@pytest.fixture(scope="module")
def seizures(tmp_path_factory) -> RunFolder:
    return made(tmp_path_factory.mktemp("live") / "seizures", 9, 1200, timed=True, study=SEIZURES)


@pytest.fixture(autouse=True)
def unhurried(monkeypatch):
    monkeypatch.setattr(live, "DETAIL_S", 60.0)


@pytest.fixture
def watched():
    """Makes pages, and ends what they began."""
    pages = []

    def page(run: RunFolder) -> LivePage:
        pages.append(LivePage(run))
        return pages[-1]

    yield page
    for one in pages:
        one.close()


class Reader:
    """Puts together what it is told, as the script of the page does."""

    def __init__(self) -> None:
        self.version, self.known = 0, {"parts": {}, "rows": {}, "details": {}}

    def take(self, news: dict) -> None:
        news = json.loads(json.dumps(news, allow_nan=False))
        for kind, known in self.known.items():
            for name, value in news[kind].items():
                known[name] = value
                if value is None and kind != "parts":
                    del known[name]
        self.version = news["version"]

    def whole(self) -> dict:
        parts = dict(self.known["parts"])
        order, ranks = parts.pop("order"), parts.pop("ranks")
        rows = [{**self.known["rows"][name], "rank": rank} for name, rank in zip(order, ranks, strict=True)]
        table = {name: [row.get(name) for row in rows] for name in parts.pop("columns")}
        return {**parts, "table": table, "details": self.known["details"]}


def reported(run: RunFolder, **changes) -> dict:
    """What `report` would show, its table decoded."""
    found = json.loads(json.dumps(document(run), allow_nan=False))
    table = {name: decoded(column, found["trials"]) for name, column in found["table"].items()}
    return {**found, "table": table, **changes}


def without(found: dict, *names: str) -> dict:
    return {name: value for name, value in found.items() if name not in names}


@pytest.mark.parametrize("name", ["toy", "seizures"])
def test_pieces_come_to_the_whole_whenever_they_are_asked_for(watched, name, request, tmp_path):
    run = GrowingRun(request.getfixturevalue(name), tmp_path / name)
    page, readers, rng = watched(run.folder), [Reader() for _ in range(3)], random.Random(5)
    for steps in (3, 1, 2, 1, 9):
        run.grow(steps)
        for reader in rng.sample(readers, 2):
            reader.take(page.changes(reader.version, ended=False))
            apart = ("made", "importances")
            assert without(reader.whole(), *apart) == without(reported(run.folder), *apart)
    late = Reader()
    late.take(page.changes(0, ended=False))
    for reader in readers:
        reader.take(page.changes(reader.version, ended=False))
        assert reader.whole() == late.whole()


def test_only_what_changed_is_told(watched, toy, tmp_path):
    run = GrowingRun(toy, tmp_path / "toy")
    page = watched(run.folder)
    assert page.changes(0, ended=False) == {"version": 0, "parts": {}, "rows": {}, "details": {}}
    run.grow(6)
    first = page.changes(0, ended=False)
    assert len(first["rows"]) == 6
    again = page.changes(first["version"], ended=False)
    assert again == {"version": first["version"], "parts": {}, "rows": {}, "details": {}}
    run.grow(1)
    news = page.changes(first["version"], ended=False)
    assert list(news["rows"]) == list(news["details"]) == ["00006"]
    assert {"order", "ranks", "trials"} <= set(news["parts"])
    assert not {"name", "study", "costs", "rows", "events", "objective"} & set(news["parts"])


def test_curves_that_take_long_come_bit_by_bit(watched, toy, tmp_path, monkeypatch):
    run = GrowingRun(toy, tmp_path / "toy")
    run.grow(12)
    monkeypatch.setattr(live, "DETAIL_S", 1e-9)
    ticks = iter(range(1000))
    monkeypatch.setattr(live.time, "monotonic", lambda: next(ticks) * 5e-10)
    page, reader = watched(run.folder), Reader()
    counts = []
    while len(counts) < 30 and (not counts or counts[-1] < 12):
        reader.take(page.changes(reader.version, ended=False))
        counts.append(len(reader.known["details"]))
    assert counts[0] < 12
    assert counts[-1] == 12
    assert len(reader.known["rows"]) == 12


def test_trials_that_fall_behind_lose_their_curves_and_make_room(watched, seizures, tmp_path, monkeypatch):
    monkeypatch.setattr("reports.page.data.DETAILED", 2)
    run = GrowingRun(seizures, tmp_path / "seizures")
    run.grow(4)
    page, reader = watched(run.folder), Reader()
    reader.take(page.changes(0, ended=False))
    run.grow(5)
    reader.take(page.changes(reader.version, ended=False))
    assert reader.known["details"] == reported(run.folder)["details"]


def test_a_record_that_is_gone_and_a_trial_that_ran_again(watched, toy, tmp_path):
    run = GrowingRun(toy, tmp_path / "toy")
    run.grow(8)
    page, reader = watched(run.folder), Reader()
    reader.take(page.changes(0, ended=False))
    old = run.folder.record("00005")
    (run.folder.path / "records" / "00005.json").unlink()
    run.grow(0)
    reader.take(page.changes(reader.version, ended=False))
    assert "00005" not in {**reader.known["rows"], **reader.known["details"]}
    later = old.model_copy(update={"finished_at": "2026-03-02T23:00:00.000+00:00", "value": 0.001})
    run.folder.write_record(later)
    run.grow(0)
    reader.take(page.changes(reader.version, ended=False))
    assert reader.known["rows"]["00005"]["value"] == 0.001
    assert without(reader.whole(), "made", "importances") == without(
        reported(run.folder), "made", "importances"
    )


def test_importances_of_a_run_that_has_ended_are_those_of_report(watched, toy, tmp_path):
    run = GrowingRun(toy, tmp_path / "toy")
    run.grow(99)
    page, reader, deadline = watched(run.folder), Reader(), time.monotonic() + 120
    reader.take(page.changes(0, ended=True))
    assert reader.known["parts"]["importances"] == {"trials": 16, "least": 0, "shares": {}}
    while not reader.known["parts"]["importances"]["shares"]:
        assert time.monotonic() < deadline
        time.sleep(0.1)
        reader.take(page.changes(reader.version, ended=True))
    assert without(reader.whole(), "made") == without(reported(run.folder), "made")


def test_nothing_is_written(watched, toy):
    def files() -> dict:
        return {path: path.stat().st_mtime_ns for path in toy.path.rglob("*")}

    before = files()
    watched(toy).changes(0, ended=False)
    assert files() == before
