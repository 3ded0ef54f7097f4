"""The page in a browser, by keyboard and by mouse: what it shows is what Parquet file and scores say."""

import math
import shutil

import numpy as np
import pyarrow.parquet as pq
import pytest
import sklearn.metrics as sk

from reports.boards import leaderboard
from reports.page import page
from search.events.evaluation import decided_counts
from search.events.scoring import EVENT_METRICS
from search.runs.run_folder import RunFolder
from search.scores.metrics import METRICS, counts_at, decide
from tests.helpers.browser import chromium, complaints, opened, requests, settle
from tests.helpers.pages import SEIZURES, made, with_one_configuration

KEYS = {
    "left": "\ue012",
    "up": "\ue013",
    "right": "\ue014",
    "down": "\ue015",
    "home": "\ue011",
    "end": "\ue010",
}
SHIFT, ENTER, ESCAPE = "\ue008", "\ue007", "\ue00c"


@pytest.fixture(scope="module")
def driver():
    with chromium() as browser:
        yield browser


@pytest.fixture(scope="module")
def toy(tmp_path_factory) -> RunFolder:
    return made(tmp_path_factory.mktemp("driven") / "toy", 26, 400, quick=True)


@pytest.fixture(scope="module")
def seizures(tmp_path_factory) -> RunFolder:
    return made(tmp_path_factory.mktemp("driven") / "seizures", 9, 3600, timed=True, study=SEIZURES)


@pytest.fixture
def shown(driver, toy):
    yield opened(driver, page.write(toy))
    assert complaints(driver) == []
    asked = requests(driver)
    assert [url for url in asked if not url.startswith("data:")] == [(toy.path / "report.html").as_uri()]


@pytest.fixture
def shown_seizures(driver, seizures):
    yield opened(driver, page.write(seizures))
    assert complaints(driver) == []


def one(driver, selector: str):
    return driver.find_element("css selector", selector)


def found(driver, selector: str) -> list:
    settle(driver)
    return driver.find_elements("css selector", selector)


def texts(driver, selector: str) -> list[str]:
    settle(driver)
    return driver.execute_script(
        "return [...document.querySelectorAll(arguments[0])].map((found) => found.textContent)", selector
    )


def trials(driver) -> list[str]:
    return texts(driver, "#table-body .open")


def rows_of(run: RunFolder) -> list[dict]:
    return pq.ParquetFile(run.leaderboard).read().to_pylist()


def confusion(driver) -> list[int]:
    cells = [one(driver, f"[data-count={name}]").text for name in ("tp", "fp", "tn", "fn")]
    return [int(cell.replace(",", "")) for cell in cells]


def number(value: float, decimals: int = 3) -> str:
    """A number as the page writes it."""
    return "–" if math.isnan(value) else f"{value:.{decimals}f}".replace("-", "−")


def in_order(rows: list[dict], column: str, *, ascending: bool) -> list[str]:
    sign = 1 if ascending else -1
    known = [(sign * row[column], k) for k, row in enumerate(rows) if row[column] is not None]
    unknown = [row["trial_id"] for row in rows if row[column] is None]
    return [rows[k]["trial_id"] for _, k in sorted(known)] + unknown


def test_sorting(shown, toy):
    rows = rows_of(toy)
    assert trials(shown) == [row["trial_id"] for row in rows[:20]]
    one(shown, "#table-more button").click()
    assert trials(shown) == [row["trial_id"] for row in rows]
    for column in ("learning_rate", "val_precision", "value"):
        for ascending in (False, True):
            one(shown, f"[data-column={column}].sort").send_keys(ENTER)
            assert trials(shown) == in_order(rows, column, ascending=ascending), column
    assert one(shown, "th[aria-sort]").text.startswith("value")


def test_sorting_puts_the_best_first_where_small_is_better(shown, toy):
    one(shown, "#table-more button").click()
    one(shown, ".chooser summary").click()
    one(shown, ".boxes [data-column=val_brier]").click()
    for ascending in (True, False):
        one(shown, "[data-column=val_brier].sort").send_keys(ENTER)
        assert trials(shown) == in_order(rows_of(toy), "val_brier", ascending=ascending)


def test_filtering_and_columns(shown, toy):
    rows = rows_of(toy)
    box = one(shown, "#filter")
    box.send_keys("sigmoid value>0.6")
    fit = [r["trial_id"] for r in rows if r["head"] == "sigmoid" and (r["value"] or 0) > 0.6]
    assert trials(shown) == fit
    assert 0 < len(fit) < len(rows)
    assert one(shown, "#table-count").text == f"{len(fit)} trials that match, of {len(rows)}"
    box.clear()
    box.send_keys("nothing>1")
    assert one(shown, "#filter-error").text == "there is no column nothing"
    box.clear()
    box.send_keys("failed")
    assert trials(shown) == ["00025"]
    assert "</script><b>loss</b> is nan" in texts(shown, "#table-body .notes")[0]
    assert not found(shown, "#table-body b")
    box.clear()
    box.send_keys("adamw weight_decay>0.0001")
    one(shown, ".chooser summary").click()
    one(shown, ".boxes [data-column=weight_decay]").click()
    decays = {t: toy.record(t).ask.config.weight_decay for t in trials(shown)}
    assert min(decays.values()) > 0.0001
    assert len(decays) > 2
    heads = texts(shown, "#table-head th")
    cells = texts(shown, f"#table-body tr > :nth-child({heads.index('weight decay') + 1})")
    assert [float(cell) for cell in cells] == pytest.approx(list(decays.values()), rel=1e-3)


def test_the_slider_counts_as_scikit_learn_does(shown, toy):
    y = toy.reference().y
    shown.execute_script("document.querySelector('#table-body .open').focus()")
    shown.switch_to.active_element.send_keys(KEYS["down"])
    shown.switch_to.active_element.send_keys(KEYS["down"])
    shown.switch_to.active_element.send_keys(ENTER)
    third = rows_of(toy)[2]
    assert one(shown, "#trial-title").text == f"Trial {third['trial_id']}"
    _, score = toy.scores(third["trial_id"])
    command = one(shown, "#command")
    base = f"python search.py promote {toy.path} --trial {third['trial_id']} --to bundle"
    assert command.get_attribute("value") == base
    for key in ("", "left", "left", "right", "right", "right", "end", "left", "home", "right"):
        one(shown, "#threshold").send_keys(KEYS.get(key, ""))
        said = command.get_attribute("value").removeprefix(base)
        own = said == ""
        cut = third["threshold_score"] if own else float(said.removeprefix(" --threshold-score "))
        assert np.float32(cut) == cut
        matrix = sk.confusion_matrix(y, score >= np.float32(cut), labels=[0, 1])
        assert confusion(shown) == [matrix[1, 1], matrix[0, 1], matrix[0, 0], matrix[1, 0]]
        counts = counts_at(y, score, cut)
        for name in ("sensitivity", "specificity", "precision", "f1", "balanced_accuracy", "mcc"):
            assert one(shown, f"[data-metric={name}]").text == number(float(METRICS[name](counts))), name
        cost = float(counts.fp + counts.fn)
        assert one(shown, "[data-metric=cost]").text == f"{cost:.0f}"
    assert len(one(shown, "#threshold").get_attribute("aria-valuetext")) > 10
    one(shown, "#cost-fn").send_keys(KEYS["end"] + "0")  # now 10
    assert one(shown, "[data-metric=cost]").text == f"{float(counts.fp + 10 * counts.fn):.0f}"


def test_copying_and_what_cannot_be_promoted(shown, toy):
    shown.execute_cdp_cmd("Browser.grantPermissions", {"permissions": ["clipboardReadWrite"]})
    one(shown, "#threshold").send_keys(KEYS["right"])
    command = one(shown, "#command").get_attribute("value")
    one(shown, "#copy").click()
    shown.execute_async_script(
        "const done = arguments[0]; const look = () => "
        "document.querySelector('.said').textContent ? done() : setTimeout(look, 20); look();"
    )
    copied = shown.execute_async_script("navigator.clipboard.readText().then(arguments[0])")
    assert copied == command
    assert " --threshold-score " in command
    best = one(shown, "#choose").get_attribute("value")
    assert best in toy.kept()
    for trial, reason in (("00001", "A baseline"), ("00025", "A failed trial"), (None, "Its weights")):
        name = trial or next(r["trial_id"] for r in rows_of(toy)[8:] if r["kind"] == "search")
        one(shown, "#filter").clear()
        one(shown, "#filter").send_keys(f"trial_id={name}")
        one(shown, "#table-body .open").click()
        if trial != "00025":
            assert one(shown, ".promote").text.startswith(reason)
        assert not found(shown, "#command")
    assert one(shown, "#compare-title").text == "Two trials"


def test_brushes_filter_the_table_by_keyboard(shown):
    zones = found(shown, ".zone")
    value = next(zone for zone in zones if zone.get_attribute("aria-label") == "limit value")
    value.send_keys(KEYS["down"])
    kept = trials(shown)
    values = [float(text) for text in texts(shown, "#table-body tr > :nth-child(5)")]
    settle(shown)
    everything = shown.execute_script("return document.querySelectorAll('.lines path').length")
    out = shown.execute_script("return document.querySelectorAll('.lines path.is-out').length")
    assert len(kept) == everything - out
    assert 0 < len(kept) < everything
    value.send_keys(SHIFT + KEYS["down"])
    assert set(trials(shown)) <= set(kept)
    value.send_keys(ESCAPE)
    assert len(trials(shown)) == 20
    assert min(values) > float(texts(shown, "#table-body tr > :nth-child(5)")[-1])


def test_seizures(shown_seizures, seizures):
    driver, reference, rules = shown_seizures, seizures.reference(), seizures.study().events
    best = one(driver, "#choose").get_attribute("value")
    _, score = seizures.scores(best)
    assert len(texts(driver, ".patients tbody tr")) == 6
    for key in ("", "left", "left", "left", "end"):
        one(driver, "#threshold").send_keys(KEYS.get(key, ""))
        said = one(driver, "#command").get_attribute("value").partition(" --threshold-score ")[2]
        cut = float(said) if said else seizures.record(best).threshold_score
        counts = decided_counts(reference, decide(score, cut), rules)
        for name, decimals in (("event_sensitivity", 3), ("event_precision", 3), ("fa_per_day", 1)):
            shown = one(driver, f"[data-metric={name}]").text
            assert shown == number(float(EVENT_METRICS[name](counts)), decimals), name
    for k, recording in enumerate(reference.timeline):
        driver.execute_script(
            "const box = document.querySelector('#trial #recording'); box.value = arguments[0];"
            "box.dispatchEvent(new Event('change'))", str(k),
        )  # fmt: skip
        drawn = texts(driver, "#trial .event.is-reference title")
        assert len(drawn) == len(recording.seizures)
        said = texts(driver, "#trial figure:has(#recording) .note")[-1]
        assert said.startswith(f"{recording.name}: {len(recording.seizures)} seizure")


def test_two_trials(shown, toy):
    first, second = (rows_of(toy)[k]["trial_id"] for k in (0, 3))
    shown.execute_script(
        "const box = document.querySelector('#second'); box.value = arguments[0];"
        "box.dispatchEvent(new Event('change'))", second,
    )  # fmt: skip
    heads = [text for text in texts(shown, "#compare .pairs thead th") if text.startswith("0")]
    assert heads == [first, second] * 2
    assert len(found(shown, "#compare .line.is-second")) == 3
    a, b = (toy.record(trial).ask.config.model_dump() for trial in (first, second))
    differ = {name.replace("_", " ") for name in a if a[name] != b[name]}
    assert differ <= set(texts(shown, "#compare .pairs:first-of-type tbody th")) | {"threshold"}


@pytest.mark.parametrize("odd", ["one baseline", "failed alone", "undefined", "endless"])
def test_odd_runs_are_drawn(driver, toy, tmp_path, odd):
    records = toy.records()
    undefined, endless = {"value": None}, {"threshold_score": math.inf, "threshold": 1.0}
    kept = {
        "one baseline": records[:1],
        "failed alone": records[-1:],
        "undefined": [record.model_copy(update=undefined) for record in records[:4]],
        "endless": [record.model_copy(update=endless) for record in records[:4]],
    }[odd]
    shutil.copytree(toy.path, tmp_path / "odd")
    run = RunFolder(tmp_path / "odd")
    for path in (run.path / "records").glob("*.json"):
        path.unlink()
    for record in kept:
        run.write_record(record)
    leaderboard.write(run.leaderboard, kept)
    opened(driver, page.write(run))
    assert complaints(driver) == []
    assert len(trials(driver)) == len(kept)
    assert one(driver, "#trial-title").text.startswith("Trial ")


def test_seeds_of_a_configuration_show_their_mean(driver, toy, tmp_path):
    shutil.copytree(toy.path, tmp_path / "seeds")
    run = with_one_configuration(RunFolder(tmp_path / "seeds"))
    rows = rows_of(run)
    best = next(row for row in rows if (row["seeds"] or 1) > 1)
    opened(driver, page.write(run))
    assert complaints(driver) == []
    row = f'#table-body [data-trial="{best["trial_id"]}"]'
    heads = [head.rstrip("↑↓ ") for head in texts(driver, "#table-head th")]
    cells = dict(zip(heads, texts(driver, f"{row} > *"), strict=True))
    assert cells["value"] == number(best["value"])
    assert cells["mean"].startswith(number(best["value_mean"]))
    assert cells["seeds"] == str(best["seeds"])
    driver.execute_script("document.querySelector(arguments[0]).click()", f"{row} .open")
    said = " ".join(texts(driver, "#trial .lead"))
    assert f"mean of {best['seeds']} seeds, of which this one has {number(best['value'])}" in said


def test_dragging_along_an_axis_filters_the_table(shown):
    from selenium.webdriver import ActionChains

    axis = one(shown, "[aria-label='limit value']")
    mouse = ActionChains(shown).scroll_to_element(axis).move_to_element(axis)
    mouse.click_and_hold().move_by_offset(0, -80).release().perform()
    assert one(shown, "#table-count").text.split(" that match")[0] != ""
    assert 0 < len(trials(shown)) < 20
    assert axis.get_attribute("aria-valuetext").startswith("from 50% to 8")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_phone(shown_seizures, scheme):
    driver = shown_seizures
    phone = {"width": 360, "height": 740, "deviceScaleFactor": 2, "mobile": True}
    driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", phone)
    features = [{"name": "prefers-color-scheme", "value": scheme}]
    driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": features})
    assert driver.execute_script("return document.documentElement.scrollWidth") == 360
    paper = driver.execute_script("return getComputedStyle(document.body).backgroundColor")
    assert (int(paper.split("(")[1].split(",")[0]) > 127) == (scheme == "light")
    driver.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})
    driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": []})
