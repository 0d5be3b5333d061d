"""The report in headless Chromium: `tox -e report`."""

import math
import os
import random

import pytest
from helpers.chromium import chromium, wait_for_plots
from helpers.hostile_results import hostile_result
from helpers.populations import population_result
from helpers.results import ended_trial, repeated_result
from selenium.common.exceptions import NoAlertPresentException
from selenium.webdriver.common.by import By

from maggy import Searchspace
from maggy.result import build_result

pytestmark = pytest.mark.slow

MAX_BYTES = 5_000_000
SPACE = Searchspace(
    rate=("DOUBLE", [1e-5, 1e-1], "log"),
    layers=("INTEGER", [1, 6]),
    activation=("CATEGORICAL", ["relu", "gelu", "selu"]),
)


def search(count, points):
    """Return the result of a search with this number of trials and points a trial."""
    generator = random.Random(1)
    trials = []
    for number in range(1, count + 1):
        params = {
            "rate": 10 ** generator.uniform(-5, -1),
            "layers": generator.randint(1, 6),
            "activation": generator.choice(["relu", "gelu", "selu"]),
        }
        metric = 0.9 - 0.05 * (math.log10(params["rate"]) + 3) ** 2 + generator.gauss(0, 0.01)
        failed = number % 25 == 0
        trial = ended_trial(params, None if failed else metric)
        trial.number, trial.worker, trial.attempts = number, number % 8, 1
        trial.start, trial.duration = 1.7e9 + 10 * (number // 8), 9000
        trial.error = "Traceback: train.py\nValueError: no batch" if failed else None
        for step in range(points):
            value = metric * (1 - math.exp(-step / 20)) + generator.gauss(0, 0.01)
            trial.append_metric({"step": step, "value": value})
        trials.append(trial)
    result = build_result(trials, kind="optimization", direction="max", optimization_key="accuracy")
    result.searchspace = SPACE
    return result


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
    with chromium(tmp_path_factory.mktemp("profile")) as driver:
        yield driver


@pytest.fixture
def show(browser, tmp_path):
    def show_result(result, *, has_plots=True):
        path = result.report(tmp_path / "report.html")
        browser.get(f"file://{path}")
        if has_plots:
            wait_for_plots(browser)
        return path

    yield show_result
    assert [entry["message"] for entry in browser.get_log("browser")] == []


def column(browser, index):
    return browser.execute_script(
        "return [...document.querySelectorAll('#table tr.trial')]"
        ".map(row => row.cells[arguments[0]].textContent)",
        index,
    )


def type_filter(browser, text):
    browser.execute_script(
        "const input = document.getElementById('filter'); input.value = arguments[0];"
        "limit = Infinity; showTable()",
        text,
    )


def test_a_thousand_trials_can_be_sorted_and_filtered_and_take_less_than_5_mb(browser, show):
    path = show(search(1000, 100))
    assert os.path.getsize(path) < MAX_BYTES
    assert len(column(browser, 0)) == 1000  # all of them after printing
    browser.find_elements(By.CSS_SELECTOR, "#table th button")[2].click()
    rates = browser.execute_script("return order.map(index => table.rows[index].keys[2])")
    assert rates == sorted(rates)
    browser.find_elements(By.CSS_SELECTOR, "#table th button")[2].click()
    assert browser.execute_script("return table.rows[order[0]].keys[2]") == max(rates)
    type_filter(browser, "gelu layers>=5")
    assert set(column(browser, 4)) == {"gelu"}
    assert set(column(browser, 3)) == {"5", "6"}
    type_filter(browser, "")
    browser.find_element(By.XPATH, "//*[@id='statuses']/button[text()='finished']").click()
    assert set(column(browser, 6)) == {"failed"}


@pytest.mark.parametrize(
    ("text", "remark"),
    [
        ("learning_rat<0.1", "No column is called “learning_rat”"),
        ("layers<five", "A number must follow “layers<”"),
        ("gelu layers>=5", ""),
        ("#=3", ""),
    ],
)
def test_a_filter_that_cannot_be_meant_says_so(browser, show, text, remark):
    show(search(20, 3))
    type_filter(browser, text)
    count = browser.find_element(By.ID, "count").text
    assert remark in count
    assert ("called" in count or "follow" in count) is bool(remark)


def test_one_trial_that_matches_is_one_trial(browser, show):
    show(search(20, 3))
    type_filter(browser, "#=3")
    assert browser.find_element(By.ID, "count").text == "1 trial that matches, of 20"


def test_a_trial_shows_its_curve_on_demand(browser, show):
    show(search(20, 30))
    assert browser.find_elements(By.CSS_SELECTOR, ".curve .main-svg") == []
    browser.find_element(By.CSS_SELECTOR, "#table tr.trial").click()
    assert browser.find_elements(By.CSS_SELECTOR, ".curve .main-svg")
    assert "rate" in browser.find_element(By.CSS_SELECTOR, "tr.details").text


def test_a_hostile_result_runs_no_script(browser, show):
    show(hostile_result())
    browser.execute_script("for (const index of [0, 1, 2, 3]) toggleTrial(index)")
    with pytest.raises(NoAlertPresentException):
        browser.switch_to.alert.accept()
    assert browser.find_elements(By.CSS_SELECTOR, "img, main a[href^=javascript]") == []
    csv = browser.execute_script("return csvText()")
    assert "'=cmd()" in csv
    assert "\n=cmd()" not in csv
    assert ",=cmd()" not in csv


def test_a_policy_stops_a_script_that_got_in(browser, show):
    show(search(3, 3))
    browser.execute_script(
        "const script = document.createElement('script'); script.textContent = 'window.bad = 1';"
        "document.body.append(script)"
    )
    assert browser.execute_script("return window.bad") is None
    assert "Content Security Policy" in browser.get_log("browser")[0]["message"]


def test_an_ablation_and_an_empty_search_have_pages(browser, show):
    show(repeated_result())
    assert "without" in browser.find_element(By.ID, "components").text
    empty = build_result([], kind="optimization", direction="max", optimization_key="accuracy")
    show(empty, has_plots=False)


def test_the_lineage_of_a_population_says_what_a_copy_trains_with(browser, show):
    show(population_result(4, 5, share_failed=0.1))
    (place,) = [
        figure
        for figure in browser.find_elements(By.CSS_SELECTOR, "figure.card")
        if "of 4 members" in figure.text
    ]
    texts = browser.execute_script(
        "const plot = arguments[0].querySelector('.plot');"
        "return plot.data.filter((trace) => trace.marker?.symbol === 'diamond')[0].text",
        place,
    )
    assert texts
    assert all("rate" in text for text in texts)


@pytest.mark.parametrize("width", [420, 1400])
def test_no_part_is_wider_than_the_window(browser, show, width):
    size = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": False}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
    show(search(30, 10))
    script = "return document.documentElement.scrollWidth - innerWidth"
    assert browser.execute_script(script) <= 0
    browser.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})


def test_a_browser_that_cannot_unpack_says_what_it_needs(browser, tmp_path):
    path = search(3, 3).report(tmp_path / "report.html")
    source = "delete window.DecompressionStream"
    command = "Page.addScriptToEvaluateOnNewDocument"
    script = browser.execute_cdp_cmd(command, {"source": source})
    browser.get(f"file://{path}")
    message = browser.find_element(By.ID, "plots-message").text
    assert "Chrome 80, Firefox 113, Safari 16.4" in message
    assert len(column(browser, 0)) == 3
    browser.execute_cdp_cmd("Page.removeScriptToEvaluateOnNewDocument", script)
