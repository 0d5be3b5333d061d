"""The sentence about a function that is very large once it is pickled."""

import functools

import numpy as np
import pytest

from maggy.core.cluster import weight
from maggy.core.cluster.pickling import dumps
from maggy.core.cluster.weight import describe_size
from maggy.core.executors.workload import SearchWorkload

MIB = 2**20
TABLE = np.zeros(3 * MIB, np.uint8)


@pytest.fixture(autouse=True, scope="module")
def by_value(request):
    from pyspark import cloudpickle

    cloudpickle.register_pickle_by_value(request.module)
    yield
    cloudpickle.unregister_pickle_by_value(request.module)


def sentence(function):
    return describe_size(function, len(dumps(function)))


def test_objects_of_closure_globals_and_defaults_are_named_the_largest_first():
    inside, small = bytes(5 * MIB), bytes(10)

    def train(x, table=b"d" * 2 * MIB):
        return inside, small, TABLE, table

    assert sentence(train) == (
        "The training function, with everything it refers to, takes 10 MiB; "
        "largest: inside (bytes, 5.0 MiB), TABLE (ndarray, 3.0 MiB), table (bytes, 2.0 MiB)."
    )


def test_an_object_of_a_helper_is_named_by_itself():
    rows = [bytes(2 * MIB), "x"]

    def helper():
        return rows

    assert "largest: rows (list, 2.0 MiB)" in sentence(lambda x: helper())


def test_a_function_inside_a_workload_a_partial_a_method_or_a_callable_object_is_searched():
    class Trainer:
        def __init__(self):
            self.rows = bytes(2 * MIB)

        def __call__(self, x):
            return x

        def train(self, x):
            return x

    rows = bytes(2 * MIB)
    functions = [
        Trainer(),
        Trainer().train,
        functools.partial(lambda x, rows: x, rows=rows),
        lambda x: rows,
    ]
    for function in functions:
        assert "rows (bytes, 2.0 MiB)" in sentence(SearchWorkload(function, "metric"))


def test_without_a_large_object_only_the_size_is_reported():
    assert (
        sentence(lambda x: x)
        == "The training function, with everything it refers to, takes 0.0 MiB."
    )


def test_an_object_that_cannot_be_pickled_by_itself_is_not_named():
    class Odd:
        def __reduce__(self):
            raise ValueError("no")

    odd = Odd()
    assert describe_size(lambda x: odd, 2 * MIB).endswith("takes 2.0 MiB.")


def test_measuring_stops_after_a_multiple_of_the_size(monkeypatch):
    weights = []
    weigh = weight._weight
    monkeypatch.setattr(
        weight, "_weight", lambda part, limit: weights.append(weigh(part, limit)) or weights[-1]
    )
    shared = list(range(200_000))
    variables = {
        f"v{number}": [shared, number] for number in range(50)
    }  # together as large as one of them
    function = functools.partial(lambda **values: None, **variables)
    describe_size(function, len(dumps(function)))
    assert sum(weights) <= 4 * len(dumps(function))


def test_a_function_that_refers_to_itself_is_searched_once():
    rows = bytes(2 * MIB)

    def train(x):
        return train(x), rows

    assert sentence(train).count("rows") == 1
