"""What holds for the promotions of ASHA and of Hyperband: which trial each of them continues."""

from __future__ import annotations

import random

import pytest
from helpers.budgets import check_parents, drive, prepare

from maggy.optimizer import Asha, Hyperband
from maggy.testing import LOST, Stopped
from maggy.trial import Trial


def by_x(trial):
    return trial.params["x"]


@pytest.mark.parametrize(
    ("optimizer", "num_trials", "share", "promotions"),
    [(Asha(2, 1, 8), 200, 2, 50), (Hyperband(3, 1, 27), 150, 3, 25)],
    ids=["asha", "hyperband"],
)
def test_a_promotion_continues_the_trial_of_the_rung_below(
    optimizer, num_trials, share, promotions
):
    noise = random.Random(4)

    def score(trial):
        # Some runs are lost, fail or are stopped.
        metric = by_x(trial)
        return noise.choice([LOST, None, Stopped(metric), *[metric] * share])

    experiment = drive(prepare(optimizer, num_trials), score, in_flight=7, rng=random.Random(5))
    assert check_parents(experiment) > promotions


@pytest.mark.parametrize("crash_after", range(1, 40, 3))
@pytest.mark.parametrize(
    "make", [lambda: Asha(2, 1, 8), lambda: Hyperband(3, 1, 9)], ids=["asha", "hyperband"]
)
def test_a_resumed_search_continues_the_recorded_trials(make, crash_after):
    def run(**options):
        return drive(prepare(make(), 40), by_x, **options)

    half = run(crash_after=crash_after)
    records = [Trial.from_json(trial.to_json()) for trial in half.ended_trials]
    # Earlier releases have recorded no parents.
    for record in records[::2]:
        record.parent = None
    resumed, whole = run(earlier=records), run()
    assert check_parents(whole) >= 10
    ids = {record.trial_id for record in records}
    assert [(trial.trial_id, trial.parent) for trial in resumed.suggestions] == [
        (trial.trial_id, trial.parent) for trial in whole.suggestions if trial.trial_id not in ids
    ]
    assert [trial.trial_id for trial in resumed.ended_trials] == [
        trial.trial_id for trial in whole.ended_trials
    ]
