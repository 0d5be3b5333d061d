"""The numbers of the trials of an experiment."""

from maggy import Trial
from maggy.core.experiment_driver.trial_numbers import TrialNumbers


def trial_with(number=None, start=None):
    trial = Trial({"x": 1})
    trial.number, trial.start = number, start
    return trial


def next_numbers(numbers, count):
    trials = [trial_with() for _ in range(count)]
    for trial in trials:
        numbers.assign(trial)
    return [trial.number for trial in trials]


def test_numbers_begin_at_one():
    assert next_numbers(TrialNumbers([]), 3) == [1, 2, 3]


def test_recorded_trials_keep_their_numbers_and_new_ones_fill_the_gaps():
    earlier = [trial_with(4), trial_with(1), trial_with(3)]
    assert next_numbers(TrialNumbers(earlier), 3) == [2, 5, 6]
    assert [trial.number for trial in earlier] == [4, 1, 3]


def test_trials_of_an_older_release_are_numbered_by_their_starts():
    earlier = [trial_with(start=3.0), trial_with(), trial_with(2, 1.0), trial_with(start=2.0)]
    assert next_numbers(TrialNumbers(earlier), 1) == [5]
    assert [trial.number for trial in earlier] == [3, 4, 2, 1]
