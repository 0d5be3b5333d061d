"""The figures that Optuna draws of a result with plotly."""

import sys

import pytest
from helpers.results import STUDY, ablation_result, ended_trial

from maggy.common.exceptions import (
    BadArgumentsError,
    MissingDependencyError,
    NotSupportedError,
)
from maggy.result import build_result
from maggy.searchspace import Searchspace

SPACE = Searchspace(
    rate=("DOUBLE", [1e-4, 1.0], "log"),
    units=("INTEGER", [8, 64]),
    kind=("CATEGORICAL", ["b", "a"]),
    drop=("DOUBLE", [0, 1]),
    decay=("DOUBLE", [0, 1]),
)
METHODS = ["plot_importances", "plot_parallel_coordinate", "plot_contour", "plot_slice"]


def params(number):
    return {
        "rate": 10 ** -(1 + number % 3),
        "units": 8 + number,
        "kind": "ab"[number % 2],
        "drop": number % 5 / 5,
        "decay": number % 4 / 4,
    }


def search(metrics, direction="min", **others):
    trials = [
        ended_trial(params(number), metric, **others) for number, metric in enumerate(metrics)
    ]
    result = build_result(
        trials, kind="optimization", direction=direction, optimization_key="loss<b>"
    )
    result.searchspace = SPACE
    return result


@pytest.fixture
def result():
    return search([0.5 + number / 50 for number in range(20)])


def texts(figure):
    return figure.layout.title.text


@pytest.mark.parametrize("method", METHODS)
def test_a_figure_of_plotly_names_the_metric_its_direction_and_the_trials(result, method):
    figure = getattr(result, method)()
    assert type(figure).__name__ == "Figure"
    assert len(figure.data) > 0
    assert "loss&lt;b&gt;" in texts(figure)
    assert "20 trials that ran to the end, lower is better" in texts(figure)


def test_the_most_important_parameter_is_on_top():
    result = search([8 + number for number in range(20)])  # the metric follows the units
    (bars,) = result.plot_importances().data
    assert bars.y[-1] == "units"
    assert list(bars.x) == sorted(bars.x)
    assert set(bars.y) == set(SPACE.names())


def test_a_log_parameter_has_a_log_axis_and_one_can_choose_parameters(result):
    figure = result.plot_slice(["rate", "units"])
    assert figure.layout.xaxis.title.text == "rate"
    assert figure.layout.xaxis.type == "log"
    assert figure.layout.xaxis2.type != "log"


def test_contours_are_those_of_the_four_most_important_parameters(result):
    four = [axis.title.text for axis in result.plot_contour().select_xaxes() if axis.title.text]
    assert len(four) == 4
    assert "the 4 most important of 5 parameters" in texts(result.plot_contour())
    two = result.plot_contour(["rate", "units"])
    assert (two.layout.xaxis.title.text, two.layout.yaxis.title.text) == ("rate", "units")


def test_small_numbers_have_no_prefix_of_a_unit(result):
    for figure in (result.plot_slice(), result.plot_contour()):
        axes = [*figure.select_xaxes(), *figure.select_yaxes()]
        assert {axis.exponentformat for axis in axes} == {"power"}


def test_a_diverged_trial_is_drawn_at_the_end_of_the_axis_and_counted():
    figure = search([*(0.5 + number / 50 for number in range(19)), 1e12]).plot_slice(["rate"])
    assert max(figure.data[0].y) == pytest.approx(0.86)
    assert len(figure.data[0].y) == 20
    assert "1 trial beyond the axis drawn at its end" in texts(figure)


@pytest.mark.parametrize("names", ["rate", ["rate", "momentum"]])
def test_a_name_that_is_no_parameter_is_refused(result, names):
    for method in METHODS[1:]:
        with pytest.raises(BadArgumentsError, match="must be a list of the experiment's"):
            getattr(result, method)(names)


def test_long_categories_end_before_the_next_axis():
    names = [f"{letter}_category_with_a_name_of".ljust(40, "_") for letter in "ab"]
    result = search([0.5 + number / 50 for number in range(20)])
    for row in result.trials:
        row["params"]["kind"] = names["ab".index(row["params"]["kind"])]
    result.searchspace = None
    labels = [label.text for label in result.plot_parallel_coordinate().layout.annotations]
    assert "a_category…_________" in labels
    assert max(map(len, labels)) <= 20
    for figure in (result.plot_slice(), result.plot_contour()):
        aliases = figure.layout.xaxis.labelalias
        assert {"a_catego…_______", "b_catego…_______"} == set(aliases.values())
        assert set(names) < set(aliases)


def test_contours_need_two_parameters(result):
    with pytest.raises(BadArgumentsError, match="at least two parameters"):
        result.plot_contour(["rate"])


@pytest.mark.parametrize("method", METHODS)
def test_trials_that_did_not_run_to_their_end_are_too_few(method):
    message = rf"{method}\(\) needs at least two trials that ran to their end"
    for result in (search([]), search([None, 0.5]), search([0.5, 0.6, 0.7], early_stop=True)):
        with pytest.raises(NotSupportedError, match=message):
            getattr(result, method)()


@pytest.mark.parametrize("method", METHODS)
def test_an_ablation_has_no_hyperparameters(method):
    with pytest.raises(NotSupportedError, match="this is an ablation"):
        getattr(ablation_result(STUDY), method)()


@pytest.mark.parametrize("package", ["optuna", "plotly"])
@pytest.mark.parametrize("method", METHODS)
def test_without_a_package_the_error_names_the_remedy(result, method, package, monkeypatch):
    monkeypatch.setitem(sys.modules, package, None)
    message = rf"{method}\(\) needs {package}, which is not installed: pip install 'optuna>="
    with pytest.raises(MissingDependencyError, match=message):
        getattr(result, method)()


def _count(trace):
    return len(trace.x or ())


def test_long_names_beside_several_contours_are_short():
    names = [f"the_{letter}_parameter_whose_name_has_forty_chars" for letter in "abc"]
    trials = [
        ended_trial({name: (number * 7 + place) % 10 for place, name in enumerate(names)}, number)
        for number in range(10)
    ]
    result = build_result(trials, kind="optimization", direction="max", optimization_key="acc")
    figure = result.plot_contour()
    titles = {axis.title.text for axis in figure.select_yaxes()} - {None}
    assert titles == {f"the_{letter}_para…rty_chars" for letter in "abc"}


def test_contours_of_many_trials_are_those_of_a_sample_from_the_best_to_the_worst():
    space = Searchspace(x=("DOUBLE", [0, 1]), y=("DOUBLE", [0, 1]))
    trials = [
        ended_trial({"x": number / 400, "y": number * 7 % 400 / 400}, number / 400)
        for number in range(400)
    ]
    result = build_result(trials, kind="optimization", direction="max", optimization_key="acc")
    result.searchspace = space
    figure = result.plot_contour()
    assert "150 of 400 trials that ran to the end" in figure.layout.title.text
    points = max((trace for trace in figure.data if trace.type == "scatter"), key=_count)
    assert len(points.x) == 150
    assert {0.0, 399 / 400} <= set(points.x)
    assert "<sup>400 trials that ran" in result.plot_slice().layout.title.text
