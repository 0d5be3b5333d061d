"""Send functions of the test modules, and of a helper, to other processes by value."""

import pytest
from helpers.by_value import by_value

__all__ = ["by_value", "checkpoints_by_value"]


@pytest.fixture(autouse=True, scope="module")
def checkpoints_by_value():
    """Send the helper to the workers, too, which cannot import it."""
    from helpers import checkpoints
    from pyspark import cloudpickle

    cloudpickle.register_pickle_by_value(checkpoints)
    yield
    cloudpickle.unregister_pickle_by_value(checkpoints)
