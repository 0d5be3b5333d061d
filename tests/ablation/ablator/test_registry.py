"""Ablators by name."""

import logging

import pytest
from helpers.distributions import install

from maggy.ablation import AblationStudy
from maggy.ablation.ablator import LOCO, Backward, LeaveOneIn, Pairs, Shapley, ablator_by_name
from maggy.ablation.ablator.registry import ENTRY_POINTS
from maggy.experiment_config import AblationConfig

STUDY = AblationStudy("t", label_name="y")


@pytest.mark.parametrize("name", ["loco", "LOCO", "Loco"])
def test_loco_is_found_in_any_case(name):
    ablator = ablator_by_name(name, STUDY)
    assert isinstance(ablator, LOCO)
    assert ablator.ablation_study is STUDY


def test_an_instance_is_itself():
    mine = LOCO(STUDY, [])
    assert ablator_by_name(mine, STUDY) is mine


def test_an_unknown_name_lists_all_names_and_the_closest():
    with pytest.raises(
        ValueError, match=r"'loco', .*or an instance of AbstractAblator.*Did you mean 'loco'\?"
    ):
        ablator_by_name("locco", STUDY)


@pytest.mark.parametrize(
    ("name", "own"),
    [("leave-one-out", "loco"), ("SHAP", "shapley"), ("rfe", "backward"), ("pairwise", "pairs")],
)
def test_a_name_from_elsewhere_gets_the_name_of_ours(name, own):
    with pytest.raises(ValueError, match=rf"but got '{name}'. Write '{own}', which "):
        ablator_by_name(name, STUDY)


@pytest.mark.parametrize("wrong", [None, 3, LOCO, ""])
def test_anything_else_is_refused(wrong):
    with pytest.raises((ValueError, TypeError), match="ablator must be"):
        ablator_by_name(wrong, STUDY)


def test_a_study_is_needed():
    with pytest.raises(ValueError, match="LOCO needs an AblationStudy, but got dict"):
        ablator_by_name("loco", {})


ACME = """
from maggy.ablation.ablator import LOCO

class FeaturesOnly(LOCO):
    def components(self):
        return [part for part in super().components() if part.kind in ("base", "feature")]

def nothing(study, final_store):
    return "nothing"
"""


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(tmp_path)
    return tmp_path


def test_another_distribution_can_register_an_ablator(folder):
    install(folder, {ENTRY_POINTS: {"features": "acme_one:FeaturesOnly"}}, {"acme_one": ACME})
    study = AblationStudy("t", label_name="y")
    study.features.include("fare")
    study.model.layers.include("dense")
    ablator = ablator_by_name(" Features ", study)
    assert (ablator.name(), ablator.get_number_of_trials()) == ("FeaturesOnly", 2)
    assert ablator.ablation_study is study
    assert AblationConfig(study, "features").ablator == "features"


def test_an_entry_point_never_replaces_loco(folder):
    install(folder, {ENTRY_POINTS: {"loco": "acme_two:FeaturesOnly"}}, {"acme_two": ACME})
    assert type(ablator_by_name("loco", STUDY)) is LOCO


def test_a_registered_ablator_that_cannot_be_imported_costs_a_line(folder, caplog):
    install(folder, {ENTRY_POINTS: {"broken": "acme_missing:Ablator"}})
    with (
        caplog.at_level(logging.WARNING),
        pytest.raises(ValueError, match="ablator must be one of"),
    ):
        ablator_by_name("broken", STUDY)
    assert "broken = acme_missing:Ablator" in caplog.text


def test_a_registered_function_must_make_an_ablator(folder):
    install(folder, {ENTRY_POINTS: {"nothing": "acme_three:nothing"}}, {"acme_three": ACME})
    with pytest.raises(TypeError, match="must make an instance of AbstractAblator"):
        ablator_by_name("nothing", STUDY)


@pytest.mark.parametrize(
    ("name", "cls"),
    [("pairs", Pairs), ("leave_one_in", LeaveOneIn), ("backward", Backward), ("shapley", Shapley)],
)
def test_every_ablator_has_a_name(name, cls):
    assert type(ablator_by_name(name, STUDY)) is cls


WITH_OPTION = """
from maggy.ablation.ablator import LOCO

class Some(LOCO):
    def __init__(self, study, final_store, *, share=1):
        super().__init__(study, final_store)
        self.share = share
"""


def test_a_registered_ablator_takes_options(folder):
    install(folder, {ENTRY_POINTS: {"some": "acme_four:Some"}}, {"acme_four": WITH_OPTION})
    assert ablator_by_name("some", STUDY, {"share": 2}).share == 2
    with pytest.raises(ValueError, match=r"Some has no option 'shar'. Did you mean 'share'"):
        ablator_by_name("some", STUDY, {"shar": 2})
