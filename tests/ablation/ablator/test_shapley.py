"""Shapley values of games whose values are known."""

import itertools
import math

import pytest
from helpers.games import additive, duplicate, mixed_study, play, study_of, xor

from maggy.ablation.ablator import Shapley
from maggy.common.exceptions import BadArgumentsError
from maggy.testing import AblatorContract


class TestShapley(AblatorContract):
    def make_study(self):
        return mixed_study()

    def make(self, study, final_store):
        return Shapley(study, final_store)


class TestShapleyByChance(TestShapley):
    def make(self, study, final_store):
        return Shapley(study, final_store, samples=2)


def entries(game, *features, samples=200, **options):
    _, analysis = play(Shapley(study_of(*features), [], samples), game, **options)
    return {entry["component"]: entry for entry in analysis.result["shapley"]}


def values(game, *features, **options):
    return {name: entry["value"] for name, entry in entries(game, *features, **options).items()}


@pytest.mark.parametrize("samples", [1, 200])
def test_where_everything_adds_up_each_gets_its_own_worth_in_any_order(samples):
    expected = {"a": 1.0, "b": 2.0, "c": -4.0, "d": 0.0}
    assert values(additive, "a", "b", "c", "d", samples=samples) == expected


def test_two_copies_share_what_they_are_worth():
    assert values(duplicate, "a", "b", "c") == {"a": 2.0, "b": 2.0, "c": 1.0}


def test_partners_share_what_they_are_worth_together():
    assert values(xor, "a", "b", "c") == {"a": 1.0, "b": 1.0, "c": 0.0}


def glove(present):
    """Be worth 6 with a left glove, of which there is one, and a right one."""
    return 6.0 * ("left" in present and bool({"right", "other"} & present))


def test_the_values_of_the_glove_game_are_those_of_the_literature():
    expected = {"left": 4.0, "right": 1.0, "other": 1.0}
    assert values(glove, "left", "right", "other") == pytest.approx(expected)


def many(present):
    """Play a game without symmetry: the squared sum of the weights."""
    return float(sum(ord(name) - 96 for name in present) ** 2)


NAMES = "abcdefg"


def exact(name):
    """Return the value of a player by the formula over all sets."""
    others = [other for other in NAMES if other != name]
    total = 0.0
    for size in range(len(others) + 1):
        weight = 1 / (len(NAMES) * math.comb(len(others), size))
        for team in map(set, itertools.combinations(others, size)):
            total += weight * (many(team | {name}) - many(team))
    return total


def test_random_orders_come_near_the_formula_and_their_intervals_hold_it():
    results = entries(many, *NAMES, samples=400)
    for name, entry in results.items():
        assert entry["value"] == pytest.approx(exact(name), rel=0.1)
        assert entry["ci_low"] < exact(name) < entry["ci_high"]
    assert sum(entry["value"] for entry in results.values()) == pytest.approx(many(set(NAMES)))


def test_more_orders_give_narrower_intervals():
    few, more = (entries(many, *NAMES, samples=samples)["g"] for samples in (20, 320))
    assert few["ci_high"] - few["ci_low"] > 2 * (more["ci_high"] - more["ci_low"])


def test_all_orders_and_one_repeat_leave_nothing_to_estimate_an_interval_from():
    entry = entries(duplicate, "a", "b", "c")["a"]
    assert (entry["ci_low"], entry["ci_high"]) == (None, None)


def test_the_noise_of_training_widens_an_interval_although_all_orders_are_used():
    noise = iter(range(1000))
    entry = entries(lambda present: additive(present) + next(noise) % 7, "a", "b", noise=(0.0,) * 3)
    assert entry["a"]["ci_low"] < entry["a"]["value"] < entry["a"]["ci_high"]


def test_the_same_set_is_trained_once_a_repeat():
    driver, _ = play(Shapley(study_of(*NAMES), [], samples=60), many, noise=(0.0, 1.0))
    runs = [(tuple(trial.params.items()), trial.repeat) for trial in driver.suggestions]
    assert len(runs) == len({*runs})
    assert [repeat for _, repeat in runs] == [0] * (len(runs) // 2) + [1] * (len(runs) // 2)


def test_a_seed_fixes_the_trials_and_another_one_changes_them():
    first, again, other = (
        Shapley(study_of(*NAMES), [], samples=5, seed=seed).components() for seed in (1, 1, 2)
    )
    assert first == again != other


def test_orders_with_a_failed_trial_are_left_out():
    failed = entries(additive, "a", "b", "c", fails=lambda missing, repeat: missing == {"a", "b"})
    assert {name: entry["value"] for name, entry in failed.items()} == {
        "a": 1.0,
        "b": 2.0,
        "c": -4.0,
    }
    all_failed = entries(additive, "a", "b", fails=lambda missing, repeat: not missing)
    assert all_failed["a"]["value"] == 1.0
    none = entries(additive, "a", "b", fails=lambda missing, repeat: True)["a"]
    assert none == {"component": "a", "value": None, "ci_low": None, "ci_high": None}


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"samples": 0}, "samples must be an integer of at least 1, but got 0"),
        ({"samples": 2.5}, "samples must be an integer"),
        ({"samples": True}, "samples must be an integer"),
        ({"seed": -1}, "seed must be an integer of at least 0"),
    ],
)
def test_an_option_that_breaks_its_rule_is_refused(options, words):
    with pytest.raises(BadArgumentsError, match=words):
        Shapley(study_of("a"), [], **options)


def test_the_options_belong_to_the_study():
    assert Shapley(study_of("a"), [], samples=3).trial_options() == {"samples": 3, "seed": 0}
    assert Shapley(study_of("a"), []).trial_options() == {"samples": 200, "seed": 0}
