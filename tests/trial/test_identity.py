"""The ids of trials, and the names that a trial's directory may have."""

from __future__ import annotations

import pytest

from maggy.trial import Trial, is_directory_name


def test_the_id_is_a_hash_of_the_parameters():
    assert Trial({"param1": 5, "param2": "ada"}).trial_id == "3d1cc9fdb1d4d001"


def test_the_id_of_an_ablations_base():
    base = {"ablated_feature": "None", "ablated_layer": "None"}
    assert Trial(base, trial_type="ablation").trial_id == "5b254f8048b3784d"


def test_the_label_of_a_choice_counts_where_there_is_one():
    base = {"ablated_feature": "None", "ablated_layer": "None"}
    choice = Trial({**base, "ablated_choice": "augment=False", "note": 1}, trial_type="ablation")
    assert choice.trial_id == Trial({**base, "ablated_choice": "augment=False"}).trial_id
    assert choice.trial_id != "5b254f8048b3784d"


def test_only_the_labels_count_in_the_id_of_an_ablation():
    base = {"ablated_feature": "None", "ablated_layer": "None"}
    assert Trial({**base, "note": 1}, trial_type="ablation").trial_id == "5b254f8048b3784d"
    assert Trial({**base, "note": 1}).trial_id != "5b254f8048b3784d"


def test_the_id_does_not_depend_on_the_order_of_the_parameters():
    assert Trial({"a": 1, "b": 2}).trial_id == Trial({"b": 2, "a": 1}).trial_id


def test_equal_parameters_have_equal_ids():
    assert Trial({"a": 1}).trial_id == Trial({"a": 1}).trial_id != Trial({"a": 2}).trial_id


@pytest.mark.parametrize(
    "trial_id", ["3d1cc9fdb1d4d001", "a_2", "my trial", "größe-0.5", "x" * 200, "run,3=4"]
)
def test_a_plain_name_can_be_that_of_a_trial_s_directory(trial_id):
    assert is_directory_name(trial_id)


@pytest.mark.parametrize(
    "trial_id",
    [
        "../../evil",
        "/etc/x",
        "a/b",
        "a\\b",
        "C:x",
        "..",
        ".",
        ".hidden",
        "",
        " x",
        "x ",
        "x.",
        "x" * 300,
        "é" * 101,
        "a\nb",
        "a\0b",
        "\udc80",
        "maggy.json",
        "owner-1.json",
        "maggy.log",
        "x.damaged-1",
        "s3://x",
        5,
        None,
    ],
)
def test_any_other_name_cannot(trial_id):
    assert not is_directory_name(trial_id)
