"""The retries that a master URL stands for."""

import pytest

from maggy.core.cluster.masters import gives_up_at_first_crash


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
