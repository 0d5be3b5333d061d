"""The parts of a Connect client that need no server."""

from types import SimpleNamespace

import pytest
from helpers.wire import has_ipv6

from maggy.core.cluster import connect


def test_the_address_on_the_route_to_a_server_is_one_of_this_machine():
    assert connect._own_address("127.0.0.1").startswith("127.")


@pytest.mark.skipif(not has_ipv6(), reason="this machine has no IPv6")
@pytest.mark.parametrize("server", ["::1", "[::1]"])
def test_the_address_on_the_route_may_be_one_of_ipv6(server):
    assert connect._own_address(server) == "::1"


def client(**settings):
    """Return a cluster whose session stands in for a Connect client: it only knows its settings."""
    conf = {name.replace("_", "."): value for name, value in settings.items()}
    session = SimpleNamespace(
        session_id="0123456789",
        is_stopped=False,
        client=SimpleNamespace(host="127.0.0.1", _builder=None),
        conf=SimpleNamespace(get=lambda key, default=None: conf.get(key, default)),
    )
    return connect.ConnectCluster(session)


@pytest.mark.parametrize(("cpus", "slots"), [("1", 8), ("3", 2), ("16", 1)])
def test_a_task_that_needs_several_cores_leaves_fewer_slots_on_a_local_master(cpus, slots):
    assert client(spark_master="local[8]", spark_task_cpus=cpus).slots() == slots


def test_gpus_limit_the_slots_of_a_limited_number_of_executors():
    dynamic = {"spark_dynamicAllocation_enabled": "true", "spark_executor_cores": "8"}
    limited = {**dynamic, "spark_dynamicAllocation_maxExecutors": "3"}
    assert client(spark_master="yarn", **limited).slots() == 24
    gpus = {"spark_executor_resource_gpu_amount": "2", "spark_task_resource_gpu_amount": "1"}
    assert client(spark_master="yarn", **limited, **gpus).slots() == 6


@pytest.mark.parametrize(("value", "speculation"), [("TRUE", True), ("true", True), ("no", False)])
def test_speculation_is_recognized_in_any_case(value, speculation):
    assert client(spark_master="yarn", spark_speculation=value).speculation is speculation


def test_one_worker_stays_since_a_client_cannot_have_a_task_killed():
    assert client(spark_master="yarn").spare_workers == 1
    assert client(spark_master="yarn", spark_speculation="true").spare_workers > 1_000_000
