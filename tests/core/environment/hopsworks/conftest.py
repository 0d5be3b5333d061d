"""A local Hopsworks for the tests of its environment."""

import pytest
from helpers import hopsworks_platform
from helpers.waiting import HANG

from maggy.core.environment import HopsworksEnvironment
from maggy.core.environment.hopsworks import environment as hopsworks
from maggy.core.environment.hopsworks import experiments_service


@pytest.fixture
def platform(tmp_path, monkeypatch):
    # A busy machine must not look like a slow service. Tests of slow services set their own limits.
    for module, name in (
        (hopsworks, "START_SECONDS"),
        (hopsworks, "END_SECONDS"),
        (experiments_service, "SLOW_SECONDS"),
    ):
        monkeypatch.setattr(module, name, HANG)
    platform, server = hopsworks_platform.set_up(tmp_path, monkeypatch)
    yield platform
    if platform.gate is not None:
        platform.gate.set()
    server.shutdown()
    server.server_close()
    hopsworks_platform.forget_hops()


@pytest.fixture
def environment(platform):
    return HopsworksEnvironment()
