"""Optimizers by name."""

from __future__ import annotations

import pytest

from maggy import optimizer as package
from maggy.core.exceptions import BadArgumentsError
from maggy.optimizer import RandomSearch, SingleRun, optimizer_by_name


@pytest.mark.parametrize(
    ("name", "expected"),
    [("randomsearch", RandomSearch), ("RandomSearch", RandomSearch), ("none", SingleRun), (" NONE ", SingleRun)],
)
def test_names_are_known_in_any_case(name, expected):
    assert type(optimizer_by_name(name)) is expected


def test_none_is_a_single_run():
    assert type(optimizer_by_name(None)) is SingleRun


def test_an_instance_is_itself():
    mine = RandomSearch()
    assert optimizer_by_name(mine) is mine


def test_every_call_makes_a_new_one():
    assert optimizer_by_name("randomsearch") is not optimizer_by_name("randomsearch")


def test_an_unknown_name_lists_the_known_ones_and_the_closest():
    with pytest.raises(BadArgumentsError, match=r"one of 'asha', .*'tpe'.* 'RandomSerch'.*mean 'randomsearch'"):
        optimizer_by_name("RandomSerch")


def test_a_class_is_refused_with_the_remedy():
    with pytest.raises(TypeError, match=r"Write RandomSearch\(\)\."):
        optimizer_by_name(RandomSearch)


@pytest.mark.parametrize("given", [5, True, [], object, lambda: None])
def test_anything_else_is_refused(given):
    with pytest.raises(TypeError, match=r"optimizer must be one of 'asha', .*'tpe'.*AbstractOptimizer"):
        optimizer_by_name(given)


def test_everything_exported_is_there():
    assert all(hasattr(package, name) for name in package.__all__)
