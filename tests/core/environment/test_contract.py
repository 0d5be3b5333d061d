"""The environment without a platform keeps the contract of an environment."""

import pytest

from maggy.core.environment import LocalEnvironment
from maggy.testing import EnvironmentContract

pytestmark = pytest.mark.usefixtures("experiments")


class TestLocalEnvironment(EnvironmentContract):
    def make(self):
        return LocalEnvironment()


class TestLocalEnvironmentWithAUrl(TestLocalEnvironment):
    def root(self, environment, folder):
        return environment.root(f"memory://{folder}/experiments")

    test_the_user_chooses_the_directory = None  # a folder on the disk is not a URL
