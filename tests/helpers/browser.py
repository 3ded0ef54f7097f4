"""A headless Chromium to look at pages with; what it complains of and asks the network for is kept."""

import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest


@contextmanager
def chromium(width: int = 1280, height: int = 900) -> Iterator[Any]:
    """Starts Chromium; skips the test where it, its driver or selenium is missing."""
    webdriver = pytest.importorskip("selenium.webdriver", reason="the page's tests need selenium")
    programs = {name: shutil.which(name) for name in ("chromium", "chromedriver")}
    missing = [name for name, path in programs.items() if path is None]
    if missing:
        pytest.skip(f"the page's tests need {' and '.join(missing)} (Debian: chromium, chromium-driver)")
    options = webdriver.ChromeOptions()
    options.binary_location = programs["chromium"]
    calm = "--force-prefers-reduced-motion"  # or what is to be clicked is still scrolling
    for argument in (
        "--headless=new",
        "--no-sandbox",
        "--disable-gpu",
        "--hide-scrollbars",
        calm,
        f"--window-size={width},{height}",
    ):
        options.add_argument(argument)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    driver = webdriver.Chrome(options=options, service=webdriver.ChromeService(programs["chromedriver"]))
    try:
        yield driver
    finally:
        driver.quit()


def opened(driver: Any, page: Path) -> Any:
    """Opens a page and waits until it is drawn; forgets what was said before."""
    for log in ("browser", "performance"):
        driver.get_log(log)
    driver.get(page.resolve().as_uri())
    driver.execute_async_script(
        "const done = arguments[0];"
        "const look = () => document.documentElement.dataset.ready ? done() : setTimeout(look, 20); look();"
    )
    settle(driver)
    return driver


def settle(driver: Any) -> None:
    """Waits for two frames: charts are drawn once the browser has told them how wide they are."""
    driver.execute_async_script("requestAnimationFrame(() => requestAnimationFrame(arguments[0]))")


def complaints(driver: Any) -> list[str]:
    """Returns what the console said since the page was opened."""
    return [entry["message"] for entry in driver.get_log("browser")]


def requests(driver: Any) -> list[str]:
    """Returns every address that was asked for since the page was opened, itself the first."""
    messages = [json.loads(entry["message"])["message"] for entry in driver.get_log("performance")]
    return [
        message["params"]["request"]["url"]
        for message in messages
        if message["method"] == "Network.requestWillBeSent"
    ]
