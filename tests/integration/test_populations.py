"""Populations on Spark: turns go on from real checkpoints, are recorded, and are resumed."""

import json
from pathlib import Path

import pytest
from helpers.checkpoints import count_up

from maggy import PBT, Searchspace, experiment, load
from maggy.experiment_config import OptimizationConfig

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("spark", "experiments")]


def train(x, budget, reporter):
    trained = []
    total = count_up({"x": x}, reporter, epochs=budget, trained=trained)
    return {"metric": total, "epochs": len(trained)}


def run(num_trials, **options):
    config = OptimizationConfig(
        num_trials,
        PBT(population=3, interval=2),
        Searchspace(x=("INTEGER", [1, 1000])),
        es_policy="none",
        hb_interval=0.1,
        num_workers=1,
        seed=1,
        **options,
    )
    return experiment.lagom(train, config)


def test_a_turn_trains_one_interval_and_its_member_and_parent_are_recorded():
    result = run(12)
    rows = {row["trial_id"]: row for row in result.trials}
    copies = 0
    for row in rows.values():
        assert row["outputs"]["epochs"] == 2
        assert row["steps"] == list(range(row["params"]["budget"]))
        parent = rows.get(row.get("parent"))
        if parent is not None:
            copies += parent["member"] != row["member"]
            assert row["history"][:-2] == parent["history"]
        record = json.loads(Path(result.directory, row["trial_id"], "trial.json").read_text())
        notes = record["info_dict"]
        assert (notes["member"], notes.get("parent")) == (row["member"], row.get("parent"))
    assert copies >= 3  # the worst of three copies the best in each round
    assert load(result.directory).trials == result.trials
    frame = result.to_pandas()
    assert frame["member"].tolist() == [row["member"] for row in result.trials]
    assert frame["parent"].notna().sum() == 9


def test_a_population_that_is_resumed_within_a_round_decides_as_if_nothing_had_happened():
    whole = run(13)
    first = run(7, keep_checkpoints="all")
    resumed = run(13, resume=first.directory)
    keys = ("trial_id", "parent", "member", "params", "metric", "history")
    assert [[row.get(key) for key in keys] for row in resumed.trials] == [
        [row.get(key) for key in keys] for row in whole.trials
    ]
