"""Experiments in JupyterLab, driven by a headless Chromium: ``tox -e jupyter``."""

import re
import sys
import time

import pytest
from helpers.jupyterlab import start_lab
from helpers.snapshots import experiment_snapshot
from helpers.waiting import PROCESS_SECONDS

PANEL = ".jp-Notebook .maggy-panel"

SEARCH = """
import os, sys
os.environ["PYSPARK_PYTHON"] = sys.executable
# Without the web page: Spark searches 16 ports for it, and many sessions would use them up.
os.environ["PYSPARK_SUBMIT_ARGS"] = "--conf spark.ui.enabled=false pyspark-shell"
from maggy import Searchspace, experiment
from maggy.experiment_config import OptimizationConfig

def train(x, reporter):
    import time
    if x > 0.95:
        raise ValueError("x is too large")
    for step in range(10):
        time.sleep(0.1)
        print("epoch", step)
        reporter.broadcast(x * step, step)
    return x

space = Searchspace(x=("DOUBLE", [0, 1]))
config = OptimizationConfig(
    200, "randomsearch", space, seed=1, hb_interval=0.2, name="<b>search</b>"
)
result = experiment.lagom(train, config)
"""

AFTER = "print('the kernel goes', 'on')"

MOVE = f"""
import sys, time
sys.path[:0] = {sys.path!r}
from helpers.snapshots import experiment_snapshot as snapshot
from maggy.live.panel import NotebookPanel

panel = NotebookPanel()
lines = [f"line {{number}}" for number in range(60)]
ended = 0
while not __import__("os").path.exists("stop"):
    ended += 1
    output = {{"a": lines, "b": [*lines, f"last {{ended}}"]}}
    panel.show(snapshot(num_ended=ended, total=10_000, output=output))
    time.sleep(0.1)
panel.close(snapshot(state="FINISHED", num_ended=10_000, total=10_000, running=[]))
"""


@pytest.fixture(scope="module")
def lab(tmp_path_factory):
    directory = tmp_path_factory.mktemp("lab")
    with start_lab(directory, {"MAGGY_LOG_DIR": str(directory / "experiments")}) as lab:
        yield lab


def ended_trials(lab):
    """Return how many trials have ended, as the panel says; 0 without a panel."""
    text = re.search(r"([\d,]+) of [\d,]+ trials", lab.text(f"{PANEL} [data-part=head]"))
    return int(text[1].replace(",", "")) if text else 0


def wait_for_more(lab, count, seconds=PROCESS_SECONDS):
    """Wait until more than this number of trials have ended."""
    lab.wait_for(
        "return parseInt(document.querySelector(arguments[0])?.innerText"
        ".match(/([\\d,]+) of [\\d,]+ trials/)?.[1]) > arguments[1]",
        f"{PANEL} [data-part=head]",
        count,
        seconds=seconds,
    )


def errors(lab):
    """Return what the panel's script has complained about."""
    return [
        entry["message"]
        for entry in lab.browser.get_log("browser")
        if entry["level"] == "SEVERE" and re.search("maggy|panel|widget", entry["message"], re.I)
    ]


def outputs(notebook):
    """Return the outputs of a saved notebook."""
    return [output for cell in notebook.cells for output in cell.outputs]


def panels(notebook):
    """Return the HTML of each panel in a saved notebook, which must not need a widget."""
    data = [output.get("data", {}) for output in outputs(notebook)]
    assert not [kind for bundle in data for kind in bundle if "widget" in kind]
    assert "widgets" not in notebook.metadata
    return [bundle["text/html"] for bundle in data if "maggy-panel" in bundle.get("text/html", "")]


def test_a_fold_that_is_opened_stays_open_and_scrolled_text_stays_while_the_panel_moves(lab):
    lab.write("move.ipynb", MOVE)
    lab.open("move.ipynb")
    lab.run()
    wait_for_more(lab, 10)  # the script runs
    lab.browser.execute_script(
        "const panel = document.querySelector('.maggy-panel');"
        "for (const key of ['failures', 'output', 'a', 'b'])"
        "  panel.querySelector(`[data-key=${key}] > summary`).click();"
        "panel.querySelector('[data-key=failures] details > summary').click();"
        "setTimeout(() => {panel.querySelector('[data-key=a] pre').scrollTop = 30;}, 300);"
    )
    # The HTML is replaced every 3 s, the model every 15 s.
    before, looks = ended_trials(lab), []
    while ended_trials(lab) < before + 180:
        looks.append(
            lab.browser.execute_script(
                "const panel = document.querySelector('.maggy-panel');"
                "const first = panel.querySelector('[data-key=a] pre');"
                "const second = panel.querySelector('[data-key=b] pre');"
                "return [[...panel.querySelectorAll('details')].map(fold => fold.open).join(),"
                "  first.scrollTop,"
                "  second.scrollHeight - second.scrollTop - second.clientHeight < 8]"
            )
        )
        time.sleep(0.05)
    # All folds are open. One output stays where its reader has scrolled, one follows its end.
    assert len(looks) > 20
    assert {tuple(look) for look in looks[10:]} == {("true,true,true,true,true", 30, True)}
    assert "ValueError: bad batch -3" in lab.text(f"{PANEL} [data-part=failures] pre")

    # A page that is opened in the middle shows what was saved, and soon moves again.
    saved = panels(lab.save("move.ipynb"))
    assert "running</span>" in saved[0]
    lab.browser.get("about:blank")
    lab.open("move.ipynb")
    lab.wait_for("return document.querySelector(arguments[0])", PANEL)
    wait_for_more(lab, ended_trials(lab))
    (lab.directory / "stop").touch()
    lab.wait_for("return document.querySelector(arguments[0])", ".maggy-panel .mg-FINISHED")
    assert errors(lab) == []


def test_an_experiment_is_watched_from_another_notebook_and_interrupted_by_the_stop_button(lab):
    lab.write("search.ipynb", SEARCH, AFTER)
    lab.open("search.ipynb")
    lab.run()
    wait_for_more(lab, 3)
    wait_for_more(lab, ended_trials(lab))
    assert re.search(r"\d running", lab.text(f"{PANEL} [data-part=running]"))
    assert "<b>search</b>" in lab.text(PANEL)
    # Output is in the panel, and not below it.
    assert "epoch" not in lab.text(".jp-Notebook .jp-OutputArea-output[data-mime-type*=stdout]")
    lab.browser.execute_script(
        "document.querySelectorAll('.maggy-panel details').forEach(fold => fold.open = true)"
    )
    lab.wait_for(  # the first fold may be that of a trial that has just begun
        "return [...document.querySelectorAll(arguments[0])]"
        ".some(pre => pre.innerText.includes('epoch 1'))",
        f"{PANEL} [data-part=output] pre",
    )
    call = lab.text(f"{PANEL} .mg-foot code")
    assert call.startswith("maggy.watch('")
    lab.save("search.ipynb")

    # The tab is closed. Another notebook goes on with it.
    lab.browser.get("about:blank")
    lab.write("watch.ipynb", f"import maggy\nresult = {call}", "print(result.state)")
    lab.open("watch.ipynb")
    lab.run()
    wait_for_more(lab, 3)
    wait_for_more(lab, ended_trials(lab))
    lab.click('[data-command="notebook:interrupt-kernel"]')
    lab.wait_until_idle()
    texts = [output.get("text") for output in outputs(lab.save("watch.ipynb"))]
    assert "RUNNING\n" in texts  # the stop button has ended the watching only

    # The first notebook is opened again, and its stop button ends the experiment.
    lab.open("search.ipynb")
    (panel,) = panels(lab.save("search.ipynb"))
    assert "running</span>" in panel
    wait_for_more(lab, ended_trials(lab))
    lab.click('[data-command="notebook:interrupt-kernel"]')
    lab.wait_for("return document.querySelector(arguments[0])", ".maggy-panel .mg-KILLED")
    lab.wait_until_idle()
    lab.run()  # all cells again
    wait_for_more(lab, 3)
    lab.click('[data-command="notebook:interrupt-kernel"]')
    lab.wait_until_idle()
    notebook = lab.save("search.ipynb")
    (panel,) = panels(notebook)
    assert "killed</span>" in panel
    assert "&lt;b&gt;search&lt;/b&gt;" in panel
    assert "<script" not in panel
    assert [output.ename for output in outputs(notebook) if output.output_type == "error"] == [
        "KeyboardInterrupt"
    ]
    assert errors(lab) == []


def test_a_notebook_that_is_not_trusted_shows_the_last_state(lab):
    from maggy.live.panel_html import PanelParts, panel_line, panel_page

    snapshot = experiment_snapshot(state="FINISHED", num_ended=8)
    data = {"text/html": panel_page(PanelParts(snapshot)), "text/plain": panel_line(snapshot)}
    lab.write("foreign.ipynb", "1", outputs=[data])
    lab.open("foreign.ipynb")
    text = lab.text(".jp-OutputArea")
    for part in ("Maggy experiment digits", "8 of 8 trials", "lr=0.1, units=32", "1 failed"):
        assert part in text
    assert not lab.browser.execute_script("return document.querySelector('.jp-Notebook style')")
