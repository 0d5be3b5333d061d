"""The ended trials answer stop rules as if each answer were computed again."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from maggy import Trial
from maggy.common import ended_trials
from maggy.common.ended_trials import EndedTrials
from maggy.testing import final_with


def means(store, step):
    def mean(trial):
        return (
            trial.mean_until(step)
            if trial.step_history and trial.step_history[-1] >= step
            else None
        )

    return store.sorted_values(("mean", step), mean)


histories = st.lists(
    st.lists(st.floats(width=16) | st.sampled_from([0.0, 1.0]), max_size=5), max_size=8
)


def expected(trials, step):
    """Return the means by the words of the rule, computed again each time."""
    reached = [trial for trial in trials if trial.step_history and trial.step_history[-1] >= step]
    means = [trial.mean_until(step) for trial in reached]
    return sorted(mean for mean in means if mean is not None)


@given(histories, st.lists(st.integers(-1, 6), max_size=12))
def test_stored_means_equal_those_that_are_computed_again(values, questions):
    store = EndedTrials()
    for number, history in enumerate(values):
        store.append(final_with(history))
        for step in questions[number:]:
            assert list(means(store, step)) == expected(store, step)


class Counted(Trial):
    """A trial that counts how often a mean is read."""

    looks = 0

    def mean_until(self, step):
        Counted.looks += 1
        return super().mean_until(step)


def ended(value):
    trial = Counted({"x": value})
    for step in (1, 2, 3):
        trial.append_metric({"step": step, "value": value})
    return trial


@pytest.fixture(autouse=True)
def no_looks():
    Counted.looks = 0


def test_the_mean_of_a_trial_is_read_once_for_a_step():
    store = EndedTrials()
    for value in range(50):
        store.append(ended(value))
        for _ in range(5):
            means(store, 2)
            means(store, 3)
    assert Counted.looks == 2 * 50


def test_a_summary_folds_every_trial_once_in_the_order_of_their_ends():
    store, looks = EndedTrials(), []

    def longest(before, trial):
        looks.append(trial.params["x"])
        return [*before, trial.params["x"]]

    for value in (3, 1, 2):
        store.append(ended(value))
        for question in ("a", "b", "a"):
            answer = store.fold(question, [], longest)
    assert answer == [3, 1, 2]
    assert looks == [3, 3, 1, 1, 2, 2]
    assert EndedTrials().fold("a", 0, longest) == 0


def test_only_a_limited_number_of_values_is_stored_and_the_last_used_stay(monkeypatch):
    monkeypatch.setattr(ended_trials, "MAX_VALUES", 20)
    store = EndedTrials(ended(value) for value in range(10))
    for step in (1, 2, 1, 3):
        means(store, step)
    Counted.looks = 0
    means(store, 1)
    assert Counted.looks == 0
    assert list(means(store, 2)) == list(range(10))
    assert Counted.looks == 10


def test_the_values_of_one_step_are_stored_for_any_number_of_trials(monkeypatch):
    monkeypatch.setattr(ended_trials, "MAX_VALUES", 5)
    store = EndedTrials(ended(value) for value in range(10))
    means(store, 1)
    store.append(ended(-1))
    Counted.looks = 0
    assert list(means(store, 1)) == [-1, *range(10)]
    assert Counted.looks == 1
