"""The text that is printed at the end of an experiment."""

from helpers.results import (
    STUDY,
    ablation_result,
    ended_trial,
    repeated_result,
    search_result,
)

from maggy.result import build_result, summary_text
from maggy.result.ablator_lines import ablator_lines


def test_the_text_of_a_search_is_that_of_the_contract():
    trials = [
        ended_trial({"lr": 0.1, "act": "relu"}, 0.5, early_stop=True),
        ended_trial({"lr": 0.2, "act": "elu"}, 0.25),
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


def test_the_text_of_an_ablation_is_that_of_the_contract_and_the_differences():
    text = summary_text(
        ablation_result(STUDY), name="LOCO", kind="ablation", direction="max", seconds=156
    )
    assert text.splitlines() == [
        "------ LOCO Results ------",
        'BEST Config Excludes {"ablated_feature": "None", "ablated_layer": "my_dense_two"} '
        "-- metric 0.875",
        'WORST Config Excludes {"ablated_feature": "fare", "ablated_layer": "None"} -- metric 0.5',
        "AVERAGE metric -- 0.7083333333333334",
        "Total Job Time 0 hours, 2 minutes, 36 seconds",
        "FAILED Trials -- 1",
        "",
        "Difference from the base (0.75), without",
        "  feature fare              -0.25",
        "  layer my_dense_two        +0.125",
        "  Layers prefixed my_dense  failed",
        "Each is a single run, which cannot tell a component from chance: train each several "
        "times with AblationConfig(..., repeats=5).",
    ]


def test_without_verdicts_the_text_does_not_explain_them(monkeypatch):
    monkeypatch.setattr("maggy.ablation.statistics.can_test", lambda: False)
    text = summary_text(
        repeated_result(), name="LOCO", kind="ablation", direction="max", seconds=156
    )
    assert "0.70000 ± 0.01000" in text
    assert "Holm" not in text


def test_the_text_of_an_ablation_with_repeats_shows_intervals_and_verdicts():
    text = summary_text(
        repeated_result(), name="LOCO", kind="ablation", direction="max", seconds=156
    )
    lines = text.splitlines()
    begin = lines.index("Mean difference from the base of the same repeat")
    assert lines[begin - 2] == "Best and worst are single runs."
    assert lines[begin + 1].split()[:4] == ["without", "n", "accuracy", "difference"]
    rows = {line[2:].split("  ")[0]: line for line in lines[begin + 2 : begin + 5]}
    assert "0.70000 ± 0.01000" in rows["(base)"]
    assert rows["feature fare"].endswith("<0.001      helps         2.0")
    assert "inconclusive" in rows["layer dense"]
    assert lines[-2].startswith("An interval is the component's own; the verdict is stricter")
    assert lines[-1].startswith("This study finds a true difference of ")


def test_the_text_marks_what_was_stopped_early():
    metrics = {("None", "None"): 0.5, ("fare", "None"): 0.25, ("age", "None"): 0.75}
    single = ablation_result(metrics, stopped=[0, 1])
    lines = summary_text(
        single, name="LOCO", kind="ablation", direction="max", seconds=1
    ).splitlines()
    assert "Difference from the base (0.5, stopped early), without" in lines
    assert "  feature fare  -0.25, stopped early" in lines
    assert "  feature age   +0.25" in lines
    assert lines[-1].startswith("A trial that was stopped early was trained for a shorter time")
    repeated = repeated_result(stopped=[0, 4])
    lines = summary_text(
        repeated, name="LOCO", kind="ablation", direction="max", seconds=1
    ).splitlines()
    rows = {line.split("  ")[1]: line for line in lines if line.startswith("  ")}
    assert rows["without"].endswith("  stopped early")
    assert [rows[name].split("  ")[-1].strip() for name in ("(base)", "feature fare")] == ["1", "1"]
    assert lines[-1].startswith("A trial that was stopped early")


def test_the_text_names_components_that_changed_nothing():
    metrics = [0.5, 0.6, 0.7]
    result = repeated_result(base=metrics, fare=metrics)
    text = summary_text(result, name="LOCO", kind="ablation", direction="max", seconds=1)
    assert "exactly that of the base in all repeats: feature fare. Check that" in text
    assert "This study finds" not in text  # a difference of 0 says nothing
    text = summary_text(repeated_result(), name="LOCO", kind="ablation", direction="max", seconds=1)
    assert "exactly that of the base" not in text


def test_the_text_states_that_no_trial_or_no_base_succeeded():
    text = summary_text(
        search_result([None]), name="GridSearch", kind="optimization", direction="min", seconds=0
    )
    assert "No trial ended with a metric" in text
    assert "NaN" not in text
    ablation = ablation_result({("None", "None"): None, ("fare", "None"): 0.5})
    assert "feature fare  the base failed" in summary_text(
        ablation, name="LOCO", kind="ablation", direction="max", seconds=1
    )


def test_the_text_shows_what_the_ablator_adds():
    entries = {"component": "fare", "ci_low": None, "ci_high": None}
    put_back = {"put_back": "fare", "contribution": 0.25, "contribution_ci_low": 0.125}
    result = ablation_result(STUDY)
    assert ablator_lines(result) == []
    result["differences"][0] |= {**put_back, "contribution_ci_high": 0.375}
    result["interactions"] = [
        {"components": ["fare", "age"], "interaction": -0.5, "ci_low": -1.0, "ci_high": 0.0},
        {"components": ["a", "b"], "interaction": None, "ci_low": None, "ci_high": None},
    ]
    result["shapley"] = [{**entries, "value": 0.5}]
    result["rounds"] = [{"component": "fare", "left_out": ["fare"], "difference": -0.25}]
    lines = [
        "",
        "Contribution of each component, put back alone",
        "  fare  +0.25  (0.125 to 0.375)",
        "",
        "Interaction of each pair",
        "  fare, age  -0.5  (-1 to 0)",
        "  a, b       failed",
        "",
        "Shapley value of each component",
        "  fare  +0.5",
        "",
        "Left out for good, with the difference from the base",
        "  fare  -0.25",
    ]
    assert ablator_lines(result) == lines
    text = summary_text(result, name="Pairs", kind="ablation", direction="max", seconds=1)
    assert text.splitlines()[-len(lines) :] == lines
