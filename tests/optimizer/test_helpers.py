"""The methods of the base class that an optimizer of release 1 calls."""

from __future__ import annotations

import logging
import time

import numpy as np
import pytest
from helpers.loopback import Experiment

from maggy import Searchspace, Trial
from maggy.common.exceptions import BadArgumentsError
from maggy.core.experiment_driver.optimization_policy import OptimizationPolicy
from maggy.experiment_config import OptimizationConfig
from maggy.optimizer import AbstractOptimizer, Hyperband

SPACE = Searchspace(x=("DOUBLE", [0, 1]), y=("INTEGER", [1, 9]))


class OfRelease1(AbstractOptimizer):
    """Samples at random, except for every fourth trial, which lies close to the best one."""

    def __init__(self, pruner=None, pruner_kwargs=None):
        super().__init__(pruner=pruner, pruner_kwargs=pruner_kwargs)
        self.trials_so_far = []

    def initialize(self):
        self.left = self.num_trials
        self._log(f"{self.num_trials} trials will be sampled")

    def get_suggestion(self, trial=None):
        if self.left == 0:
            return None
        self.left -= 1
        self.sampling_time_start = time.time()
        if self.left % 4 or not self.final_store:
            hparams = self.searchspace.get_random_parameter_values(1)[0]
            suggestion = self.create_trial(hparams, sample_type="random")
        else:
            row = self.get_hparams_array()[int(np.argmin(self.get_metrics_array()))]
            hparams = self.searchspace.list_to_dict(
                self.searchspace.inverse_transform(
                    np.clip(self.searchspace.transform(row), 0.1, 0.9)
                )
            )
            suggestion = self.create_trial(hparams, sample_type="model", model_budget=0)
        if self.hparams_exist(suggestion):
            suggestion = self.create_trial(
                self.searchspace.get_random_parameter_values(1)[0], sample_type="random_forced"
            )
        return suggestion

    def finalize_experiment(self, trials):
        self._log(f"the best of {len(trials)} is {self.ybest()}")


@pytest.mark.loopback
def test_an_optimizer_of_release_1_runs_and_writes_to_the_log_of_the_experiment(tmp_path):
    policy = OptimizationPolicy(
        OptimizationConfig(12, OfRelease1(), SPACE, direction="max", es_policy="none")
    )
    experiment = Experiment(
        tmp_path, policy, lambda params, reporter, interrupted: params["x"] * params["y"]
    )
    policy.log_to(experiment.recorder.log)
    outcome = experiment.run()
    policy.finish(list(outcome.trials))  # the log is closed by now
    assert len(outcome.trials) == 12
    assert {trial.info_dict["sample_type"] for trial in outcome.trials} - {"random"} <= {
        "model",
        "random_forced",
    }
    assert all(trial.info_dict["run_budget"] == 0 for trial in outcome.trials)
    with open(f"{experiment.store.directory}/maggy.log", encoding="utf-8") as log:
        assert "OfRelease1: 12 trials will be sampled" in log.read()


def test_the_sampler_of_a_pruner_writes_to_the_same_log():
    lines = []
    policy = OptimizationPolicy(
        OptimizationConfig(5, Hyperband(2, 1, 2, sampler=OfRelease1()), SPACE)
    )
    policy.log_to(lines.append)
    policy.start({}, [], 1)
    assert lines == ["OfRelease1: 5 trials will be sampled"]


def test_without_an_experiment_lines_go_to_the_log_of_python(caplog):
    with caplog.at_level(logging.INFO):
        OfRelease1()._log("100 %s")
    assert "OfRelease1: 100 %s" in caplog.text


def optimizer(direction="max", space=SPACE):
    instance = OfRelease1()
    instance.searchspace, instance.direction, instance.trial_store, instance.final_store = (
        space,
        direction,
        {},
        [],
    )
    return instance


def add_final(instance, metric, history=(), **params):
    trial = Trial(params)
    for step, value in enumerate(history):
        trial.append_metric({"step": step, "value": value})
    trial.final_metric = metric
    instance.final_store.append(trial)
    return trial


def test_a_trial_is_created_with_notes_about_its_origin():
    instance = optimizer()
    trial = instance.create_trial({"x": 0.5, "y": 2}, "model", 4, model_budget=2)
    assert trial.params == {"x": 0.5, "y": 2, "budget": 4}
    assert trial.info_dict == {
        "run_budget": 4,
        "sample_type": "model",
        "sampling_time": 0.0,
        "model_budget": 2,
    }
    assert instance.create_trial({"x": 0.5, "y": 2}, "grid").params == {"x": 0.5, "y": 2}
    instance.sampling_time_start = time.time() - 5
    assert instance.create_trial({}, "random").info_dict["sampling_time"] >= 5
    assert instance.create_trial({}, "random").info_dict["sampling_time"] == 0.0


@pytest.mark.parametrize(
    ("arguments", "rule"),
    [
        (
            ({}, "best"),
            "sample_type must be one of random, random_forced, model, promoted, grid, "
            "but got 'best'",
        ),
        (({}, "model"), "must have a model_budget, but got None"),
    ],
)
def test_a_trial_of_an_unknown_type_is_refused(arguments, rule):
    with pytest.raises(BadArgumentsError, match=rule):
        optimizer().create_trial(*arguments)


def test_hyperparameters_exist_if_they_run_or_ran_on_any_budget():
    instance = optimizer()
    add_final(instance, 1.0, x=0.5, y=2, budget=4)
    running = Trial({"x": 0.25, "y": 3})
    instance.trial_store[running.trial_id] = running
    assert instance.hparams_exist(Trial({"y": 2, "x": 0.5}))
    assert instance.hparams_exist(Trial({"x": 0.25, "y": 3, "budget": 1}))
    assert not instance.hparams_exist(Trial({"x": 0.5, "y": 3}))


def test_hyperparameters_and_metrics_are_returned_by_id():
    instance = optimizer()
    one, two = add_final(instance, 1.0, x=0.5, y=2), add_final(instance, 3.0, x=0.1, y=9)
    assert instance.get_hparams_dict() == {
        one.trial_id: {"x": 0.5, "y": 2},
        two.trial_id: {"x": 0.1, "y": 9},
    }
    assert (
        instance.get_hparams_dict(two.trial_id)
        == instance.get_hparams_dict([two.trial_id])
        == {two.trial_id: two.params}
    )
    assert instance.get_metrics_dict() == {one.trial_id: -1.0, two.trial_id: -3.0}
    assert instance.get_metrics_dict(trial_ids=[one.trial_id, "unknown"]) == {one.trial_id: -1.0}
    instance.direction = "min"
    assert instance.get_metrics_dict(one.trial_id) == {one.trial_id: 1.0}


def test_arrays_have_the_order_of_the_store_and_of_the_space():
    instance = optimizer()
    assert instance.get_hparams_array().shape == (0, 2)
    assert instance.get_metrics_array().shape == (0,)
    add_final(instance, 1.0, y=2, x=0.5, budget=1)
    add_final(instance, 3.0, y=9, x=0.1, budget=4)
    assert instance.get_hparams_array().tolist() == [[0.5, 2.0], [0.1, 9.0]]
    assert instance.get_hparams_array().dtype == float
    assert instance.get_hparams_array(budget=4).tolist() == [[0.1, 9.0]]
    assert instance.get_metrics_array().tolist() == [-1.0, -3.0]
    assert instance.get_metrics_array(4).tolist() == [-3.0]
    assert instance.get_metrics_array(budget=7).tolist() == []


def test_hyperparameters_that_are_not_numbers_keep_their_values():
    space = Searchspace(
        k=("CATEGORICAL", ["a", [1, 2]]), x=("DOUBLE", [0, 1], {"when": {"k": "a"}})
    )
    instance = optimizer(space=space)
    add_final(instance, 1.0, k="a", x=0.5)
    add_final(instance, 1.0, k=[1, 2])
    assert instance.get_hparams_array().tolist() == [["a", 0.5], [[1, 2], None]]
    assert [instance.searchspace.transform(row) for row in instance.get_hparams_array()] == [
        [0.0, 0.5],
        [1.0, None],
    ]


def test_interim_metrics_are_an_array_too():
    instance = optimizer("max")
    add_final(instance, 1.0, [0.5, 1.0], x=0.5, y=1)
    add_final(instance, 1.0, [0.2, 1.0], x=0.6, y=1)
    assert instance.get_metrics_array(interim_metrics=True).tolist() == [[-0.5, -1.0], [-0.2, -1.0]]
    add_final(instance, 1.0, [0.2], x=0.7, y=1)
    ragged = instance.get_metrics_array(interim_metrics=True)
    assert [history.tolist() for history in ragged] == [[-0.5, -1.0], [-0.2, -1.0], [-0.2]]


@pytest.mark.parametrize(
    ("direction", "expected"), [("max", (-4.0, -1.0, -2.5)), ("min", (1.0, 4.0, 2.5))]
)
def test_the_best_the_worst_and_the_mean_are_those_of_minimized_metrics(direction, expected):
    instance = optimizer(direction)
    for metric in (1.0, 4.0):
        add_final(instance, metric, x=metric / 10, y=1, budget=1)
    assert (instance.ybest(), instance.yworst(), instance.ymean()) == expected
    add_final(instance, 9.0, x=0.3, y=1, budget=3)
    assert (instance.ybest(1), instance.yworst(1), instance.ymean(budget=1)) == expected


def test_without_an_ended_trial_there_is_no_best():
    for ask in (OfRelease1.ybest, OfRelease1.yworst, OfRelease1.ymean):
        with pytest.raises(
            ValueError,
            match="a trial that has ended with a metric on the budget 3, but there is none",
        ):
            ask(optimizer(), 3)


def test_without_a_search_space_the_parameters_themselves_count():
    instance = optimizer(space=Searchspace())
    add_final(instance, 1.0, a=1, b=2, budget=3)
    assert instance.get_hparams_array().tolist() == [[1.0, 2.0]]
    assert instance.hparams_exist(Trial({"a": 1, "b": 2}))
    assert not instance.hparams_exist(Trial({"a": 1, "b": 3}))
