"""The result of an experiment, its text, its table and its plots."""

import json
import math
import pickle

import pytest

from maggy.common.exceptions import NotSupportedError
from maggy.result import build_result, summary_text
from maggy.trial import Trial


def ended(params, metric, **others):
    trial = Trial(params, others.pop("trial_type", "optimization"))
    trial.status = Trial.ERROR if metric is None else Trial.FINALIZED
    trial.final_metric = metric
    for name, value in others.items():
        setattr(trial, name, value)
    return trial


def searched(metrics, direction="max", **others):
    trials = [ended({"lr": number}, metric) for number, metric in enumerate(metrics)]
    return build_result(
        trials, kind="optimization", direction=direction, optimization_key="accuracy", **others
    )


def ablated(metrics, direction="max"):
    """Trials by (feature, layer), started in this order."""
    trials = [
        ended(
            {"ablated_feature": feature, "ablated_layer": layer},
            metric,
            trial_type="ablation",
            start=float(at),
        )
        for at, ((feature, layer), metric) in enumerate(metrics.items())
    ]
    return build_result(trials, kind="ablation", direction=direction, optimization_key="accuracy")


STUDY = {
    ("None", "None"): 0.75,
    ("fare", "None"): 0.5,
    ("None", "my_dense_two"): 0.875,
    ("None", "Layers prefixed my_dense"): None,
}


def test_a_search_has_these_keys():
    assert list(searched([0.5])) == [
        "best_id", "best_val", "best_hp", "best_config", "worst_id", "worst_val", "worst_hp", "worst_config",
        "avg", "metric_list", "num_trials", "early_stopped", "failed",
    ]  # fmt: skip


def test_an_ablation_has_configs_and_differences_but_no_hp():
    assert list(ablated(STUDY)) == [
        "best_id", "best_val", "best_config", "worst_id", "worst_val", "worst_config",
        "avg", "metric_list", "num_trials", "early_stopped", "failed", "differences",
    ]  # fmt: skip


@pytest.mark.parametrize(("direction", "best", "worst"), [("max", 0.75, 0.25), ("min", 0.25, 0.75)])
def test_best_and_worst_follow_the_direction(direction, best, worst):
    result = searched([0.5, 0.75, 0.25], direction)
    assert (result["best_val"], result["worst_val"]) == (best, worst)
    assert result["best_hp"] == result["best_config"] == {"lr": 1 if direction == "max" else 2}
    assert result["best_id"] == Trial(result["best_hp"]).trial_id


@pytest.mark.parametrize("direction", ["max", "min"])
def test_of_equal_metrics_the_first_to_end_is_best_and_worst(direction):
    result = searched([0.5, 0.5, 0.5], direction)
    assert result["best_hp"] == result["worst_hp"] == {"lr": 0}


def test_failed_trials_count_only_as_failed():
    result = searched([None, 0.5, None, 0.25])
    assert (result["num_trials"], result["failed"], result["metric_list"], result["avg"]) == (
        2,
        2,
        [0.5, 0.25],
        0.375,
    )


def test_a_metric_of_nan_never_becomes_best():
    result = searched([math.nan, 0.5, math.inf], "max")
    assert (result["best_val"], result["num_trials"], result["failed"]) == (0.5, 1, 2)


def test_zero_is_a_metric():
    result = searched([0, -0.0, 0.0])
    assert (result["num_trials"], result["best_val"], result["avg"]) == (3, 0, 0.0)


def test_a_trial_stopped_early_may_be_best():
    trials = [
        ended({"lr": 1}, 0.9, early_stop=True),
        ended({"lr": 2}, 0.5),
        ended({"lr": 3}, None, early_stop=True),
    ]
    result = build_result(trials, kind="optimization", direction="max", optimization_key="metric")
    assert (result["early_stopped"], result["best_hp"]) == (1, {"lr": 1})


@pytest.mark.parametrize("metrics", [[], [None, None]])
def test_without_a_success_there_is_no_best(metrics):
    result = searched(metrics)
    assert (
        result["best_id"]
        is result["best_val"]
        is result["best_hp"]
        is result["worst_config"]
        is None
    )
    assert (result["avg"], result["metric_list"], result["failed"]) == (None, [], len(metrics))


def test_the_average_of_huge_metrics_is_finite():
    assert searched([1.5e308, 1.5e308])["avg"] == pytest.approx(1.5e308)


def test_every_value_is_plain_json_and_survives_pickling():
    result = searched([0.5, None, 1])
    assert json.loads(json.dumps(result, allow_nan=False)) == result
    assert json.loads(json.dumps(result.trials, allow_nan=False)) == result.trials
    copy = pickle.loads(pickle.dumps(result))
    assert (copy, copy.trials, copy.kind) == (result, result.trials, "optimization")


def test_changing_best_hp_changes_nothing_else():
    result = searched([0.5])
    result["best_hp"]["lr"] = "changed"
    assert result["best_config"] == result["worst_hp"] == result.trials[0]["params"] == {"lr": 0}


def test_rows_hold_what_each_trial_did():
    trial = ended({"lr": 1}, 0.5, duration=7, start=3.0, attempts=2)
    trial.append_metric({"step": 0, "value": math.nan})
    trial.append_metric({"step": 2, "value": 0.25})
    result = build_result([trial], kind="optimization", direction="max", optimization_key="loss")
    assert result.trials == [
        {
            "trial_id": trial.trial_id,
            "status": "FINALIZED",
            "params": {"lr": 1},
            "metric": 0.5,
            "early_stop": False,
            "duration": 7,
            "start": 3.0,
            "attempts": 2,
            "steps": [0, 2],
            "history": [None, 0.25],
            "outputs": {"loss": 0.5},
            "error": None,
        }
    ]
    assert "trials" not in result


@pytest.mark.parametrize("direction", ["max", "min"])
def test_differences_are_the_metric_minus_the_bases(direction):
    assert ablated(STUDY, direction)["differences"] == [
        {"ablated_feature": "fare", "ablated_layer": "None", "metric": 0.5, "difference": -0.25},
        {
            "ablated_feature": "None",
            "ablated_layer": "my_dense_two",
            "metric": 0.875,
            "difference": 0.125,
        },
        {
            "ablated_feature": "None",
            "ablated_layer": "Layers prefixed my_dense",
            "metric": None,
            "difference": None,
        },
    ]


def test_differences_are_in_order_of_start_whatever_the_order_of_ending():
    trials = [
        ended(
            {"ablated_feature": name, "ablated_layer": "None"},
            0.5,
            trial_type="ablation",
            start=start,
        )
        for name, start in (("c", 3.0), ("never", None), ("None", 1.0), ("a", 2.0))
    ]
    result = build_result(trials, kind="ablation", direction="max", optimization_key="metric")
    assert [each["ablated_feature"] for each in result["differences"]] == ["a", "c", "never"]


def test_without_a_base_there_is_no_difference():
    result = ablated({("None", "None"): None, ("fare", "None"): 0.5})
    assert result["differences"][0]["difference"] is None


def test_the_text_of_a_search_is_the_contracts():
    trials = [
        ended({"lr": 0.1, "act": "relu"}, 0.5, early_stop=True),
        ended({"lr": 0.2, "act": "elu"}, 0.25),
    ]
    result = build_result(trials, kind="optimization", direction="max", optimization_key="metric")
    text = summary_text(
        result, name="RandomSearch", kind="optimization", direction="max", seconds=3756.9
    )
    assert text.splitlines() == [
        "------ RandomSearch Results ------ direction(max)",
        'BEST combination {"lr": 0.1, "act": "relu"} -- metric 0.5',
        'WORST combination {"lr": 0.2, "act": "elu"} -- metric 0.25',
        "AVERAGE metric -- 0.375",
        "EARLY STOPPED Trials -- 1",
        "Total job time 1 hours, 2 minutes, 36 seconds",
    ]


def test_the_text_of_an_ablation_is_the_contracts_with_the_differences_after_it():
    text = summary_text(ablated(STUDY), name="LOCO", kind="ablation", direction="max", seconds=156)
    assert text.splitlines() == [
        "------ LOCO Results ------",
        'BEST Config Excludes {"ablated_feature": "None", "ablated_layer": "my_dense_two"} -- metric 0.875',
        'WORST Config Excludes {"ablated_feature": "fare", "ablated_layer": "None"} -- metric 0.5',
        "AVERAGE metric -- 0.7083333333333334",
        "Total Job Time 0 hours, 2 minutes, 36 seconds",
        "FAILED Trials -- 1",
        "",
        "Difference from the base (0.75), without",
        "  feature fare              -0.25",
        "  layer my_dense_two        +0.125",
        "  Layers prefixed my_dense  failed",
    ]


def test_the_text_without_a_success_or_a_base_says_so():
    text = summary_text(
        searched([None]), name="GridSearch", kind="optimization", direction="min", seconds=0
    )
    assert "No trial ended with a metric" in text
    assert "NaN" not in text
    ablation = ablated({("None", "None"): None, ("fare", "None"): 0.5})
    assert "feature fare  the base failed" in summary_text(
        ablation, name="LOCO", kind="ablation", direction="max", seconds=1
    )


def test_the_table_escapes_what_users_named():
    trials = [ended({"<b>name": "<script>alert(1)</script>"}, 0.5)]
    html = build_result(
        trials, kind="optimization", direction="max", optimization_key="<key>"
    )._repr_html_()
    assert "<script>" not in html
    assert "<b>" not in html
    assert "<key>" not in html
    assert "&lt;script&gt;" in html


def test_the_table_shows_the_best_first_and_failures_last():
    html = searched([0.25, None, 0.75], "max")._repr_html_()
    assert html.index("0.75") < html.index("0.25") < html.index("ERROR")
    html = searched([0.25, None, 0.75], "min")._repr_html_()
    assert html.index("0.25") < html.index("0.75") < html.index("ERROR")


def test_the_table_of_an_ablation_shows_differences():
    html = ablated(STUDY)._repr_html_()
    assert "<td>-0.25</td>" in html
    assert "<td>base</td>" in html


def test_a_table_of_very_many_trials_is_cut_and_says_so():
    html = searched([0.5] * 150)._repr_html_()
    assert html.count("<tr>") == 101
    assert "50 more trials are not shown" in html


@pytest.mark.slow
def test_to_pandas_has_a_row_a_trial_and_a_column_a_parameter():
    trials = [ended({"lr": 1, "metric": "x"}, 0.5), ended({"lr": 2}, None, error="Traceback")]
    frame = build_result(
        trials, kind="optimization", direction="max", optimization_key="metric"
    ).to_pandas()
    assert list(frame.columns[:4]) == ["trial_id", "lr", "param_metric", "metric"]
    assert list(frame["lr"]) == [1, 2]
    assert frame["error"].isna().tolist() == [True, False]


@pytest.mark.slow
def test_plots_draw_every_trial():
    import matplotlib

    matplotlib.use("Agg")
    trials = [ended({"lr": number, "act": "relu"}, number / 10) for number in range(3)]
    for trial in trials:
        trial.append_metric({"step": 0, "value": 0.5})
        trial.append_metric({"step": 1, "value": math.nan})
    result = build_result(trials, kind="optimization", direction="min", optimization_key="loss")
    drawn = result.plot()
    assert len(drawn.collections[0].get_offsets()) == 3
    assert list(drawn.lines[0].get_ydata()) == [0.0, 0.0, 0.0]
    assert len(result.plot_curves().lines) == 3
    assert len(result.plot_parameter("lr").collections[0].get_offsets()) == 3
    assert result.plot_parameter("act").get_xlabel() == "act"
    with pytest.raises(ValueError, match="one of the experiment's"):
        result.plot_parameter("kernel")
    assert len(ablated(STUDY).plot().patches) == 2
    with pytest.raises(NotSupportedError, match="base trial"):
        ablated({("None", "None"): 0.5}).plot()
    matplotlib.pyplot.close("all")


def test_without_matplotlib_a_plot_names_the_remedy(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "matplotlib", None)
    with pytest.raises(ImportError, match=r"pip install 'maggy\[plots\]'"):
        searched([0.5]).plot()


def test_without_pandas_to_pandas_names_the_remedy(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "pandas", None)
    with pytest.raises(ImportError, match=r"pip install 'maggy\[plots\]'"):
        searched([0.5]).to_pandas()
