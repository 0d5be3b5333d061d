"""``maggy dashboard`` with the real optuna-dashboard, looked at in Chromium: `tox -e dashboard`."""

import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import urllib.request
from contextlib import contextmanager

import pytest
from helpers.recorded import record_ablation, record_search, tree
from helpers.results import ended_trial
from helpers.waiting import HANG, PROCESS_SECONDS, process, running, wait_until

import maggy
from maggy import OptimizationConfig, Searchspace, experiment

pytestmark = pytest.mark.slow

SPACE = Searchspace(
    lr=("DOUBLE", [0.001, 1.0], "log"),
    units=("INTEGER", [8, 64], {"step": 8}),
    kernel=("CATEGORICAL", [(3, 3), (5, 5)]),
)


@contextmanager
def dashboard(directory, *options):
    """Run the command; yield its process, the address that it prints, and its remarks so far."""
    command = [sys.executable, "-m", "maggy", "dashboard", str(directory), "--port", "0", *options]
    remarks = []
    with process(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
    ) as started:
        url = started.stdout.readline().strip()
        reader = threading.Thread(target=lambda: remarks.extend(started.stderr), daemon=True)
        reader.start()
        assert url, started.communicate()
        yield started, url, remarks
        if started.poll() is None:
            os.kill(started.pid, signal.SIGINT)
        started.wait(HANG)
        reader.join(HANG)


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
    from selenium import webdriver
    from selenium.webdriver.chrome.service import Service

    options = webdriver.ChromeOptions()
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    for argument in (
        "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
        "--disable-background-networking", "--disable-component-update", "--disable-sync",
        "--window-size=1400,1800", f"--user-data-dir={tmp_path_factory.mktemp('profile')}",
    ):  # fmt: skip
        options.add_argument(argument)
    binary, driver = shutil.which("chromium"), shutil.which("chromedriver")
    if binary and driver:  # otherwise Selenium looks for Chrome
        options.binary_location = binary
    browser = webdriver.Chrome(options=options, service=Service(driver))
    yield browser
    browser.quit()


def look(browser, url, *texts, picture=None):
    """Open a page, wait until it shows the texts, and check that its scripts had no error."""
    browser.get(url)
    for text in texts:
        wait_until(lambda text=text: text in shown(browser), f"the text {text!r}", pause=0.2)
    if picture is not None:
        # Plotly draws the plots after the texts.
        wait_until(lambda: browser.find_elements("css selector", ".main-svg"), pause=0.2)
        browser.save_screenshot(str(picture))
    assert browser.execute_script("return window.attacked") is None
    errors = [line["message"] for line in browser.get_log("browser") if line["level"] == "SEVERE"]
    # The page of an earlier test may have asked its own server once more.
    server = url.partition("/dashboard")[0]
    assert [text for text in errors if server in text and "favicon" not in text] == []
    browser.get("about:blank")


def shown(browser):
    return browser.execute_script("return document.body.innerText")


def study(url):
    server = url.partition("/dashboard")[0]
    return json.load(urllib.request.urlopen(f"{server}/api/studies/0", timeout=HANG))


def states(url):
    return [trial["state"] for trial in study(url)["trials"]]


def search(function, num_trials=8, **options):
    return experiment.lagom(
        function,
        OptimizationConfig(
            num_trials, "randomsearch", SPACE, optimization_key="accuracy", seed=2, name="digits",
            hb_interval=0.1, **options,
        ),
    )  # fmt: skip


@pytest.mark.usefixtures("spark", "experiments")
def test_a_finished_search_is_shown_and_what_the_dashboard_deletes_is_a_copy(browser, tmp_path):
    def train(lr, units, kernel, reporter):
        for step in range(5):
            reporter.broadcast(1 - lr / (step + 1), step)
        if units == 8:
            raise ValueError("no units")
        return 1 - lr

    result = search(train, initial_trials=[{"lr": 0.1, "units": 8, "kernel": (3, 3)}])
    before = tree(tmp_path / "experiments")
    with dashboard(result.directory) as (started, url, remarks):
        assert (
            sorted(states(url))
            == ["Complete"] * (8 - result["failed"]) + ["Fail"] * (result["failed"])
        )
        best = f"{result['best_val']:.6f}"[:7]
        look(browser, url, "Best Trial", best, "digits", picture=tmp_path / "finished.png")
        name = result.trials[-1]["trial_id"]
        look(browser, f"{url}/trials?numbers=7", name)
        request = urllib.request.Request(
            f"{url.partition('/dashboard')[0]}/api/studies/0", b"{}", method="DELETE",
            headers={"Content-Type": "application/json"},
        )  # fmt: skip
        assert urllib.request.urlopen(request, timeout=HANG).status == 204
        assert tree(tmp_path / "experiments") == before
        assert len(maggy.load(result.directory).trials) == 8
    assert started.returncode == 0
    assert remarks[-1] == "maggy: The dashboard has ended.\n"


@pytest.mark.usefixtures("spark")
def test_a_running_search_is_followed_to_its_end(browser, tmp_path, experiments):
    gate = str(tmp_path / "gate")

    def wait(lr, units, kernel, reporter):
        import os
        import time

        reporter.broadcast(lr, 0)
        while units > 8 and not os.path.exists(gate):
            time.sleep(0.05)
        return 1 - lr

    initial = [{"lr": 0.1 * units, "units": 8 * units, "kernel": (3, 3)} for units in (1, 2, 3)]

    def open_gate():
        with open(gate, "w"):
            pass

    with running(lambda: search(wait, 3, initial_trials=initial), release=open_gate) as background:
        (directory,) = wait_until(lambda: list(experiments.glob("*_1")), seconds=PROCESS_SECONDS)
        wait_until((directory / "maggy.json").exists)
        # Two may run before: the first trial is one of them until it has ended.
        wait_until(lambda: len(maggy.load(directory).trials) == 1, seconds=PROCESS_SECONDS)
        wait_until(lambda: len(maggy.load(directory).running) == 2)
        with dashboard(directory) as (_, url, remarks):
            assert states(url) == ["Complete", "Running", "Running"]
            look(browser, url, "Running", "digits", picture=tmp_path / "running.png")
            open_gate()
            background.result()
            wait_until(lambda: states(url) == ["Complete"] * 3, pause=0.2)
            wait_until(lambda: "FINISHED" in "".join(remarks), pause=0.2)
            duration = study(url)["trials"][1]["datetime_complete"]
            look(browser, url, "FINISHED", picture=tmp_path / "followed.png")
            assert duration is not None
    assert "The experiment has ended: FINISHED." in "".join(remarks)


@pytest.mark.usefixtures("spark")
def test_a_failed_search_is_shown_with_its_errors(browser, tmp_path, experiments):
    def fail(lr, units, kernel):
        raise ValueError("too bad")

    with pytest.raises(maggy.ExperimentError):
        search(fail, 3)
    (directory,) = experiments.iterdir()
    with dashboard(directory) as (_, url, _):
        assert set(states(url)) == {"Fail"}
        look(browser, url, "FAILED", picture=tmp_path / "failed.png")
        look(browser, f"{url}/trials?numbers=0", "ValueError: too bad")


def test_an_ablation_is_shown_as_its_trials(browser, tmp_path):
    recorded = record_ablation(tmp_path, {"None": [0.75], "fare": [0.5], "age": [0.7]})
    with dashboard(recorded.path) as (_, url, remarks):
        look(browser, url, "ablated_feature", picture=tmp_path / "ablation.png")
        assert "with what they leave out as parameters" in "".join(remarks)


def test_texts_of_the_records_are_no_code(browser, tmp_path):
    attack = "<img src=x onerror='window.attacked=1'><script>window.attacked=1</script>"
    recorded = record_search(tmp_path, [0.5, 0.7], name=attack, description=attack)
    recorded.store.claim()
    for number in range(3):
        trial = ended_trial({attack: attack, "n": number}, None if number else 0.9)
        trial.error = attack if number else None
        recorded.store.end_trial(trial)
    with dashboard(recorded.path) as (_, url, _):
        for page in ("", "/analytics", "/trials?numbers=2", "/trialTable"):
            look(browser, f"{url}{page}", "app_1")


@pytest.mark.parametrize("signal_number", [signal.SIGTERM, signal.SIGKILL])
def test_a_dashboard_that_is_killed_leaves_nothing(tmp_path, signal_number):
    recorded = record_search(tmp_path / "logs")
    folder = tmp_path / "temporary"
    folder.mkdir()
    before = tree(tmp_path)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TMPDIR", str(folder))
        with dashboard(recorded.path) as (started, url, _):
            assert states(url)
            os.kill(started.pid, signal_number)
            started.wait(HANG)
    assert tree(tmp_path) == before
