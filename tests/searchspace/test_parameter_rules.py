"""The rules of a single hyperparameter."""

import numpy as np
import pytest

from maggy import Searchspace
from maggy.common.exceptions import BadArgumentsError


@pytest.mark.parametrize(
    "choices", [[(1, 2), [1, 2]], [(), "z", []], [{"k": (1,)}, {"k": [1]}], [np.array([1]), [1]]]
)
def test_choices_that_are_equal_only_as_json_are_refused(choices):
    with pytest.raises(BadArgumentsError, match="must differ as JSON, but got"):
        Searchspace(k=("CATEGORICAL", choices))


@pytest.mark.parametrize("choices", [[1, 1], [1, 1.0, True], [(1, 2), (1, 2)], [(1, 2), [1, 3]]])
def test_choices_that_are_equal_in_python_or_differ_as_json_are_allowed(choices):
    assert Searchspace(k=("CATEGORICAL", choices)).values()
