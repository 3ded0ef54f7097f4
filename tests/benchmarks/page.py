"""What a page of a thousand trials weighs and takes: `python -m tests.benchmarks.page [TRIALS [ROWS]]`.

Prints its size, how much of that is which part, how long it takes to make, and how long Chromium takes to
show, sort, filter and brush it.
"""

import json
import sys
import tempfile
import time
from pathlib import Path

from reports.page import data as page_data
from reports.page import page
from search.runs.run_folder import RunFolder
from tests.helpers.browser import chromium, opened
from tests.helpers.pages import made

MEASURED = """
const done = arguments[0];
const times = {};
const measure = (name, act) => new Promise((then) => {
  const began = performance.now();
  act();
  requestAnimationFrame(() => setTimeout(() => { times[name] = performance.now() - began; then(); }));
});
const type = (text) => {
  const box = document.querySelector("#filter");
  box.value = text;
  box.dispatchEvent(new Event("input"));
};
(async () => {
  times.load = performance.getEntriesByType("navigation")[0].domComplete;
  await measure("all rows", () => [...document.querySelectorAll("#table-more button")].at(-1).click());
  await measure("sort", () => document.querySelector("[data-column=value].sort").click());
  await measure("filter", () => type("adam"));
  await measure("no filter", () => type(""));
  const zone = document.querySelector("[aria-label='limit value']");
  await measure("brush", () => zone.dispatchEvent(new KeyboardEvent("keydown", { key: "ArrowDown" })));
  await measure("choose", () => document.querySelectorAll("#table-body tr")[3].click());
  const slider = document.querySelector("#threshold");
  await measure("slide", () => { slider.value = 40; slider.dispatchEvent(new Event("input")); });
  done(times);
})();
"""


def main(trials: int = 1000, rows: int = 3000) -> None:
    """Makes the run and its page, and prints what they cost."""
    with tempfile.TemporaryDirectory() as scratch:
        run: RunFolder = made(Path(scratch) / "many", trials, rows, 20, quick=True)
        began = time.perf_counter()
        path = page.write(run)
        took = time.perf_counter() - began
        print(f"{trials} trials x {rows} rows: {path.stat().st_size / 1e6:.3f} MB in {took:.1f} s")
        parts = {name: len(json.dumps(part)) for name, part in page_data.document(run).items()}
        large = sorted(parts.items(), key=lambda pair: -pair[1])[:3]
        said = ", ".join(f"{name} {size / 1e3:.0f} kB" for name, size in large)
        print(f"{said}, script {len(page.script()) / 1e3:.0f} kB")
        with chromium() as driver:
            opened(driver, path)
            times = driver.execute_async_script(MEASURED)
            print(", ".join(f"{name} {ms:.0f} ms" for name, ms in times.items()))


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
