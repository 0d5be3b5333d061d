"""What the tests of all callbacks share."""

import pytest

from maggy.core.reporter import Reporter


@pytest.fixture
def reporter():
    return Reporter()
