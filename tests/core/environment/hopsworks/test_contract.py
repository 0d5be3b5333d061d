"""Hopsworks keeps the contract of an environment."""

import pytest

from maggy.core.environment import HopsworksEnvironment
from maggy.testing import EnvironmentContract

pytestmark = [pytest.mark.loopback, pytest.mark.usefixtures("platform")]


class TestHopsworksEnvironment(EnvironmentContract):
    def make(self):
        return HopsworksEnvironment()
