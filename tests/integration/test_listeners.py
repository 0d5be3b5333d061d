"""Listeners of experiments on Spark."""

import threading

import pytest
from helpers.listeners import Diary

from maggy import LagomConfig, OptimizationConfig, Searchspace, experiment
from maggy.common.exceptions import ExperimentError

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("spark", "experiments")]

SPACE = Searchspace(x=("DISCRETE", [1, 2, 3]))


def search(train, *listeners, **options):
    options = {"name": "heard", "seed": 1, "hb_interval": 0.1, "es_policy": "none", **options}
    return experiment.lagom(
        train, OptimizationConfig(3, "gridsearch", SPACE, listeners=list(listeners), **options)
    )


def test_a_listener_hears_what_the_result_says(capfd):
    def train(x, reporter):
        for step in range(3):
            reporter.broadcast(x * step, step)
        return x

    diary = Diary()
    result = search(train, diary)
    assert capfd.readouterr().out.rstrip().endswith("Finished Experiment")
    info, told = diary.calls[0][1], diary.calls[-1][1]
    assert (info["name"], info["num_trials"], info["directory"]) == ("heard", 3, result.directory)
    assert info["searchspace"] == {"x": ["DISCRETE", [1, 2, 3]]}
    assert (told, told.trials, told.state) == (result, result.trials, "FINISHED")
    ends = [call[1] for call in diary.calls if call[0] == "trial_end"]
    assert ends == result.trials


def test_a_listener_hears_that_every_trial_failed():
    def train(x):
        raise ValueError("never works")

    diary = Diary()
    with pytest.raises(ExperimentError):
        search(train, diary, give_up_after=None)
    told = diary.calls[-1][1]
    assert (diary.methods()[-1], told.state, told["failed"]) == ("experiment_end", "FAILED", 3)


def test_a_listener_hears_of_a_function_that_cannot_be_sent():
    lock, diary = threading.Lock(), Diary()
    with pytest.raises(Exception, match="lock"):
        search(lambda x: lock and x, diary)
    assert diary.methods() == ["experiment_start", "experiment_end"]


def test_a_listener_hears_of_a_function_that_runs_once():
    diary = Diary()
    config = LagomConfig("once", listeners=[diary])
    assert experiment.lagom(lambda: 7, config) == 7
    assert diary.methods() == ["experiment_start", "trial_start", "trial_end", "experiment_end"]
