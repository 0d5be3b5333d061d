"""The text of the report: whole, without a network, and with nothing that leaves its place."""

import base64
import gzip
import json
import re

import pytest
from helpers.hostile_results import HOSTILE, hostile_result
from helpers.populations import population_result, promotion_result
from helpers.results import ablation_result, repeated_result, search_result

from maggy import BadArgumentsError
from maggy.common.exceptions import MissingDependencyError
from maggy.result import build_result
from maggy.result.report import page, report_page, search_figures
from maggy.result.report.curves import thin
from maggy.result.report.failures import failures_of
from maggy.trial import Trial


@pytest.fixture(autouse=True)
def without_slow_libraries(monkeypatch):
    """Optuna's figures take seconds, and plotly's script has 5 MB. Chromium tests have both."""

    def refuse(*_):
        raise BadArgumentsError("not here")

    monkeypatch.setattr(search_figures, "OptunaFigures", refuse)
    monkeypatch.setattr(page, "_plotly_script", lambda: ("plotly", "'sha256-plotly'"))


def data_of(text):
    return json.loads(re.search(r'id="data">(.*?)</script>', text)[1])["table"]


def plots_of(text):
    packed = re.search(r'id="plots-data">(.*?)</script>', text)[1]
    return json.loads(gzip.decompress(base64.b64decode(packed)))


def test_a_page_loads_nothing_and_lets_only_its_own_scripts_run():
    text = report_page(search_result([0.5, None, 0.75]))
    (policy,) = re.findall(r'Security-Policy" content="(.*?)"', text)
    assert policy.startswith("default-src &#39;none&#39;; script-src &#39;sha256-")
    assert "unsafe-inline" not in policy.split("style-src")[0]
    assert not re.search(r'(src|href)="(?!#|data:)', text)


def test_a_page_has_a_row_for_each_trial_the_best_first():
    table = data_of(report_page(search_result([0.5, None, 0.75])))
    assert table["heads"] == ["trial", "lr", "accuracy", "status", "seconds", "worker", "steps"]
    assert [row["keys"][2] for row in table["rows"]] == [0.75, 0.5, None]
    assert table["statuses"] == ["finished", "failed"]
    assert table["heads"][table["metric"]] == "accuracy"


def figure_of(result, title):
    figures = plots_of(report_page(result))["figures"]
    return next((figure for figure in figures if title in figure["title"]), None)


def test_a_population_has_a_figure_of_its_lineage():
    result = population_result(4, 5, share_failed=0.1)
    figure = figure_of(result, "20 turns of 4 members")
    rows = {row["trial_id"]: row for row in result.trials}
    copies = [
        row
        for row in rows.values()
        if row["metric"] is not None and row.get("parent")
        if rows[row["parent"]]["member"] != row["member"]
    ]
    assert copies
    lines, markers = (
        trace
        for trace in figure["data"]
        if trace["name"] == f"copy of another member ({len(copies)})"
    )
    assert (lines["showlegend"], len(lines["x"])) == (False, 3 * len(copies))
    assert (markers["marker"]["symbol"], len(markers["customdata"])) == ("diamond", len(copies))
    best = next(trace for trace in figure["data"] if "best" in trace.get("name", ""))
    assert best["y"][-1] == pytest.approx(result["best_val"], rel=1e-5)
    assert best["x"] == list(range(2, 2 * len(best["x"]) + 1, 2))


def test_promotions_have_a_figure_of_their_lineage_and_other_trials_none():
    figure = figure_of(promotion_result(60), "of which 31 continue another")
    assert figure["layout"]["xaxis"]["ticktext"] == ["1", "2", "4", "8", "16"]
    assert figure_of(search_result([0.5, 0.75]), "continue") is None


def test_nothing_of_a_hostile_result_leaves_its_place():
    text = report_page(hostile_result())
    assert text.count("<script") == text.count("</script>") == 4
    assert "<img" not in text
    assert "\x1b" not in text
    assert "hunter2" not in text
    assert "\u202e" not in text
    # It is still there, as a text.
    assert any(HOSTILE[0] in cell for row in data_of(text)["rows"] for cell in row["cells"])
    assert plots_of(text)["parameters"][0]["choice"].startswith("&lt;/script")
    assert len(text) < 1_000_000


@pytest.mark.parametrize(
    "make",
    [
        pytest.param(lambda: search_result([]), id="no trial"),
        pytest.param(lambda: search_result([None, None]), id="all failed"),
        pytest.param(lambda: search_result([0.0, 0.0]), id="equal"),
        pytest.param(lambda: search_result([1e308, -1e308]), id="extremes"),
        pytest.param(
            lambda: ablation_result({("None", "None"): 0.75, ("fare", "None"): 0.5}), id="ablation"
        ),
        pytest.param(
            lambda: ablation_result({("None", "None"): None, ("fare", "None"): 0.5}), id="no base"
        ),
        pytest.param(repeated_result, id="repeats"),
        pytest.param(lambda: single_result(None), id="single"),
        pytest.param(lambda: single_result("ValueError: no"), id="failed single"),
    ],
)
def test_every_kind_of_result_has_a_page(make):
    text = report_page(make())
    assert text.startswith("<!DOCTYPE html>")
    assert text.rstrip().endswith("</html>")


def test_single_runs_of_a_study_with_repeats_have_no_mean_difference_beside_them():
    once = ablation_result({("None", "None"): 0.75, ("fare", "None"): 0.5})
    assert "difference" in data_of(report_page(once))["heads"]
    assert "difference" not in data_of(report_page(repeated_result()))["heads"]


def single_result(error):
    trial = Trial({})
    trial.status, trial.error = (Trial.ERROR if error else Trial.FINALIZED), error
    return build_result([trial], kind="single", direction="max", optimization_key="metric")


def test_a_single_run_shows_no_metric_but_its_failure():
    text = report_page(single_result("Traceback: no\nValueError: <no>"))
    assert "ValueError: &lt;no&gt;" in text
    assert 'id="trials"' not in text
    assert "Failures" not in report_page(single_result(None))


def test_a_running_experiment_says_so_and_lists_what_runs():
    result = search_result([0.5])
    result.state = "RUNNING"
    result.running = [
        {**result.trials[0], "trial_id": "r", "status": Trial.RUNNING, "metric": None}
    ]
    text = report_page(result)
    assert "still ran when this page was made" in text
    assert data_of(text)["statuses"] == ["finished", "running"]


def test_a_page_names_what_the_experiment_ran_with():
    result = search_result([0.5])
    setup = {
        "python": "3.11.7",
        "packages": {"tensorflow": "2.21.0"},
        "spark": {"version": "4.1.0", "master": "spark://host:7077", "settings": {"spark.a": "b"}},
        "config": {"num_trials": 3},
    }
    result.record = {"name": "digits", "seed": 42, "runs": [{"app_id": "app-7", "setup": setup}]}
    text = report_page(result)
    for fact in ("digits", "3.11.7", "2.21.0", "4.1.0", "spark://host:7077", "42", "num_trials"):
        assert fact in text
    assert "The records do not say" not in text


@pytest.mark.parametrize("record", [{}, {"runs": 3, "name": [1]}, {"runs": [{"setup": "x"}]}])
def test_a_record_that_says_nothing_is_no_error(record):
    result = search_result([0.5])
    result.record = record
    assert "The records do not say what the experiment ran with" in report_page(result)


def test_equal_failures_stand_together_and_a_long_traceback_loses_its_middle():
    rows = hostile_result().trials
    failed = [row for row in rows if row["metric"] is None]
    for row in failed[:3]:
        row["error"] = "head\n" + "y" * 10_000_000 + "\nValueError: tail"
    (first, second), more = failures_of(rows)
    assert (first.reason, len(first.trials), len(second.trials), more) == (
        "ValueError: tail", 3, 1, 0,
    )  # fmt: skip
    assert first.text.startswith("head")
    assert "characters are left out" in first.text
    assert len(first.text) < 21_000


def test_a_thinned_curve_keeps_its_ends_and_its_extremes():
    values = [0.0] * 1000
    values[333], values[700] = 9.0, -9.0
    values[500] = None
    steps, kept = thin(range(1000), values, 50)
    assert len(kept) <= 52
    assert (steps[0], steps[-1]) == (0, 999)
    assert {(333, 9.0), (700, -9.0)} <= set(zip(steps, kept, strict=True))


def test_a_report_is_written_to_a_path_or_a_store(tmp_path):
    result = search_result([0.5])
    path = result.report(tmp_path / "report.html")
    assert (tmp_path / "report.html").read_text(encoding="utf-8").startswith("<!DOCTYPE html>")
    assert path == str(tmp_path / "report.html")
    with pytest.raises(OSError, match="nowhere"):
        result.report(tmp_path / "nowhere" / "report.html")


def test_without_jinja2_the_error_names_the_packages(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "jinja2", None)
    with pytest.raises(MissingDependencyError, match=r"pip install 'jinja2>=3\.1' 'plotly>="):
        report_page(search_result([0.5]))
