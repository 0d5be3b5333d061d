"""The number of tasks that a Spark with its own Java process runs at once, by its settings."""

from types import SimpleNamespace

import pytest

from maggy.core.cluster.classic import ClassicCluster
from maggy.core.cluster.masters import max_executors


def cluster(master="yarn", parallelism=2, **settings):
    conf = {f"spark.{name.replace('_', '.')}": value for name, value in settings.items()}
    context = SimpleNamespace(
        getConf=lambda: conf,
        applicationId="app",
        master=master,
        defaultParallelism=parallelism,
        pythonExec="python",
    )
    return ClassicCluster(SimpleNamespace(sparkContext=context))


DYNAMIC = {"dynamicAllocation_enabled": "true", "driver_host": "here"}


@pytest.mark.parametrize("limit", [{}, {"dynamicAllocation_maxExecutors": str(2**31 - 1)}])
def test_dynamic_allocation_without_a_limit_has_no_number_of_slots(limit):
    assert cluster(**DYNAMIC, **limit).slots() is None


def test_dynamic_allocation_with_a_limit_has_the_slots_of_that_many_executors():
    cluster_with_limit = cluster(
        **DYNAMIC, dynamicAllocation_maxExecutors="10", executor_cores="4", task_cpus="2"
    )
    assert cluster_with_limit.slots() == 20


def test_without_dynamic_allocation_the_slots_of_the_configured_executors_count():
    assert cluster(driver_host="here", executor_instances="3", executor_cores="2").slots() == 6
    assert cluster(driver_host="here", parallelism=7).slots() == 7


@pytest.mark.parametrize(
    ("setting", "limit"),
    [("", None), ("infinity", None), ("2147483647", None), ("0", None), ("8", 8)],
)
def test_a_limit_of_executors_is_a_number_or_none(setting, limit):
    assert max_executors(setting) == limit


def test_under_speculation_no_worker_leaves_early():
    assert cluster(driver_host="here").spare_workers == 0
    assert cluster(driver_host="here", speculation="true").spare_workers > 1_000_000
