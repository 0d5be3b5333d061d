"""Functions of the test modules travel to the workers by value, as those of notebooks and scripts do."""

import uuid

import pytest
import sleepers


@pytest.fixture(autouse=True, scope="module")
def by_value(request):
    from pyspark import cloudpickle

    modules = (request.module, sleepers)
    for module in modules:
        cloudpickle.register_pickle_by_value(module)
    yield
    for module in modules:
        cloudpickle.unregister_pickle_by_value(module)


@pytest.fixture
def mark():
    """What the command lines of this test's sleepers hold; none of them may be left at its end."""
    value = f"mark-{uuid.uuid4().hex}"
    yield value
    left = sleepers.processes_with(value)
    for process in left:
        process.kill()
    assert left == [], "processes have outlived their trial"
