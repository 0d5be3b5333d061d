"""What the user sees and gets when an experiment is over."""

import pytest
from helpers.results import ended_trial

from maggy import Searchspace
from maggy.common.exceptions import OwnershipError
from maggy.core.experiment_driver import Outcome
from maggy.core.experiment_driver.conclusion import conclude
from maggy.core.experiment_driver.ctrl_c import TimeIsUp
from maggy.core.experiment_driver.optimization_policy import OptimizationPolicy
from maggy.experiment_config import OptimizationConfig

HINT = "The records are in /data/app_1. To go on, call lagom again with resume='/data/app_1'."


class Recorder:
    """Keeps the result."""

    def result(self, result):
        self.final = result


def concluded(error=None, state="FINISHED", metrics=(0.5, 0.25)):
    config = OptimizationConfig(2, "randomsearch", Searchspace(x=("DOUBLE", [0.0, 1.0])))
    policy = OptimizationPolicy(config)
    policy.start({}, [], 1)
    outcome = Outcome(state, [ended_trial({"x": 0.5}, value) for value in metrics], [], error)
    return conclude(
        outcome, policy, Recorder(), directory="/data/app_1", searchspace=None, seconds=1
    )


def test_a_finished_experiment_says_where_its_records_are(capsys):
    assert concluded()["num_trials"] == 2
    lines = capsys.readouterr().out.splitlines()
    assert lines[-2:] == ["The records are in /data/app_1.", "Finished Experiment"]


def test_an_interrupted_experiment_shows_its_trials_and_how_to_go_on(capsys):
    with pytest.raises(KeyboardInterrupt):
        concluded(KeyboardInterrupt(), "KILLED")
    lines = capsys.readouterr().out.splitlines()
    assert any(line.startswith("BEST combination ") for line in lines)
    assert lines[-1] == HINT


def test_without_trials_there_is_nothing_to_sum_up(capsys):
    with pytest.raises(KeyboardInterrupt):
        concluded(KeyboardInterrupt(), "KILLED", ())
    assert capsys.readouterr().out == f"{HINT}\n"


def test_an_experiment_that_ran_out_of_time_can_go_on(capsys):
    concluded(TimeIsUp("max_seconds=3 are over."), "KILLED")
    assert capsys.readouterr().out.splitlines()[-2:] == [HINT, "Finished Experiment"]


def test_a_directory_that_another_driver_owns_is_not_resumed_here(capsys):
    with pytest.raises(OwnershipError):
        concluded(OwnershipError("Another driver owns it."), "FAILED")
    assert capsys.readouterr().out.splitlines()[-1] == "The records are in /data/app_1."
