"""The methods that every ablator inherits."""

import pytest
from helpers.ablators import PlainAblator

from maggy.ablation.ablator import AbstractAblator
from maggy.core.cluster import dumps, loads
from maggy.trial import Trial


class Mine(PlainAblator):
    """Its name is that of its class."""


def test_checks_are_optional_and_the_name_is_the_class():
    mine = Mine("study", [])
    mine.prepare(frozenset({"model_function"}))
    mine.verify()
    assert mine.name() == "Mine"


def test_ended_trials_stay_on_the_driver():
    final_store = [
        Trial({"ablated_feature": "None", "ablated_layer": "None"}, trial_type="ablation")
    ]
    mine = Mine("study", final_store)
    assert loads(dumps(mine)).final_store == []
    assert mine.final_store is final_store


def test_an_incomplete_ablator_cannot_be_made():
    with pytest.raises(TypeError, match="abstract"):
        AbstractAblator("study", [])


def test_trials_that_are_ready_stay_on_the_driver():
    ablator = Mine(None, [])
    ablator.trial_buffer.append(
        Trial({"ablated_feature": "None", "ablated_layer": "None"}, trial_type="ablation")
    )
    assert ablator.__getstate__()["trial_buffer"] == []
    assert len(ablator.trial_buffer) == 1


def test_an_ablator_need_not_name_its_components():
    assert Mine("study", []).components() == []
    assert Mine("study", []).probes() == {}
    assert Mine("study", []).withdraw("dense") is None
