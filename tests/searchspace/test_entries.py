"""A search space is made from its entries, as records hold it."""

import json

import pytest

from maggy.common.exceptions import BadArgumentsError
from maggy.searchspace import Searchspace
from maggy.searchspace.entries import space_from_entries


def test_the_entries_of_every_kind_of_hyperparameter_make_the_same_space():
    space = Searchspace(
        rate=("DOUBLE", [1e-4, 1.0], "log"),
        momentum=("DOUBLE", [0.0, 1.0], {"step": 0.1}),
        layers=("INTEGER", [1, 5]),
        size=("INTEGER", [8, 64], {"log": True}),
        batch=("DISCRETE", [16, 32.5]),
        kernel=("CATEGORICAL", [(3, 3), (5, 5), None, True]),
        kind=("CATEGORICAL", ["a", "b"]),
        units=("INTEGER", [32, 256], {"step": 32, "when": {"kind": ["a"]}}),
        fixed=("CONSTANT", [7]),
    )
    assert space_from_entries(json.loads(json.dumps(list(space)))) == space


@pytest.mark.parametrize(
    "entries",
    [
        3, "text", {"a": 1}, [3], [{}], [{"name": "x"}], [None],
        [{"name": "x", "type": "DOUBLE", "values": [0, 10**400]}],
        [{"name": "x", "type": "DOUBLE", "values": [0, 1], "step": 10**400}],
        [{"name": "x", "type": ["DOUBLE"], "values": [0, 1]}],
        [{"name": ["x"], "type": "DOUBLE", "values": [0, 1]}],
        [{"name": "x", "type": "DOUBLE", "values": [0, 1], "when": {"y": [1]}}],
        [{"name": "x", "type": "DISCRETE", "values": 3}],
    ],
    ids=str,
)  # fmt: skip
def test_what_is_no_search_space_is_refused(entries):
    with pytest.raises(BadArgumentsError):
        space_from_entries(entries)
