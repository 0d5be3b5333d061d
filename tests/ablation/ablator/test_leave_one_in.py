"""Everything is left out, and each component is put back alone."""

import pandas as pd
import pytest
from helpers.games import additive, duplicate, play, study_of

from maggy.ablation import register_training_dataset
from maggy.ablation.ablator import LeaveOneIn
from maggy.ablation.component import Component
from maggy.common.exceptions import AblationError
from maggy.testing import AblatorContract


class TestLeaveOneIn(AblatorContract):
    def make_study(self):
        study = study_of("a", "b")
        study.model.layers.include("dense")
        return study

    def make(self, study, final_store):
        return LeaveOneIn(study, final_store)


def contributions(game, *features, **options):
    _, analysis = play(LeaveOneIn(study_of(*features), []), game, **options)
    return analysis.differences


def test_the_trials_are_the_base_nothing_and_each_component_alone():
    labels = [component.label for component in LeaveOneIn(study_of("a", "b", "c"), []).components()]
    assert labels == ["None", "a + b + c", "b + c", "a + c", "a + b"]


@pytest.mark.parametrize(
    ("game", "worth"), [(additive, [1.0, 2.0, -4.0]), (duplicate, [4.0, 4.0, 1.0])]
)
def test_a_contribution_is_the_metric_minus_that_without_everything(game, worth):
    entries = [*contributions(game, "a", "b", "c").values()]
    assert [entry["put_back"] for entry in entries] == ["a", "b", "c"]
    assert [entry["contribution"] for entry in entries] == worth
    assert all("contribution_ci_low" not in entry for entry in entries)


def test_repeats_give_a_contribution_a_paired_interval():
    entries = contributions(additive, "a", "b", noise=(0.0, 8.0, -16.0))
    assert entries[Component.feature("b")] == {
        "put_back": "a",
        "contribution": 1.0,
        "contribution_ci_low": 1.0,
        "contribution_ci_high": 1.0,
    }


def test_a_failed_trial_has_no_contribution():
    entries = contributions(additive, "a", "b", fails=lambda missing, repeat: missing == {"b"})
    assert [entry["contribution"] for entry in entries.values()] == [None, 2.0]


def test_components_that_exclude_each_other_are_refused():
    study = study_of()
    study.choices.include(rate=1)
    study.choices.include(rate=2)
    with pytest.raises(AblationError, match="'rate=1' and 'rate=2' exclude each other"):
        LeaveOneIn(study, []).prepare()


def test_a_data_set_of_which_no_feature_remains_is_refused():
    frame = pd.DataFrame({"a": [1.0], "b": [2.0], "c": [3.0], "y": [1]})
    register_training_dataset(frame, "game")
    LeaveOneIn(study_of("a", "b"), []).prepare(frozenset({"dataset_function"}))
    with pytest.raises(AblationError, match="without a, b, c there is none"):
        LeaveOneIn(study_of("a", "b", "c"), []).prepare(frozenset({"dataset_function"}))
