"""The tables of an experiment's trials."""

import re
from types import SimpleNamespace

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
from maggy.result.rows import make_row
from maggy.result.tables import parameter_columns


def heads_of(html):
    """Return the texts above the columns of an HTML table."""
    return re.findall(r"<th(?!ead)[^>]*>(.*?)</th>", html)


def cells_of(html, head):
    """Return the texts of one column of an HTML table."""
    rows = [re.findall(r"<td[^>]*>(.*?)</td>", row) for row in html.split("<tr")[2:]]
    return [row[heads_of(html).index(head)] for row in rows]


def varied_result(numbers=True):
    """Return a result with trials of every status, and with numbers as the driver gives them."""
    trials = [
        ended_trial({"lr": 0.1, "units": 16, "act": "relu"}, 0.5, duration=1234, early_stop=True),
        ended_trial({"lr": 0.00123, "units": 256, "act": "gelu"}, 0.91234567, duration=65_000),
        ended_trial({"lr": 0.05, "units": 8, "act": "elu"}, None, duration=900, early_stop=True),
    ]
    result = build_result(trials, kind="optimization", direction="max", optimization_key="accuracy")
    if numbers:
        for number, row in enumerate(result.trials, 1):
            row["number"] = number
    return result


def terminal_text_of(result):
    """Return what IPython shows for a result in a terminal."""
    parts = []
    result._repr_pretty_(SimpleNamespace(text=parts.append), cycle=False)
    return "".join(parts)


def test_a_table_has_the_number_one_vocabulary_and_seconds_and_marks_the_best():
    html = varied_result()._repr_html_()
    assert heads_of(html) == [
        "", "#", "trial", "lr", "units", "act", "accuracy", "status", "seconds"
    ]  # fmt: skip
    assert cells_of(html, "#") == ["2", "1", "3"]
    assert cells_of(html, "status") == ["finished", "stopped early", "failed"]
    assert cells_of(html, "seconds") == ["65.0", "1.2", "0.9"]
    assert cells_of(html, "") == ["&#9733;", "", ""]


def test_without_numbers_there_is_no_column_for_them():
    assert "#" not in heads_of(varied_result(numbers=False)._repr_html_())


def test_numbers_are_rounded_to_the_same_decimals_and_aligned_to_the_right():
    html = varied_result()._repr_html_()
    assert cells_of(html, "accuracy") == ["0.9123", "0.5000", ""]
    assert cells_of(html, "lr") == ["0.00123", "0.10000", "0.05000"]
    assert cells_of(html, "units") == ["256", "16", "8"]
    assert re.search(r'text-align: right">0\.9123', html)
    assert re.search(r'text-align: left">gelu', html)


def test_the_caption_of_a_running_experiment_counts_the_running_trials():
    result = search_result([0.5])
    result.running = [{**result.trials[0], "status": "RUNNING"}]
    result.state = "RUNNING"
    text = "2 trials: 1 finished, 1 running. The experiment is running"
    assert f">{text}</caption>" in result._repr_html_()
    assert terminal_text_of(result).startswith(text)


def test_the_caption_counts_the_trials_by_status():
    assert ">3 trials: 1 finished, 1 stopped early, 1 failed</caption>" in (
        varied_result()._repr_html_()
    )
    assert ">1 trial: 1 finished<" in search_result([0.5])._repr_html_()
    assert ">0 trials<" in search_result([])._repr_html_()


def test_no_trial_is_the_best_where_all_have_failed():
    assert "&#9733;" not in search_result([None, None])._repr_html_()


def test_in_a_terminal_ipython_shows_the_same_table_as_text(monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    result = varied_result()
    for row, name in zip(result.trials, "abc", strict=True):
        row["trial_id"] = name
    assert terminal_text_of(result).splitlines() == [
        "3 trials: 1 finished, 1 stopped early, 1 failed",
        "   #  trial       lr  units  act   accuracy  status         seconds",
        "*  2  b      0.00123    256  gelu    0.9123  finished          65.0",
        "   1  a      0.10000     16  relu    0.5000  stopped early      1.2",
        "   3  c      0.05000      8  elu             failed             0.9",
    ]
    assert terminal_text_of(search_result([])) == "0 trials"


def test_repr_and_str_stay_those_of_a_dict():
    result = varied_result()
    assert repr(result) == str(result) == repr(dict(result))


def test_ipython_finds_the_text_by_itself():
    pretty = pytest.importorskip("IPython.lib.pretty")
    assert pretty.pretty(varied_result()) == terminal_text_of(varied_result())


def test_a_terminal_shows_20_trials_and_the_columns_that_fit(monkeypatch):
    monkeypatch.setenv("COLUMNS", "60")
    params = {f"a_long_name_{index}": "a long text" for index in range(8)}
    trials = [ended_trial({**params, "lr": number}, 0.5) for number in range(30)]
    result = build_result(trials, kind="optimization", direction="max", optimization_key="accuracy")
    *lines, note = terminal_text_of(result).splitlines()
    assert len(lines) == 2 + 20
    assert max(map(len, lines)) <= 60
    assert lines[1].split()[-3:] == ["accuracy", "status", "seconds"]
    assert note.startswith("(10 more rows are not shown; columns without room: a_long_name_")
    monkeypatch.setenv("COLUMNS", "64")
    lines = terminal_text_of(varied_result()).splitlines()
    assert lines[-1] == "(columns without room: trial; to_pandas() has all)"


def test_texts_of_users_cannot_control_a_terminal_or_a_notebook():
    trials = [ended_trial({"a\x1b]0;title\x07": "\x1b[2J\u202eevil\r\nx"}, 0.5)]
    result = build_result(
        trials, kind="optimization", direction="max", optimization_key="m\x1b[31m"
    )
    texts = [
        terminal_text_of(result),
        result._repr_html_(),
        result.to_markdown(),
        result.to_latex(),
    ]
    for text in texts:
        assert not {"\x1b", "\x07", "\u202e", "\r"} & set(text)
        assert "[2Jevil  x" in text or "[2Jevil x" in text.replace("\\[", "[")


def test_an_ablation_with_repeats_shows_its_components_in_a_terminal():
    lines = terminal_text_of(repeated_result()).splitlines()
    assert lines[0] == "9 trials: 9 finished"
    assert lines[1].startswith("without       n           accuracy  difference")
    assert lines[3].startswith("feature fare  3  0.50033 ± 0.01050    -0.19967")


def test_markdown_aligns_numbers_and_prints_the_best_in_bold():
    lines = varied_result().to_markdown().splitlines()
    assert lines[1] == "|---:|---|---:|---:|---|---:|---|---:|"
    assert "| **0.9123** | finished | 65.0 |" in lines[2]
    assert varied_result().to_latex().startswith("\\begin{tabular}{rlrrlrlr}")


def frame_of(trials):
    return build_result(
        trials, kind="optimization", direction="max", optimization_key="metric"
    ).to_pandas()


@pytest.mark.slow
def test_to_pandas_has_times_steps_and_returned_values_behind_the_former_columns():
    trial = ended_trial({"lr": 1}, 0.5, start=1_700_000_000.25, duration=1500)
    trial.append_metric({"step": 3, "value": 0.5})
    trial.outputs = {"metric": 0.5, "loss": 0.25, "lr": 7, "status": "ok"}
    failure = ended_trial({"lr": 2}, None)
    frame = frame_of([trial, failure])
    assert list(frame.columns) == [
        "trial_id", "lr", "metric", "status", "early_stop", "duration", "start", "attempts",
        "error", "started", "duration_seconds", "steps", "loss", "output_lr", "output_status",
    ]  # fmt: skip
    first = frame.iloc[0]
    assert str(first["started"]) == "2023-11-14 22:13:20.250000+00:00"
    assert (first["duration_seconds"], first["steps"], first["loss"]) == (1.5, 1, 0.25)
    assert (first["lr"], first["output_lr"], first["output_status"]) == (1, 7, "ok")
    assert first["start"] == 1_700_000_000.25
    assert frame["started"].isna().tolist() == [False, True]
    assert frame["loss"].isna().tolist() == [False, True]


@pytest.mark.slow
def test_to_pandas_has_numbers_only_where_they_are_known():
    assert list(varied_result().to_pandas()["number"]) == [1, 2, 3]
    assert "number" not in varied_result(numbers=False).to_pandas().columns


@pytest.mark.slow
def test_to_pandas_has_the_parent_and_the_member_of_turns():
    first = ended_trial({"lr": 1, "member": "a parameter"}, 0.5, member=0)
    second = ended_trial({"lr": 2}, 0.5, member=1, parent=first.trial_id)
    frame = frame_of([first, second])
    assert frame["parent"].isna().tolist() == [True, False]
    assert frame["parent"][1] == first.trial_id
    assert frame["trial_member"].tolist() == [0, 1]
    assert frame["member"][0] == "a parameter"
    assert {"parent", "member"}.isdisjoint(frame_of([ended_trial({"lr": 1}, 0.5)]).columns)


@pytest.mark.slow
def test_a_metric_with_a_name_of_its_own_is_a_returned_value_too():
    frame = varied_result().to_pandas()
    assert list(frame["accuracy"])[:2] == list(frame["metric"])[:2]


@pytest.mark.slow
def test_to_pandas_of_no_trials_has_the_columns():
    assert str(frame_of([])["started"].dtype).startswith("datetime64")


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
    assert html.index("0.75") < html.index("0.25") < html.index("failed</td>")
    html = search_result([0.25, None, 0.75], "min")._repr_html_()
    assert html.index("0.25") < html.index("0.75") < html.index("failed</td>")


def test_the_table_of_an_ablation_shows_differences():
    html = ablation_result(STUDY)._repr_html_()
    assert cells_of(html, "difference") == ["+0.125", "base", "-0.250", ""]


def test_a_table_shows_100_trials_and_counts_the_others():
    html = search_result([0.5] * 150)._repr_html_()
    assert html.count("<tr") == 101
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
    with pytest.raises(ImportError, match="pip install 'matplotlib>="):
        search_result([0.5]).to_pandas()


def test_a_column_of_each_parameter_has_a_name_of_its_own():
    params = {"param_metric": 1, "metric": 2, "param_param_metric": 3}
    assert parameter_columns([make_row(ended_trial(params, 0.5), "metric")]) == {
        "param_metric": "param_metric",
        "metric": "param_param_param_metric",
        "param_param_metric": "param_param_metric",
    }


def test_to_pandas_has_escapes_for_halves_of_characters():
    trial = ended_trial({"lr": 1}, 0.5, outputs={"out\ud800": "value\udfff"})
    result = build_result([trial], kind="optimization", direction="max", optimization_key="metric")
    assert result.to_pandas()["out\\ud800"][0] == "value\\udfff"


def test_columns_are_in_the_order_in_which_parameters_appear_in_ended_trials():
    trials = [ended_trial({"lr": 1, "act": "relu"}, 0.25), ended_trial({"act": "elu"}, 0.75)]
    html = build_result(
        trials, kind="optimization", direction="max", optimization_key="metric"
    )._repr_html_()
    assert heads_of(html) == ["", "trial", "lr", "act", "metric", "status", "seconds"]
    assert html.index("elu") < html.index("relu")


@pytest.mark.slow
def test_a_parameter_may_be_called_like_a_field_that_is_no_column():
    trials = [ended_trial({"steps": 3, "history": "long"}, 0.5)]
    frame = build_result(
        trials, kind="optimization", direction="max", optimization_key="metric"
    ).to_pandas()
    assert (list(frame["steps"]), list(frame["history"])) == ([3], ["long"])
    assert list(frame["trial_steps"]) == [0]


def test_with_repeats_a_notebook_shows_components_and_not_runs():
    html = repeated_result()._repr_html_()
    assert html.count("<tr>") == 1 + 3
    assert cells_of(html, "without") == ["(base)", "feature fare", "layer dense"]
    assert cells_of(html, "verdict")[1] == "helps"
    assert cells_of(html, "95 % interval")[0] == ""
    assert cells_of(html, "seconds") == ["2.0"] * 3  # the mean of 1, 2 and 3 seconds


def test_a_table_with_verdicts_says_that_they_are_stricter_than_intervals():
    sentence = "the verdict is stricter, since it counts all components (Holm)."
    assert sentence in repeated_result()._repr_html_()
    for result in (repeated_result(base=[0.5, None], fare=[0.5, 0.25]), ablation_result(STUDY)):
        assert "verdict is stricter" not in result._repr_html_()


def test_failed_pairs_have_a_column_only_if_there_are_some():
    assert "failed" not in heads_of(repeated_result()._repr_html_())
    html = repeated_result(base=[0.5, 0.6], fare=[0.5, None])._repr_html_()
    assert cells_of(html, "failed") == ["", "1"]


def test_markdown_has_one_row_a_component_and_escapes_texts():
    lines = repeated_result(base=[0.5, 0.6], **{"a|b*": [0.5, 0.7]}).to_markdown().splitlines()
    assert lines[1] == "|---|---|---|---|---|---|---|---|"
    assert lines[3].startswith(r"| feature a\|b\* | 2 |")
    assert "**helps**" in repeated_result().to_markdown()
    assert (
        search_result([0.25]).to_markdown().splitlines()[0]
        == "| trial | lr | accuracy | status | seconds |"
    )


def test_the_verdict_on_a_choice_is_about_the_value_that_its_row_names():
    trials = []
    for label, metrics in (("None", [0.5, 0.51, 0.52]), ("augment=True", [0.7, 0.711, 0.72])):
        for repeat, metric in enumerate(metrics):
            params = {"ablated_feature": "None", "ablated_layer": "None"}
            if label != "None":
                params["ablated_choice"] = label
            trial = ended_trial(params, metric, trial_type="ablation", start=float(len(trials)))
            trial.repeat = repeat
            trials.append(trial)
    result = build_result(trials, kind="ablation", direction="max", optimization_key="accuracy")
    assert result["differences"][0]["verdict"] == "hurts"  # the base's augment=False does
    assert "**better**" in result.to_markdown()
    assert "Better and worse say how the metric is with what the row names." in (
        result._repr_html_()
    )
    assert "Better and worse" not in repeated_result()._repr_html_()


def test_the_failures_of_the_base_stand_in_its_own_row():
    result = repeated_result(base=[0.7, None, 0.71], fare=[0.5, 0.5, 0.51])
    lines = [line.split(" | ") for line in result.to_markdown().splitlines()]
    column = lines[0].index("failed |") if "failed |" in lines[0] else -1
    assert [line[column].strip(" |") for line in lines[2:]] == ["1", "1"]


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


def test_a_difference_that_is_zero_in_all_digits_has_no_sign():
    # The mean of these differences is -9e-18.
    result = repeated_result(base=[0.1, 0.2, 0.4], fare=[0.2, 0.4, 0.1])
    assert result["differences"][0]["difference"] < 0
    row = result.to_markdown().splitlines()[3]
    assert row.startswith("| feature fare | 3 | 0.23 ± 0.15 | 0.00 | -0.")


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
    assert cells_of(html, "ablated_choice") == ["augment=False", "None"]
    assert html.count(">None</td>") == 5


@pytest.mark.slow
def test_data_frames_show_none_for_trials_without_a_choice():
    result = result_with_choice()
    assert list(result.to_pandas()["ablated_choice"]) == ["None", "augment=False"]
    assert list(result.summary()["ablated_choice"]) == ["augment=False"]
