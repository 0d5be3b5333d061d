"""The number of tasks that a Spark with its own Java process runs at once, by its settings."""

from types import SimpleNamespace

import pytest

from maggy.core.cluster.classic import ClassicCluster
from maggy.core.cluster.masters import max_executors


def cluster(master="yarn", parallelism=2, java=None, **settings):
    conf = {f"spark.{name.replace('_', '.')}": value for name, value in settings.items()}
    context = SimpleNamespace(
        getConf=lambda: conf,
        applicationId="app",
        master=master,
        defaultParallelism=parallelism,
        pythonExec="python",
        _jsc=java,
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
    ("settings", "slots"),
    [
        ({"executor_instances": "3", "executor_cores": "4"}, 6),
        ({"dynamicAllocation_enabled": "true", "dynamicAllocation_maxExecutors": "3"}, 3),
        ({}, 4),
        ({"task_cpus": "5"}, 3),
    ],
)
def test_gpus_limit_the_slots_where_they_are_scarcer_than_cores(settings, slots):
    executors_and_driver = SimpleNamespace(size=lambda: 3)
    context = SimpleNamespace(getExecutorMemoryStatus=lambda: executors_and_driver)
    gpus = {"executor_resource_gpu_amount": "2", "task_resource_gpu_amount": "1"}
    java = SimpleNamespace(sc=lambda: context)
    spark = cluster(driver_host="here", parallelism=16, java=java, **gpus, **settings)
    assert spark.slots() == slots


@pytest.mark.parametrize(
    ("setting", "limit"),
    [("", None), ("infinity", None), ("2147483647", None), ("0", None), ("8", 8)],
)
def test_a_limit_of_executors_is_a_number_or_none(setting, limit):
    assert max_executors(setting) == limit


def test_under_speculation_no_worker_leaves_early():
    assert cluster(driver_host="here").spare_workers == 0
    assert cluster(driver_host="here", speculation="true").spare_workers > 1_000_000


@pytest.mark.parametrize(
    ("options", "announces"),
    [
        ({}, False),
        ({"decommission_enabled": "false"}, False),
        ({"decommission_enabled": "True"}, True),
        ({"decommission_enabled": "true", "master": "local[2]"}, False),
    ],
)
def test_spark_announces_what_it_takes_away_only_where_decommissioning_is_enabled(
    options, announces
):
    assert cluster(driver_host="here", **options).announces_preemption is announces


class Option:
    """An Option of Scala."""

    def __init__(self, value):
        self._value = value

    def isDefined(self):  # noqa: N802
        return self._value is not None

    def get(self):
        return self._value


class Scheduler:
    """The part of Spark's scheduler that knows which executors are decommissioned."""

    def __init__(self, executors, leaving):
        self._executors, self._leaving = executors, leaving

    def executorsPendingDecommission(self):  # noqa: N802
        return SimpleNamespace(isEmpty=lambda: not self._leaving)

    def taskIdToExecutorId(self):  # noqa: N802
        return SimpleNamespace(get=lambda task: Option(self._executors.get(task)))

    def getExecutorDecommissionState(self, executor):  # noqa: N802
        return Option("state" if executor in self._leaving else None)


@pytest.mark.parametrize(("leaving", "tasks"), [([], []), (["8"], [3, 5]), (["8", "9"], [3, 4, 5])])
def test_tasks_have_to_move_whose_executors_are_decommissioned(leaving, tasks):
    scheduler = Scheduler({3: "8", 4: "9", 5: "8", 6: "7"}, leaving)
    context = SimpleNamespace(taskScheduler=lambda: scheduler)
    spark = cluster(driver_host="here", java=SimpleNamespace(sc=lambda: context))
    assert spark.tasks_to_move([3, 4, 5, 6, 77]) == tasks
