"""The row of each ended trial."""

import math

from helpers.results import ended_trial

from maggy.result import build_result


def test_a_row_holds_the_whole_record_of_a_trial():
    trial = ended_trial({"lr": 1}, 0.5, number=9, duration=7, start=3.0, attempts=2)
    trial.append_metric({"step": 0, "value": math.nan})
    trial.append_metric({"step": 2, "value": 0.25})
    result = build_result([trial], kind="optimization", direction="max", optimization_key="loss")
    assert result.trials == [
        {
            "trial_id": trial.trial_id,
            "number": 9,
            "status": "FINALIZED",
            "params": {"lr": 1},
            "metric": 0.5,
            "early_stop": False,
            "duration": 7,
            "start": 3.0,
            "attempts": 2,
            "steps": [0, 2],
            "history": [None, 0.25],
            "outputs": {"loss": 0.5},
            "error": None,
        }
    ]
    assert "trials" not in result


def test_the_facts_about_a_model_are_read_leniently():
    trial = ended_trial({}, 0.5, trial_type="ablation", model={"parameters": 7, "layers": ["a"]})
    foreign = ended_trial(
        {}, 0.5, trial_type="ablation", model={"parameters": "many", "layers": 3, "restarts": (1,)}
    )
    result = build_result(
        [trial, foreign], kind="ablation", direction="max", optimization_key="loss"
    )
    assert [row["model"] for row in result.trials] == [
        {"parameters": 7, "layers": ["a"], "restarts": []},
        {"parameters": None, "layers": [], "restarts": ["1"]},
    ]


def test_a_row_has_the_parent_of_a_trial_that_continues_one():
    trials = [ended_trial({"lr": 1}, 0.5), ended_trial({"lr": 2}, 0.5, parent="a" * 16)]
    result = build_result(trials, kind="optimization", direction="max", optimization_key="loss")
    assert [row.get("parent") for row in result.trials] == [None, "a" * 16]


def test_a_row_has_the_member_of_a_turn():
    trials = [ended_trial({"lr": 1}, 0.5, member=0), ended_trial({"lr": 2}, 0.5)]
    result = build_result(trials, kind="optimization", direction="max", optimization_key="loss")
    assert [row.get("member") for row in result.trials] == [0, None]


def test_a_row_has_the_worker_of_a_trial_that_ran():
    trials = [ended_trial({"lr": 1}, 0.5, worker=3), ended_trial({"lr": 2}, None)]
    result = build_result(trials, kind="optimization", direction="max", optimization_key="loss")
    assert [row.get("worker") for row in result.trials] == [3, None]
