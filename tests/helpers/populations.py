"""The results of populations that were trained in simulation, and of promotions."""

from __future__ import annotations

import math
import random

from helpers.budgets import drive, prepare
from maggy.optimizer import PBT, Asha
from maggy.result import build_result
from maggy.searchspace import Searchspace

__all__ = ["RATE", "population_result", "promotion_result"]

RATE = Searchspace(rate=("DOUBLE", [1e-4, 1.0], "log"))


def population_result(members, turns, direction="max", share_failed=0.0):
    """Return the result of a population whose members train at different speeds.

    Args:
        members: The number of members.
        turns: The number of turns of each member.
        direction: The direction of the metric.
        share_failed: The share of the turns that fail.
    """
    states, noise = {}, random.Random(3)
    sign = 1 if direction == "max" else -1

    def score(trial):
        state = states.get(trial.parent, 0.0)
        distance = math.log10(trial.params["rate"]) + 1 + 2 * state
        state += (1 - state) * 0.3 * math.exp(-(distance**2)) - 0.01 * noise.random()
        states[trial.trial_id] = state
        return None if noise.random() < share_failed else sign * state

    optimizer = prepare(PBT(members, 2), members * turns, direction, RATE)
    return _result(drive(optimizer, score, in_flight=4), direction)


def promotion_result(trials=60):
    """Return the result of ASHA, with promotions up to the budget of 16."""
    optimizer = prepare(Asha(2, 1, 16), trials, space=RATE)
    return _result(drive(optimizer, lambda trial: trial.params["rate"] * 0.9), "max")


def _result(experiment, direction):
    return build_result(
        experiment.ended_trials,
        kind="optimization",
        direction=direction,
        optimization_key="accuracy",
    )
