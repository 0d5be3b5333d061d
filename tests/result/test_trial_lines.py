"""The lines about trials that begin and end."""

from helpers.results import ended_trial

from maggy.ablation.component import Component
from maggy.result.trial_lines import begin_line, end_line


def test_a_trial_that_was_stopped_early_says_why():
    trial = ended_trial({"lr": 0.1}, 0.71, number=12, duration=61_234, worker=3, early_stop=True)
    for step in range(1200):
        trial.append_metric({"step": step, "value": 0.71})
    trial.stop_reason = "stopped at step 1199: 0.71 is below the median 0.78 of 14 trials"
    assert end_line(trial, "accuracy") == (
        "trial 12: accuracy=0.71 | lr=0.1 | 1,200 steps | 61.2 s | worker 3 | "
        "stopped at step 1199: 0.71 is below the median 0.78 of 14 trials"
    )
    trial.stop_reason = None
    assert end_line(trial).endswith("| worker 3 | stopped early")
    trial.early_stop = False
    trial.stop_reason = "stopped, but it had ended before"
    assert end_line(trial).endswith("| worker 3")


def test_a_trial_that_failed_says_why_and_never_began_says_nothing_more():
    trial = ended_trial({"lr": 0.1}, None, number=2, failure_reason="KeyError: 'acc'")
    assert end_line(trial) == "trial 2: failed: KeyError: 'acc' | lr=0.1"
    trial.failure_reason = None
    assert end_line(trial) == "trial 2: failed: no reason given | lr=0.1"


def test_long_parameters_are_shortened_and_control_characters_removed():
    trial = ended_trial({"name": "x" * 40, "code": "\x1b[31mred\n"}, 1, number=1)
    text = begin_line(trial)
    assert f"name={'x' * 27}..., code= [31mred " in text
    many = ended_trial({f"parameter_{i}": i for i in range(50)}, 1, number=1)
    assert len(begin_line(many)) < 150
    failed = ended_trial({}, None, number=1, failure_reason="e" * 10_000)
    assert len(end_line(failed)) < 350


def test_a_trial_without_a_number_is_called_by_its_id():
    trial = ended_trial({}, 1)
    assert begin_line(trial) == f"trial {trial.trial_id}: begins"


def test_a_trial_of_an_ablation_says_what_it_leaves_out():
    params = Component.feature("fare").params()
    trial = ended_trial(params, 1, trial_type="ablation", number=1, repeat=2)
    assert begin_line(trial) == "trial 1: begins | without feature fare, repeat 2"
    base = ended_trial(Component.base().params(), 1, trial_type="ablation", number=1)
    assert begin_line(base) == "trial 1: begins | base"
