"""The rule that ends an experiment when its first trials show that the others will fail, too."""

import pytest

from maggy import Trial
from maggy.core.experiment_driver.give_up import GiveUp, Mistake, explanation

HERE, THERE = Mistake("KeyError", "at train.py, line 7"), Mistake("KeyError", "at train.py, line 8")
OTHER = Mistake("NameError", "at train.py, line 7")


def answers(after, *ends):
    give_up = GiveUp(after)
    return [give_up.ended(end) for end in ends]


@pytest.mark.parametrize("after", [1, 2, 5])
def test_the_first_trials_with_one_mistake_end_the_experiment(after):
    assert answers(after, *[HERE] * after) == [False] * (after - 1) + [True]


@pytest.mark.parametrize("other", [None, THERE, OTHER])
@pytest.mark.parametrize("place", [0, 1, 2])
def test_any_other_end_among_the_first_shows_that_it_is_worth_going_on(other, place):
    ends = [HERE, HERE]
    ends.insert(place, other)
    assert not any(answers(3, *ends, *[HERE] * 10))


def test_none_never_gives_up():
    assert not any(answers(None, *[HERE] * 100))


def trial(number):
    failure = Trial({"x": number})
    failure.error = f"Traceback: the error of {number}"
    return failure


def test_the_explanation_says_what_where_how_many_are_left_and_the_first_traceback():
    text = explanation(HERE, [trial(1), trial(2)], 28)
    assert text.startswith(
        "All 2 trials that ended failed with the same KeyError at train.py, line 7"
    )
    assert "with 28 trials that were left (give_up_after=2;" in text
    assert text.endswith("with {'x': 1}:\nTraceback: the error of 1")


def test_the_explanation_does_without_the_number_of_trials_when_nobody_knows_it():
    assert "with the trials that were left" in explanation(HERE, [trial(1)], None)
