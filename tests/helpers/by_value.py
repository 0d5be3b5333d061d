"""Pickle functions of test modules by value, as those of notebooks and scripts are pickled.

A conftest.py that takes the fixture from here has it apply to every module of its folder.
"""

import pytest


@pytest.fixture(autouse=True, scope="module")
def by_value(request):
    from pyspark import cloudpickle

    cloudpickle.register_pickle_by_value(request.module)
    yield
    cloudpickle.unregister_pickle_by_value(request.module)
