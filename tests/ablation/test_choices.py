"""Choices of a study: other values for parameters of the training function."""

import numpy as np
import pytest

from maggy.ablation import AblationStudy
from maggy.ablation.ablator import LOCO
from maggy.ablation.choices import ChoiceStudy
from maggy.common.exceptions import AblationError, BadArgumentsError
from maggy.core.cluster import dumps, loads
from maggy.trial import Trial


def choices_of(**values):
    choices = ChoiceStudy()
    choices.include(**values)
    return choices


def labels_of(choices):
    return [choice.label for choice in choices.included_choices]


def test_labels_are_the_name_and_the_text_of_the_value():
    assert labels_of(choices_of(augment=False, optimizer="sgd", rate=0.5)) == [
        "augment=False",
        "optimizer='sgd'",
        "rate=0.5",
    ]


def test_several_values_of_one_name_are_several_choices_and_each_keeps_its_position():
    choices = choices_of(optimizer="sgd", augment=False)
    choices.include(optimizer="adam")
    choices.include(optimizer="sgd")
    assert labels_of(choices) == ["optimizer='sgd'", "augment=False", "optimizer='adam'"]


def test_names_and_single_choices_can_be_excluded():
    choices = choices_of(optimizer="sgd", augment=False, rate=0.5)
    choices.include(optimizer="adam")
    choices.exclude(optimizer="sgd")
    assert labels_of(choices) == ["augment=False", "rate=0.5", "optimizer='adam'"]
    choices.exclude("optimizer", ["rate"])
    assert labels_of(choices) == ["augment=False"]


def test_an_unknown_name_or_choice_is_logged_with_the_closest(caplog):
    choices = choices_of(augment=False)
    choices.exclude("augmnt", augment=True)
    assert "Did you mean 'augment'?" in caplog.text
    assert "'augment=True' is not included" in caplog.text
    assert labels_of(choices) == ["augment=False"]


def test_all_choices_are_printed_one_a_line(capsys):
    choices_of(augment=False, optimizer="sgd").list_all()
    assert capsys.readouterr().out == "augment=False\noptimizer='sgd'\n"


@pytest.mark.parametrize("value", [object(), {"a", "b"}, np.zeros((2, 2))])
def test_a_value_whose_text_changes_or_has_lines_is_refused_and_nothing_is_added(value):
    choices = choices_of(augment=False)
    with pytest.raises(BadArgumentsError, match=r"but got .loss=.*Include a name"):
        choices.include(rate=0.5, loss=value)
    assert labels_of(choices) == ["augment=False"]


def study_with_choices():
    study = AblationStudy("t", label_name="y")
    study.features.include("age")
    study.choices.include(augment=False, optimizer="sgd", names="a + b")
    return study


def trials_of(study):
    ablator = LOCO(study, [])
    ablator.initialize()
    return list(iter(ablator.get_trial, None))


def test_only_the_trials_of_choices_have_a_third_label():
    assert [trial.params for trial in trials_of(study_with_choices())][:3] == [
        {"ablated_feature": "None", "ablated_layer": "None"},
        {"ablated_feature": "age", "ablated_layer": "None"},
        {"ablated_feature": "None", "ablated_layer": "None", "ablated_choice": "augment=False"},
    ]


def test_choices_change_no_other_id_and_have_ids_of_their_own():
    study = study_with_choices()
    ids = [trial.trial_id for trial in trials_of(study)]
    assert ids[0] == "5b254f8048b3784d"
    assert ids[1] == Trial({"ablated_feature": "age", "ablated_layer": "None"}, "ablation").trial_id
    assert len({*ids}) == 5
    study.choices.exclude("augment")
    assert [trial.trial_id for trial in trials_of(study)] == ids[:2] + ids[3:]


def test_the_values_travel_with_the_study():
    ablator = loads(dumps(LOCO(study_with_choices(), [])))
    assert ablator.get_choices("optimizer='sgd'") == {"optimizer": "sgd"}
    assert ablator.get_choices("names='a + b' + augment=False") == {
        "names": "a + b",
        "augment": False,
    }
    assert ablator.get_choices() == ablator.get_choices("None") == {}


def test_what_a_trial_changes_in_a_value_does_not_reach_the_next_trial():
    study = AblationStudy(None)
    study.choices.include(widths=[8, [4]])
    ablator = LOCO(study, [])
    ablator.get_choices("widths=[8, [4]]")["widths"][1].clear()
    assert ablator.get_choices("widths=[8, [4]]") == {"widths": [8, [4]]}


def test_an_unknown_choice_names_the_closest():
    with pytest.raises(AblationError, match=r"no choice 'augment=Fals'. Did you mean 'augment=Fal"):
        LOCO(study_with_choices(), []).get_choices("augment=Fals")


def test_choices_need_neither_a_data_set_nor_a_model():
    study = AblationStudy(None)
    study.choices.include(augment=False)
    ablator = LOCO(study, [])
    ablator.prepare(frozenset())
    ablator.verify()
    assert ablator.get_number_of_trials() == 2
