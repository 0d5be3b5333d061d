"""Early stopping rules by name."""

from __future__ import annotations

import pytest

from maggy import earlystop as package
from maggy.core.exceptions import BadArgumentsError
from maggy.earlystop import MedianStoppingRule, NoStoppingRule, earlystop_by_name


@pytest.mark.parametrize(
    ("name", "expected"),
    [("median", MedianStoppingRule), ("Median", MedianStoppingRule), ("none", NoStoppingRule), (None, NoStoppingRule)],
)
def test_names_are_known_in_any_case(name, expected):
    assert type(earlystop_by_name(name)) is expected


def test_an_instance_is_itself():
    mine = MedianStoppingRule()
    assert earlystop_by_name(mine) is mine


def test_an_unknown_name_lists_the_known_ones_and_the_closest():
    with pytest.raises(BadArgumentsError, match=r"es_policy must be one of 'median', 'none'.* 'medain'.*mean 'median'"):
        earlystop_by_name("medain")


def test_a_class_is_refused_with_the_remedy():
    with pytest.raises(TypeError, match=r"Write MedianStoppingRule\(\)\."):
        earlystop_by_name(MedianStoppingRule)


@pytest.mark.parametrize("given", [5, True, [], object])
def test_anything_else_is_refused(given):
    with pytest.raises(TypeError, match=r"es_policy must be one of 'median', 'none'.*AbstractEarlyStop"):
        earlystop_by_name(given)


def test_everything_exported_is_there():
    assert all(hasattr(package, name) for name in package.__all__)
