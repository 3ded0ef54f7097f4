"""The page of `watch` in a browser: it follows the run, and takes nothing out of the reader's hands."""

import threading
import time
from contextlib import closing

import pytest

from cluster.commands.watched_run import Watched
from cluster.page_server import PageServer
from search.runs.driver_lock import DriverLock
from search.runs.run_folder import RunFolder
from tests.helpers.browser import chromium, complaints, requests, settle
from tests.helpers.growing import GrowingRun
from tests.helpers.pages import made

pytestmark = pytest.mark.slow
PATIENCE_S = 60


@pytest.fixture(scope="module")
def driver():
    with chromium() as browser:
        yield browser


@pytest.fixture(scope="module")
def toy(tmp_path_factory) -> RunFolder:
    return made(tmp_path_factory.mktemp("live") / "toy", 40, 400, quick=True)


@pytest.fixture
def shown(driver, toy, tmp_path):
    """A run without a trial, at work, in the browser."""
    run = GrowingRun(toy, tmp_path / "toy")
    run.driver, run.server = driver, None
    for log in ("browser", "performance"):
        driver.get_log(log)
    with (
        DriverLock(run.folder.log.parent).held(),
        closing(Watched(run.folder.path)) as watched,
        PageServer(watched.page, watched.changes) as server,
    ):
        run.server = server
        thread = threading.Thread(target=server.serve)
        thread.start()
        driver.get(server.address)
        yield run
        asked = [url for url in requests(driver) if not url.startswith("data:")]
        server.stop()
        thread.join()
    assert asked
    assert all(url.startswith(server.address) for url in asked)
    said = [line for line in complaints(driver) if "ERR_CONNECTION_REFUSED" not in line]
    assert said == []


def texts(driver, selector: str) -> list[str]:
    return driver.execute_script(
        "return [...document.querySelectorAll(arguments[0])].map((found) => found.textContent)", selector
    )


def until(driver, selector: str, wanted: str) -> None:
    """Waits until an element's text holds something."""
    deadline = time.monotonic() + PATIENCE_S
    while not any(wanted in text for text in texts(driver, selector)):
        assert time.monotonic() < deadline, (selector, wanted, texts(driver, selector))
        time.sleep(0.1)
    settle(driver)


def test_a_run_is_followed_from_before_its_first_trial(shown):
    driver = shown.driver
    assert texts(driver, ".state strong") == ["Searching"]
    assert texts(driver, "#overview h1, #overview .lead") == ["toy", "No trial has finished yet."]
    assert not texts(driver, "#table-body tr")
    shown.grow(1)
    until(driver, "#table-body .open", "00000")
    assert texts(driver, "#overview h1") == ["toy"]
    shown.grow(8)
    until(driver, "#live-bar .note", "9 of 34 trials finished, 1 of them stopped early")
    until(driver, "#table-count", "9 trials")
    driver.get_log("performance")
    shown.grow(31)
    until(driver, "#table-count", "The first 20 of 40 trials")
    assert texts(driver, "#live-failures li span") == ["TrialError: </script><b>loss</b> is nan & more"]
    assert not texts(driver, "#live b, #table-body b")
    assert driver.title == "40/34 toy: f1"


def test_what_the_reader_has_set_stays(shown):
    driver = shown.driver
    shown.grow(9)
    until(driver, "#table-count", "9 trials")
    driver.find_element("css selector", "[data-column=learning_rate].sort").click()
    driver.find_element("css selector", "#table-body tr:nth-child(3) .open").click()
    chosen = texts(driver, "#trial-title")
    box = driver.find_element("css selector", "#filter")
    box.send_keys("value>0.1")
    driver.execute_script("document.querySelector('.chooser').open = true")
    driver.find_element("css selector", ".boxes [data-column=val_specificity]").click()
    driver.execute_script("window.scrollTo({top: 700, behavior: 'instant'})")
    shown.grow(9)
    until(driver, "#live-bar .note", "18 of 34")
    assert "18" not in texts(driver, "#table-count")[0], "the page waits while it is in use"
    assert driver.execute_script("return document.querySelector('#live').classList.contains('waits')")
    until(driver, "#table-count", "18")
    assert not driver.execute_script("return document.querySelector('#live').classList.contains('waits')")
    assert driver.find_element("css selector", "#filter").get_attribute("value") == "value>0.1"
    assert texts(driver, "#trial-title") == chosen
    assert texts(driver, "th[aria-sort=descending] .sort") == ["rate ↓"]
    assert "specificity" in texts(driver, "#table-head .sort")
    settle(driver)
    assert driver.execute_script("return window.scrollY") == 700
    place = texts(driver, "#table-head .sort").index("rate ↓") + 1
    rates = [float(text) for text in texts(driver, f"#table-body tr > :nth-child({place})") if text != "–"]
    assert rates == sorted(rates, reverse=True)


def test_who_looks_at_the_best_sees_the_new_best(shown, toy):
    driver = shown.driver
    shown.grow(5)
    until(driver, "#table-count", "5 trials")
    before = texts(driver, "#trial-title")
    shown.grow(34)
    until(driver, "#table-count", "of 39")
    best = texts(driver, ".lead .link")[0]
    assert texts(driver, "#trial-title") == [best.capitalize()]
    assert texts(driver, "#trial-title") != before


def test_a_limit_on_an_axis_holds_the_page(shown):
    driver = shown.driver
    shown.grow(12)
    until(driver, "#table-count", "12 trials")
    axis = driver.find_element("css selector", "[aria-label='limit value']")
    axis.send_keys("\ue015")
    settle(driver)
    kept = texts(driver, "#table-body .open")
    assert 0 < len(kept) < 12
    shown.grow(10)
    until(driver, "#live-bar .note", "22 of 34")
    time.sleep(5)
    assert texts(driver, "#table-body .open") == kept
    axis.send_keys("\ue00c")
    until(driver, "#table-count", "of 22")


def test_a_server_that_has_ended_is_said(shown):
    driver = shown.driver
    shown.grow(6)
    until(driver, "#table-count", "6 trials")
    shown.server.stop()
    shown.server._server.server_close()
    until(driver, ".state strong", "The watch has ended: this page stands still")
    assert len(texts(driver, "#table-body tr")) == 6


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_phone(shown, scheme):
    driver = shown.driver
    shown.grow(40)
    phone = {"width": 360, "height": 740, "deviceScaleFactor": 2, "mobile": True}
    driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", phone)
    features = [{"name": "prefers-color-scheme", "value": scheme}]
    driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": features})
    try:
        until(driver, "#table-count", "of 40")
        assert driver.execute_script("return document.documentElement.scrollWidth") == 360
        ink = driver.execute_script("return getComputedStyle(document.querySelector('.state')).color")
        assert (int(ink.split("(")[1].split(",")[0]) < 127) == (scheme == "light")
    finally:
        driver.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})
        driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": []})
