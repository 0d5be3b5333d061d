"""Pairs of components: what acts together."""

import pandas as pd
import pytest
from helpers.games import additive, duplicate, mixed_study, play, study_of, xor

from maggy.ablation import register_training_dataset
from maggy.ablation.ablator import Pairs
from maggy.common.exceptions import AblationError
from maggy.testing import AblatorContract


class TestPairs(AblatorContract):
    def make_study(self):
        return mixed_study()

    def make(self, study, final_store):
        return Pairs(study, final_store)


def interactions(game, *features, **options):
    _, analysis = play(Pairs(study_of(*features), []), game, **options)
    return {tuple(entry["components"]): entry for entry in analysis.result["interactions"]}


def values(game, *features, **options):
    entries = interactions(game, *features, **options)
    return {"".join(pair): entry["interaction"] for pair, entry in entries.items()}


def test_the_trials_are_the_base_all_components_and_all_pairs():
    labels = [component.label for component in Pairs(study_of("a", "b", "c"), []).components()]
    assert labels == ["None", "a", "b", "c", "a + b", "a + c", "b + c"]


def test_components_that_add_up_do_not_interact():
    assert set(values(additive, "a", "b", "c", "d").values()) == {0.0}


def test_two_copies_are_found_although_leaving_out_one_alone_finds_nothing():
    # Without both the metric falls by 4, and without one it does not fall.
    assert values(duplicate, "a", "b", "c") == {"ab": -4.0, "ac": 0.0, "bc": 0.0}


def test_what_is_worth_something_together_only_is_found():
    # Each alone costs 2, and both together cost 2, too.
    assert values(xor, "a", "b", "c") == {"ab": 2.0, "ac": 0.0, "bc": 0.0}


def test_an_interval_is_paired_by_repeat():
    # The noise of a repeat is the same in all trials, so it cancels in every repeat.
    entry = interactions(duplicate, "a", "b", noise=(0.0, 8.0, -16.0))["a", "b"]
    assert (entry["interaction"], entry["ci_low"], entry["ci_high"]) == (-4.0, -4.0, -4.0)


def test_one_repeat_has_no_interval_and_a_failed_trial_no_interaction():
    entries = interactions(
        duplicate, "a", "b", "c", fails=lambda missing, repeat: missing == {"a", "b"}
    )
    assert entries["a", "b"]["interaction"] is None
    assert entries["a", "c"] == {
        "components": ["a", "c"],
        "interaction": 0.0,
        "ci_low": None,
        "ci_high": None,
    }


def test_two_values_of_a_choice_are_no_pair_and_neither_are_two_changes_of_a_layer():
    study = study_of()
    study.model.layers.include("x")
    study.model.layers.replace("x", dict, "empty")
    study.choices.include(rate=1)
    study.choices.include(rate=2)
    pairs = [tuple(part.label for part in pair) for pair in Pairs(study, []).pairs()]
    assert pairs == [
        ("x", "rate=1"),
        ("x", "rate=2"),
        ("x replaced by empty", "rate=1"),
        ("x replaced by empty", "rate=2"),
    ]


def test_custom_models_and_combinations_cannot_be_combined():
    study = study_of("a", "b")
    study.include_combination(feature=["a", "b"])
    with pytest.raises(AblationError, match=r"a combination cannot be combined.*'loco'"):
        Pairs(study, []).prepare()
    study = study_of("a", "b")
    study.model.add_custom_model_generator(dict, "mine")
    with pytest.raises(AblationError, match=r"a custom model cannot be combined.*Custom model: m"):
        Pairs(study, []).prepare()


def test_a_name_with_the_separator_is_refused():
    with pytest.raises(AblationError, match=r"none may contain it, but got 'a \+ b'"):
        Pairs(study_of("a + b", "c"), []).prepare()


def test_a_pair_that_leaves_no_feature_is_refused_before_any_trial():
    register_training_dataset(pd.DataFrame({"a": [1.0], "b": [2.0], "y": [1]}), "game")
    with pytest.raises(AblationError, match="without a, b there is none"):
        Pairs(study_of("a", "b"), []).prepare(frozenset({"dataset_function"}))


def test_a_pair_needs_two_components():
    with pytest.raises(AblationError, match=r"at least 2 components, but the study has 1"):
        Pairs(study_of("a"), []).prepare()
