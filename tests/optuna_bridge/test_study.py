"""A result as a study of Optuna."""

from __future__ import annotations

import warnings

import optuna
import pytest

from maggy.result import build_result
from maggy.searchspace import Searchspace
from maggy.trial import Trial

pytestmark = pytest.mark.slow

SPACE = Searchspace(
    rate=("DOUBLE", [1e-4, 1.0], "log"),
    units=("INTEGER", [8, 64], {"step": 8}),
    kind=("CATEGORICAL", ["a", [1, 2], None]),
    decay=("DOUBLE", [0, 1], {"when": {"kind": "a"}}),
)


def ended(params, metric, points=(), *, early=False):
    trial = Trial(params)
    for step, value in points:
        trial.append_metric({"step": step, "value": value})
    trial.status = Trial.ERROR if metric is None else Trial.FINALIZED
    trial.final_metric, trial.early_stop, trial.start, trial.duration = metric, early, 1.7e9, 2500
    trial.error = "boom" if metric is None else None
    return trial


@pytest.fixture
def result():
    trials = [
        ended(
            {"rate": 0.1, "units": 16, "kind": "a", "decay": 0.5, "budget": 3},
            0.9,
            [(0, 0.5), (1, float("nan"))],
        ),
        ended(
            {"rate": 0.2, "units": 24, "kind": [1, 2], "budget": 9},
            0.7,
            [(-1, 0.1), (0, 0.4)],
            early=True,
        ),
        ended({"rate": 0.3, "units": 32, "kind": None, "budget": 3}, None),
    ]
    result = build_result(trials, kind="optimization", direction="max", optimization_key="accuracy")
    result.searchspace = SPACE
    return result


def test_trials_keep_their_parameters_metrics_and_reports(result):
    trials = result.to_optuna_study().trials
    assert [trial.state.name for trial in trials] == ["COMPLETE", "PRUNED", "FAIL"]
    assert [trial.value for trial in trials] == [0.9, 0.7, None]
    assert trials[0].params == {"rate": 0.1, "units": 16, "kind": "a", "decay": 0.5, "budget": 3}
    assert trials[1].params == {"rate": 0.2, "units": 24, "kind": "[1, 2]", "budget": 9}
    assert trials[1].intermediate_values == {0: 0.4}
    assert list(trials[0].intermediate_values) == [0, 1]
    assert trials[0].duration.total_seconds() == 2.5
    assert trials[2].user_attrs == {"trial_id": result.trials[2]["trial_id"], "error": "boom"}


def test_the_search_space_is_that_of_the_experiment(result):
    distributions = result.to_optuna_study().trials[0].distributions
    assert distributions["rate"] == optuna.distributions.FloatDistribution(1e-4, 1.0, log=True)
    assert distributions["units"] == optuna.distributions.IntDistribution(8, 64, step=8)
    assert distributions["kind"] == optuna.distributions.CategoricalDistribution(
        ["a", "[1, 2]", None]
    )
    assert distributions["budget"] == optuna.distributions.IntDistribution(3, 9)


def test_an_upper_bound_that_is_on_no_step_is_lowered_silently(result):
    result.searchspace = Searchspace(
        rate=("DOUBLE", [0, 0.35], {"step": 0.1}),
        units=("INTEGER", [8, 70], {"step": 8}),
        kind=SPACE.values()[2],
    )
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
        distributions = result.to_optuna_study().trials[0].distributions
    assert distributions["rate"] == optuna.distributions.FloatDistribution(0, 0.3, step=0.1)
    assert distributions["units"] == optuna.distributions.IntDistribution(8, 64, step=8)


def test_direction_and_metric_are_named(result):
    study = result.to_optuna_study()
    assert study.direction.name == "MAXIMIZE"
    assert study.metric_names == ["accuracy"]
    assert study.best_params["rate"] == 0.1
    result.direction = "min"
    assert result.to_optuna_study().direction.name == "MINIMIZE"


def test_a_study_can_be_stored_for_the_dashboard(result, tmp_path):
    storage = f"sqlite:///{tmp_path}/study.db"
    result.to_optuna_study(storage=storage, study_name="mine")
    assert len(optuna.load_study(study_name="mine", storage=storage).trials) == 3


def test_optunas_plots_and_analyses_take_it(result):
    import matplotlib

    matplotlib.use("Agg")
    study = result.to_optuna_study()
    plots = optuna.visualization.matplotlib
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
        assert len(plots.plot_optimization_history(study).get_lines()) > 0
        assert len(plots.plot_intermediate_values(study).get_lines()) > 0
        plots.plot_parallel_coordinate(study)
        plots.plot_slice(study)
        plots.plot_timeline(study)
    matplotlib.pyplot.close("all")


def test_a_result_without_a_space_or_of_an_ablation_is_a_study_too():
    trials = [
        ended({"ablated_feature": "None", "ablated_layer": label}, 0.5)
        for label in ("None", "dense")
    ]
    study = build_result(
        trials, kind="ablation", direction="min", optimization_key="loss"
    ).to_optuna_study()
    assert [trial.params["ablated_layer"] for trial in study.trials] == ["None", "dense"]
    empty = build_result([], kind="optimization", direction="max", optimization_key="metric")
    assert empty.to_optuna_study().trials == []


def test_a_sampler_of_optunas_can_go_on_from_it(result):
    study = result.to_optuna_study()
    study.add_trials(study.trials)
    trial = study.ask()
    assert 1e-4 <= trial.suggest_float("rate", 1e-4, 1.0, log=True) <= 1.0
