"""Functions of the test modules travel to the workers by value, and no sleeper outlives its test."""

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
    """What the command lines of this test's sleepers hold; none of them may be left at its end."""
    value = f"mark-{uuid.uuid4().hex}"
    yield value
    left = sleepers.processes_with(value)
    for process in left:
        process.kill()
    assert left == [], "processes have outlived their trial"
