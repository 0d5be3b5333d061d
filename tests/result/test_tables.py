"""The tables of an experiment's trials."""

import pytest
from helpers.results import (
    STUDY,
    ablation_result,
    ended_trial,
    repeated_result,
    search_result,
)

from maggy.ablation.component import Component
from maggy.common.exceptions import NotSupportedError
from maggy.common.text_table import TextTable
from maggy.result import build_result


def test_the_table_escapes_all_names_and_values_of_users():
    trials = [ended_trial({"<b>name": "<script>alert(1)</script>"}, 0.5)]
    html = build_result(
        trials, kind="optimization", direction="max", optimization_key="<key>"
    )._repr_html_()
    assert "<script>" not in html
    assert "<b>" not in html
    assert "<key>" not in html
    assert "&lt;script&gt;" in html


def test_the_table_shows_the_best_first_and_failures_last():
    html = search_result([0.25, None, 0.75], "max")._repr_html_()
    assert html.index("0.75") < html.index("0.25") < html.index("ERROR")
    html = search_result([0.25, None, 0.75], "min")._repr_html_()
    assert html.index("0.25") < html.index("0.75") < html.index("ERROR")


def test_the_table_of_an_ablation_shows_differences():
    html = ablation_result(STUDY)._repr_html_()
    assert "<td>-0.25</td>" in html
    assert "<td>base</td>" in html


def test_a_table_shows_100_trials_and_counts_the_others():
    html = search_result([0.5] * 150)._repr_html_()
    assert html.count("<tr>") == 101
    assert "50 more trials are not shown" in html


@pytest.mark.slow
def test_to_pandas_has_a_row_a_trial_and_a_column_a_parameter():
    trials = [
        ended_trial({"lr": 1, "metric": "x"}, 0.5),
        ended_trial({"lr": 2}, None, error="Traceback"),
    ]
    frame = build_result(
        trials, kind="optimization", direction="max", optimization_key="metric"
    ).to_pandas()
    assert list(frame.columns[:4]) == ["trial_id", "lr", "param_metric", "metric"]
    assert list(frame["lr"]) == [1, 2]
    assert frame["error"].isna().tolist() == [True, False]


def test_without_pandas_to_pandas_names_the_remedy(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "pandas", None)
    with pytest.raises(ImportError, match=r"pip install 'maggy\[plots\]'"):
        search_result([0.5]).to_pandas()


def test_columns_are_in_the_order_in_which_parameters_appear_in_ended_trials():
    trials = [ended_trial({"lr": 1, "act": "relu"}, 0.25), ended_trial({"act": "elu"}, 0.75)]
    html = build_result(
        trials, kind="optimization", direction="max", optimization_key="metric"
    )._repr_html_()
    assert "<th>trial</th><th>lr</th><th>act</th><th>metric</th><th>status</th>" in html
    assert html.index("elu") < html.index("relu")


@pytest.mark.slow
def test_a_parameter_may_be_called_like_a_field_that_is_no_column():
    trials = [ended_trial({"steps": 3, "history": "long"}, 0.5)]
    frame = build_result(
        trials, kind="optimization", direction="max", optimization_key="metric"
    ).to_pandas()
    assert (list(frame["steps"]), list(frame["history"])) == ([3], ["long"])


def test_with_repeats_a_notebook_shows_components_and_not_runs():
    html = repeated_result()._repr_html_()
    assert html.count("<tr>") == 1 + 3
    assert "<td>feature fare</td>" in html
    assert "<td>helps</td>" in html
    assert "<th>95 % interval</th>" in html
    assert "<td>2.0</td>" in html  # the mean of 1, 2 and 3 seconds


def test_a_table_with_verdicts_says_that_they_are_stricter_than_intervals():
    sentence = "the verdict is stricter, since it counts all components (Holm)."
    assert sentence in repeated_result()._repr_html_()
    for result in (repeated_result(base=[0.5, None], fare=[0.5, 0.25]), ablation_result(STUDY)):
        assert "verdict is stricter" not in result._repr_html_()


def test_failed_pairs_have_a_column_only_if_there_are_some():
    assert "<th>failed</th>" not in repeated_result()._repr_html_()
    html = repeated_result(base=[0.5, 0.6], fare=[0.5, None])._repr_html_()
    assert "<th>failed</th>" in html
    assert "<td>1</td></tr>" in html


def test_markdown_has_one_row_a_component_and_escapes_texts():
    lines = repeated_result(base=[0.5, 0.6], **{"a|b*": [0.5, 0.7]}).to_markdown().splitlines()
    assert lines[1] == "|---|---|---|---|---|---|---|---|"
    assert lines[3].startswith(r"| feature a\|b\* | 2 |")
    assert "**helps**" in repeated_result().to_markdown()
    assert (
        search_result([0.25]).to_markdown().splitlines()[0] == "| trial | lr | accuracy | status |"
    )


def test_the_sizes_of_models_are_a_column_where_they_are_known():
    result = repeated_result()
    assert "parameters" not in result.to_latex()
    for row in result.trials:
        is_base = row["params"] == {"ablated_feature": "None", "ablated_layer": "None"}
        size = 1234 if is_base else None
        row["model"] = {"parameters": size, "layers": [], "restarts": []}
    lines = [line.split(" & ") for line in result.to_latex().splitlines() if " & " in line]
    column = lines[0].index("parameters")
    assert [line[column] for line in lines] == ["parameters", "1,234", "", ""]


def test_latex_is_a_tabular_of_booktabs_with_escaped_texts():
    text = repeated_result(base=[0.5, 0.6], **{"my_feature 5%": [0.5, 0.7]}).to_latex()
    assert text.startswith("\\begin{tabular}{lrrrrrrr}\n\\toprule\nwithout & n & accuracy")
    assert r"feature my\_feature 5\%" in text
    assert r"$\pm$" in text
    assert r"\textbf{helps}" in repeated_result().to_latex()
    assert text.endswith("\\bottomrule\n\\end{tabular}")


@pytest.mark.parametrize(
    ("text", "latex"),
    [
        ("-0.5 to 0.25", "$-$0.5 to 0.25"),
        ("-.5", "$-$.5"),
        ("-1,104", "$-$1,104"),
        ("conv-2 at 1e-05", "conv-2 at 1e-05"),
        ("choice optimizer='sgd'", r"choice optimizer=\textquotesingle{}sgd\textquotesingle{}"),
    ],
)
def test_latex_gets_minus_signs_and_straight_quotes(text, latex):
    assert f"\n{latex} \\\\\n" in TextTable(["head"], [[text]]).to_latex()


@pytest.mark.slow
def test_data_frames_have_a_row_a_run_and_a_row_a_component():
    result = repeated_result()
    runs, components = result.to_pandas(), result.summary()
    assert list(runs["repeat"]) == [0, 1, 2] * 3
    assert list(runs["seed"]) == [100, 101, 102] * 3
    assert list(components["component"]) == ["feature fare", "layer dense"]
    assert list(components["verdict"]) == ["helps", "inconclusive"]
    assert "repeat" not in ablation_result(STUDY).to_pandas().columns
    with pytest.raises(NotSupportedError, match="this is a search"):
        search_result([0.5]).summary()


def result_with_choice():
    trials = [
        ended_trial(part.params(), metric, trial_type="ablation", start=metric)
        for part, metric in ((Component.base(), 0.5), (Component.choice("augment", False), 0.75))
    ]
    return build_result(trials, kind="ablation", direction="max", optimization_key="metric")


def test_tables_show_none_for_trials_without_a_choice():
    html = result_with_choice()._repr_html_()
    assert html.count("<td>augment=False</td>") == 1
    assert html.count("<td>None</td>") == 5


@pytest.mark.slow
def test_data_frames_show_none_for_trials_without_a_choice():
    result = result_with_choice()
    assert list(result.to_pandas()["ablated_choice"]) == ["None", "augment=False"]
    assert list(result.summary()["ablated_choice"]) == ["augment=False"]
