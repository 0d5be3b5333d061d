"""Send functions of the test modules by value, and end every sleeper with its test."""

import uuid

import pytest
from helpers import sleepers
from helpers.by_value import by_value

__all__ = ["by_value", "mark", "sleepers_by_value"]


@pytest.fixture(autouse=True, scope="session")
def sleepers_by_value():
    from pyspark import cloudpickle

    cloudpickle.register_pickle_by_value(sleepers)
    yield
    cloudpickle.unregister_pickle_by_value(sleepers)


@pytest.fixture
def mark():
    """Return a text for the command lines of this test's sleepers; none may be left at the end."""
    value = f"mark-{uuid.uuid4().hex}"
    yield value
    left = sleepers.processes_with(value)
    for process in left:
        process.kill()
    assert left == [], "processes have outlived their trial"
