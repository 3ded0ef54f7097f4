"""The page of K classes, K labels and a number in a browser: its numbers are scikit-learn's."""

import numpy as np
import pytest
import sklearn.metrics as sk

from reports.boards import reading
from reports.page import page
from reports.page.task_trial import POINTS
from search.evaluation.recorded_decisions import decided
from tests.helpers.browser import chromium, complaints, opened, settle
from tests.helpers.task_runs import CLASS_TASK, LABEL_TASK, NAMES, NUMBER_TASK, study_of, written

TASKS = {task.name: task for task in (CLASS_TASK, LABEL_TASK, NUMBER_TASK)}


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    made = tmp_path_factory.mktemp("pages")
    return {name: written(made / name, study_of(task), (1.5, 2.0, 3.0)) for name, task in TASKS.items()}


@pytest.fixture(scope="module")
def driver():
    with chromium() as browser:
        yield browser


def texts(driver, selector):
    settle(driver)
    return [one.text for one in driver.find_elements("css selector", selector)]


def number(driver, selector):
    settle(driver)
    return float(driver.find_element("css selector", selector).text)


def matrix(driver, size=3):
    return [
        [int(number(driver, f'[data-cell="{row},{column}"]')) for column in range(size)]
        for row in range(size)
    ]


def moved(driver, slider, value):
    settle(driver)
    driver.execute_script(
        "const one = document.querySelector(arguments[0]); one.value = arguments[1];"
        "one.dispatchEvent(new Event('input'));",
        f'[data-slider="{slider}"]',
        str(value),
    )


def test_the_matrix_of_classes_is_scikit_learns_before_and_after_a_slider_moves(driver, runs):
    run = runs["classes"]
    opened(driver, page.write(run))
    record, y, (_, score) = run.record("00001"), run.reference().y, run.scores("00001")
    found = decided(record, run.study(), score)
    assert matrix(driver) == sk.confusion_matrix(y, found).tolist()
    assert number(driver, '[data-whole="macro_f1"]') == pytest.approx(
        sk.f1_score(y, found, average="macro"), abs=5e-4
    )
    for k, value in enumerate(sk.recall_score(y, found, average=None)):
        assert number(driver, f'[data-each="recall,{k}"]') == pytest.approx(value, abs=5e-4)
    offsets = np.array(record.offsets)
    offsets[1] = 1.75
    moved(driver, 1, 1.75)
    other = decided(record.model_copy(update={"offsets": tuple(map(float, offsets))}), run.study(), score)
    assert (other != found).any()
    assert matrix(driver) == sk.confusion_matrix(y, other).tolist()
    assert number(driver, '[data-whole="accuracy"]') == pytest.approx(sk.accuracy_score(y, other), abs=5e-4)
    driver.find_element("css selector", "#own-cuts").click()
    assert matrix(driver) == sk.confusion_matrix(y, found).tolist()
    assert set(NAMES) <= set(texts(driver, "#trial th"))
    assert any("macro f1" in text.lower() or "macro F1" in text for text in texts(driver, "#overview dt"))
    assert complaints(driver) == []


def test_a_label_has_a_slider_of_its_own(driver, runs):
    run = runs["labels"]
    opened(driver, page.write(run))
    record, y, (_, score) = run.record("00001"), run.reference().y, run.scores("00001")
    found = decided(record, run.study(), score)
    assert number(driver, '[data-whole="macro_f1"]') == pytest.approx(
        sk.f1_score(y, found, average="macro"), abs=5e-4
    )
    moved(driver, 2, -1.25)
    cuts = np.array(record.thresholds, np.float32)
    cuts[2] = -1.25
    other = score >= cuts
    for k, value in enumerate(sk.precision_score(y, other, average=None)):
        assert number(driver, f'[data-each="precision,{k}"]') == pytest.approx(value, abs=5e-4)
    assert complaints(driver) == []


def test_a_number_has_a_page_without_cuts(driver, runs):
    opened(driver, page.write(runs["number"]))
    assert any("MAE" in text for text in texts(driver, "#overview dt"))
    assert texts(driver, "[data-slider]") == []
    assert complaints(driver) == []


@pytest.mark.parametrize("task", TASKS)
def test_a_phone_shows_it_without_scrolling_sideways(driver, runs, task):
    phone = {"width": 360, "height": 740, "deviceScaleFactor": 2, "mobile": True}
    driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", phone)
    opened(driver, page.write(runs[task]))
    assert driver.execute_script("return document.documentElement.scrollWidth") == 360
    driver.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})


def test_every_curve_has_a_colour_and_a_name(driver, runs):
    opened(driver, page.write(runs["classes"]))
    colours = driver.execute_script(
        "return [...document.querySelectorAll('path.line[class*=is-hue-]')]"
        ".map(e => getComputedStyle(e).stroke)"
    )
    keys = driver.execute_script(
        "return [...document.querySelectorAll('.key[class*=is-hue-]')]"
        ".map(e => [e.parentElement.textContent, getComputedStyle(e).backgroundColor])"
    )
    assert len(set(colours)) == len(NAMES)
    assert keys == [[name, colour] for name, colour in zip([*NAMES, *NAMES], colours, strict=True)]


def test_curves_are_of_each_class_against_the_rest(runs):
    from reports.page.data import document

    run = runs["classes"]
    told = document(run)["details"]["00001"]["many"]
    y = run.reference().y
    for k, curve in enumerate(told["curves"]):
        assert 2 <= len(curve["recall"]) <= POINTS
        area = -np.trapezoid(curve["recall"], curve["false"])
        assert area == pytest.approx(run.record("00001").each["roc_auc"][k].value, abs=0.01)
    assert told["each"]["recall"][1][0] == run.record("00001").each["recall"][1].value
    assert sum(map(sum, told["confusion"])) == len(y)


def test_events_of_classes_are_drawn_at_the_trial_s_offsets(driver, tmp_path):
    events = {"scorer": "ovlp", "positive": ["focal", "gener/alised"]}
    run = written(tmp_path / "events", study_of(CLASS_TASK, events=events), (1.5, 2.0))
    opened(driver, page.write(run))
    row = reading.read(run.path).rows[0]
    shown = driver.find_element("css selector", "#overview").text
    assert f"{row['val_fa_per_day']:.1f} false alarms per day" in shown
    assert {"BAL.ACC., IN SAMPLE", "SEIZURES FOUND, IN SAMPLE"} <= {
        text.upper() for text in texts(driver, "#overview dt")
    }
    assert len(driver.find_elements("css selector", "#trial table.patients tbody tr")) == 16
    assert "at the trial's offsets" in driver.find_element("css selector", "#trial").text
    assert driver.find_elements("css selector", "#trial rect.event.is-reference")
    assert complaints(driver) == []
