"""The number of tasks and the retries that a master URL stands for."""

import os

import pytest

from maggy.core.cluster.masters import gives_up_at_first_crash, local_cores


@pytest.mark.parametrize(
    ("master", "cores"),
    [
        ("local", 1),
        ("local[1]", 1),
        ("local[16]", 16),
        ("local[*]", os.cpu_count()),
        ("local[4, 3]", 4),
        ("local[4 , 3]", 4),
        ("local[*,2]", os.cpu_count()),
        ("local-cluster[2,3,512]", 6),
        ("local-cluster[2, 1, 1024]", 2),
        ("yarn", None),
        ("spark://host:7077", None),
        ("k8s://https://host:443", None),
        ("localhost", None),
        ("", None),
    ],
)
def test_a_local_master_says_how_many_tasks_it_runs_at_once(master, cores):
    assert local_cores(master) == cores


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
