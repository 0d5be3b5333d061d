"""Advice for names of other libraries."""

import pytest

from maggy.ablation.ablator.other_names import OTHER_ABLATORS
from maggy.ablation.ablator.registry import _OWN
from maggy.common.other_names import OtherNames
from maggy.earlystop.other_names import OTHER_STOP_RULES
from maggy.earlystop.registry import STOP_RULES
from maggy.optimizer.other_names import OTHER_OPTIMIZERS
from maggy.optimizer.registry import OPTIMIZERS

TABLES = [
    (OTHER_OPTIMIZERS, OPTIMIZERS),
    (OTHER_STOP_RULES, STOP_RULES),
    (OTHER_ABLATORS, _OWN),
]
NAMES = OtherNames({"gridsearch": "a grid", "tpe": "a model"}, {"bayes bo": "tpe"}, {"x": "No."})


@pytest.mark.parametrize(("table", "registry"), TABLES)
def test_every_name_of_ours_is_explained_and_no_other_is_suggested(table, registry):
    assert set(table.meanings) == set(registry)
    assert {own for names in table.names.values() for own in names.split()} <= set(registry)


@pytest.mark.parametrize(("table", "registry"), TABLES)
def test_every_word_stands_once_and_is_no_name_of_ours(table, registry):
    words = [word for words in (*table.names, *table.sentences) for word in words.split()]
    assert len(words) == len(set(words))
    assert all(word.isalnum() and word == word.lower() for word in words)
    assert not (set(words) - {"none"}) & {name.replace("_", "") for name in registry}


@pytest.mark.parametrize("name", ["bo", "BO", " Bayes", "bayes-optimization", "BayesSearchCV"])
def test_a_name_is_found_in_any_case_without_punctuation_and_without_its_kind(name):
    assert NAMES.advice(name) == " Write 'tpe', a model."


def test_our_own_names_with_another_ending_are_found():
    assert NAMES.advice("TPESampler") == " Write 'tpe', a model."
    assert NAMES.advice("grid_search") == " Write 'gridsearch', a grid."


def test_a_sentence_may_stand_in_place_of_a_name():
    assert NAMES.advice("X") == " No."


def test_a_name_that_is_an_ending_itself_and_an_unknown_one_get_no_advice():
    assert NAMES.advice("search") == NAMES.advice("magic") == NAMES.advice("") == ""
