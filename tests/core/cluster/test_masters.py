"""The retries that a master URL stands for, and the tasks that settings allow."""

import pytest

from maggy.core.cluster.masters import gives_up_at_first_crash, tasks_per_executor


@pytest.mark.parametrize(
    "master", ["local", "local[1]", "local[16]", "local[*]", "local[4,1]", "local[*, 1]"]
)
def test_a_local_master_without_retries_gives_up_at_the_first_crash(master):
    assert gives_up_at_first_crash(master)


@pytest.mark.parametrize(
    "master",
    [
        "local[4,3]",
        "local[*, 2]",
        "local[4,11]",
        "local-cluster[2,1,512]",
        "yarn",
        "spark://host:7077",
        "",
    ],
)
def test_every_other_master_retries(master):
    assert not gives_up_at_first_crash(master)


@pytest.mark.parametrize(
    ("cores", "cores_per_task", "gpus", "gpus_per_task", "tasks"),
    [
        ("8", "4", "2", "1", 2),
        ("8", "1", "2", "1", 2),
        ("8", "1", "4", "2", 2),
        ("8", "1", "3", "2", 1),
        ("8", "1", "2", "0.5", 4),
        ("8", "1", "2", "0.25", 8),
        ("8", "1", "3", "0.4", 6),  # two tasks on each, because none gets parts of two
        ("3", "1", "2", "0.5", 3),
        ("8", "1", "2", "0", 8),
        ("8", "1", "0", "1", 8),  # the platform sets the GPUs of an executor
    ],
)
def test_cores_and_gpus_limit_the_tasks_of_an_executor(
    cores, cores_per_task, gpus, gpus_per_task, tasks
):
    settings = {
        "spark.executor.cores": cores,
        "spark.task.cpus": cores_per_task,
        "spark.executor.resource.gpu.amount": gpus,
        "spark.task.resource.gpu.amount": gpus_per_task,
    }
    assert tasks_per_executor(settings.get) == tasks
