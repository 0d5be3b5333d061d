"""Functions of the test modules travel to the workers by value, as those of notebooks and scripts do."""

import pytest


@pytest.fixture(autouse=True, scope="module")
def by_value(request):
    from pyspark import cloudpickle

    cloudpickle.register_pickle_by_value(request.module)
    yield
    cloudpickle.unregister_pickle_by_value(request.module)
