"""An optimizer that was written against release 1: what it calls of its base class."""

from __future__ import annotations

import logging
import time

import numpy as np
import pytest
from loopback import Experiment

from maggy import Searchspace, Trial
from maggy.common.exceptions import BadArgumentsError
from maggy.core.experiment_driver.optimization_policy import OptimizationPolicy
from maggy.experiment_config import OptimizationConfig
from maggy.optimizer import AbstractOptimizer, Hyperband

SPACE = Searchspace(x=("DOUBLE", [0, 1]), y=("INTEGER", [1, 9]))


class OfRelease1(AbstractOptimizer):
    """Samples at random, but for every fourth trial, which lies close to the best one."""

    def __init__(self, pruner=None, pruner_kwargs=None):
        super().__init__(pruner=pruner, pruner_kwargs=pruner_kwargs)
        self.seen = []

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
def test_an_optimizer_of_release_1_runs_and_its_log_is_the_experiments(tmp_path):
    policy = OptimizationPolicy(
        OptimizationConfig(12, OfRelease1(), SPACE, direction="max", es_policy="none")
    )
    ran = Experiment(
        tmp_path, policy, lambda params, reporter, interrupted: params["x"] * params["y"]
    )
    policy.log_to(ran.recorder.log)
    outcome = ran.run()
    policy.finish(list(outcome.trials))  # the log is closed by now
    assert len(outcome.trials) == 12
    assert {trial.info_dict["sample_type"] for trial in outcome.trials} - {"random"} <= {
        "model",
        "random_forced",
    }
    assert all(trial.info_dict["run_budget"] == 0 for trial in outcome.trials)
    with open(f"{ran.store.directory}/maggy.log", encoding="utf-8") as log:
        assert "OfRelease1: 12 trials will be sampled" in log.read()


def test_the_sampler_of_a_pruner_writes_to_the_same_log():
    lines = []
    policy = OptimizationPolicy(
        OptimizationConfig(5, Hyperband(2, 1, 2, sampler=OfRelease1()), SPACE)
    )
    policy.log_to(lines.append)
    policy.start({}, [], 1)
    assert lines == ["OfRelease1: 5 trials will be sampled"]


def test_without_an_experiment_the_log_is_pythons(caplog):
    with caplog.at_level(logging.INFO):
        OfRelease1()._log("100 %s")
    assert "OfRelease1: 100 %s" in caplog.text


def optimizer(direction="max", space=SPACE):
    made = OfRelease1()
    made.searchspace, made.direction, made.trial_store, made.final_store = space, direction, {}, []
    return made


def final(made, metric, history=(), **params):
    trial = Trial(params)
    for step, value in enumerate(history):
        trial.append_metric({"step": step, "value": value})
    trial.final_metric = metric
    made.final_store.append(trial)
    return trial


def test_a_trial_is_created_with_notes_of_how_it_came_about():
    made = optimizer()
    trial = made.create_trial({"x": 0.5, "y": 2}, "model", 4, model_budget=2)
    assert trial.params == {"x": 0.5, "y": 2, "budget": 4}
    assert trial.info_dict == {
        "run_budget": 4,
        "sample_type": "model",
        "sampling_time": 0.0,
        "model_budget": 2,
    }
    assert made.create_trial({"x": 0.5, "y": 2}, "grid").params == {"x": 0.5, "y": 2}
    made.sampling_time_start = time.time() - 5
    assert made.create_trial({}, "random").info_dict["sampling_time"] >= 5
    assert made.create_trial({}, "random").info_dict["sampling_time"] == 0.0


@pytest.mark.parametrize(
    ("arguments", "rule"),
    [
        (
            ({}, "best"),
            "sample_type must be one of random, random_forced, model, promoted, grid, but got 'best'",
        ),
        (({}, "model"), "must have a model_budget, but got None"),
    ],
)
def test_a_trial_of_no_such_type_is_refused(arguments, rule):
    with pytest.raises(BadArgumentsError, match=rule):
        optimizer().create_trial(*arguments)


def test_hyperparameters_exist_if_they_run_or_ran_on_whatever_budget():
    made = optimizer()
    final(made, 1.0, x=0.5, y=2, budget=4)
    running = Trial({"x": 0.25, "y": 3})
    made.trial_store[running.trial_id] = running
    assert made.hparams_exist(Trial({"y": 2, "x": 0.5}))
    assert made.hparams_exist(Trial({"x": 0.25, "y": 3, "budget": 1}))
    assert not made.hparams_exist(Trial({"x": 0.5, "y": 3}))


def test_hyperparameters_and_metrics_are_given_by_id():
    made = optimizer()
    one, two = final(made, 1.0, x=0.5, y=2), final(made, 3.0, x=0.1, y=9)
    assert made.get_hparams_dict() == {
        one.trial_id: {"x": 0.5, "y": 2},
        two.trial_id: {"x": 0.1, "y": 9},
    }
    assert (
        made.get_hparams_dict(two.trial_id)
        == made.get_hparams_dict([two.trial_id])
        == {two.trial_id: two.params}
    )
    assert made.get_metrics_dict() == {one.trial_id: -1.0, two.trial_id: -3.0}
    assert made.get_metrics_dict(trial_ids=[one.trial_id, "unknown"]) == {one.trial_id: -1.0}
    made.direction = "min"
    assert made.get_metrics_dict(one.trial_id) == {one.trial_id: 1.0}


def test_arrays_have_the_order_of_the_store_and_of_the_space():
    made = optimizer()
    assert made.get_hparams_array().shape == (0, 2)
    assert made.get_metrics_array().shape == (0,)
    final(made, 1.0, y=2, x=0.5, budget=1)
    final(made, 3.0, y=9, x=0.1, budget=4)
    assert made.get_hparams_array().tolist() == [[0.5, 2.0], [0.1, 9.0]]
    assert made.get_hparams_array().dtype == float
    assert made.get_hparams_array(budget=4).tolist() == [[0.1, 9.0]]
    assert made.get_metrics_array().tolist() == [-1.0, -3.0]
    assert made.get_metrics_array(4).tolist() == [-3.0]
    assert made.get_metrics_array(budget=7).tolist() == []


def test_hyperparameters_that_are_no_numbers_keep_their_values():
    space = Searchspace(
        k=("CATEGORICAL", ["a", [1, 2]]), x=("DOUBLE", [0, 1], {"when": {"k": "a"}})
    )
    made = optimizer(space=space)
    final(made, 1.0, k="a", x=0.5)
    final(made, 1.0, k=[1, 2])
    assert made.get_hparams_array().tolist() == [["a", 0.5], [[1, 2], None]]
    assert [made.searchspace.transform(row) for row in made.get_hparams_array()] == [
        [0.0, 0.5],
        [1.0, None],
    ]


def test_what_was_reported_on_the_way_is_an_array_too():
    made = optimizer("max")
    final(made, 1.0, [0.5, 1.0], x=0.5, y=1)
    final(made, 1.0, [0.2, 1.0], x=0.6, y=1)
    assert made.get_metrics_array(interim_metrics=True).tolist() == [[-0.5, -1.0], [-0.2, -1.0]]
    final(made, 1.0, [0.2], x=0.7, y=1)
    ragged = made.get_metrics_array(interim_metrics=True)
    assert [history.tolist() for history in ragged] == [[-0.5, -1.0], [-0.2, -1.0], [-0.2]]


@pytest.mark.parametrize(
    ("direction", "expected"), [("max", (-4.0, -1.0, -2.5)), ("min", (1.0, 4.0, 2.5))]
)
def test_the_best_the_worst_and_the_mean_are_those_of_something_to_be_minimized(
    direction, expected
):
    made = optimizer(direction)
    for metric in (1.0, 4.0):
        final(made, metric, x=metric / 10, y=1, budget=1)
    assert (made.ybest(), made.yworst(), made.ymean()) == expected
    final(made, 9.0, x=0.3, y=1, budget=3)
    assert (made.ybest(1), made.yworst(1), made.ymean(budget=1)) == expected


def test_where_no_trial_has_ended_there_is_no_best():
    for ask in (OfRelease1.ybest, OfRelease1.yworst, OfRelease1.ymean):
        with pytest.raises(
            ValueError,
            match="a trial that has ended with a metric on the budget 3, but there is none",
        ):
            ask(optimizer(), 3)


def test_without_a_search_space_the_parameters_themselves_count():
    made = optimizer(space=Searchspace())
    final(made, 1.0, a=1, b=2, budget=3)
    assert made.get_hparams_array().tolist() == [[1.0, 2.0]]
    assert made.hparams_exist(Trial({"a": 1, "b": 2}))
    assert not made.hparams_exist(Trial({"a": 1, "b": 3}))
