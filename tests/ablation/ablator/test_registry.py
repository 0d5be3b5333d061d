"""Ablators by name."""

import pytest

from maggy.ablation import AblationStudy
from maggy.ablation.ablator import LOCO, ablator_by_name

STUDY = AblationStudy("t", label_name="y")


@pytest.mark.parametrize("name", ["loco", "LOCO", "Loco"])
def test_loco_is_known_in_any_case(name):
    ablator = ablator_by_name(name, STUDY)
    assert isinstance(ablator, LOCO)
    assert ablator.ablation_study is STUDY


def test_an_instance_is_itself():
    mine = LOCO(STUDY, [])
    assert ablator_by_name(mine, STUDY) is mine


def test_an_unknown_name_lists_the_known_and_the_closest():
    with pytest.raises(
        ValueError, match=r"'loco', or an instance of AbstractAblator.*Did you mean 'loco'\?"
    ):
        ablator_by_name("locco", STUDY)


@pytest.mark.parametrize("wrong", [None, 3, LOCO, ""])
def test_anything_else_is_refused(wrong):
    with pytest.raises((ValueError, TypeError), match="ablator must be"):
        ablator_by_name(wrong, STUDY)


def test_a_study_is_needed():
    with pytest.raises(ValueError, match="LOCO needs an AblationStudy, but got dict"):
        ablator_by_name("loco", {})
