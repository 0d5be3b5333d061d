"""The number of workers that an experiment requests from Spark."""

import pytest

from maggy.core.experiment_driver.worker_count import count_workers
from maggy.testing.thread_cluster import ThreadCluster


def workers(slots, num_workers=None, remaining=100, local=False):
    class Sized(ThreadCluster):
        def slots(self):
            return slots

    cluster, lines = Sized(), []
    cluster.local = local
    count = count_workers(num_workers, cluster, remaining, lines.append)
    return count, lines


@pytest.mark.parametrize(("remaining", "count"), [(100, 8), (5, 5), (None, 8)])
def test_without_a_number_every_slot_gets_a_worker_but_never_more_than_there_are_trials(
    remaining, count
):
    assert workers(8, remaining=remaining) == (count, [])


@pytest.mark.parametrize("slots", [2, None])
def test_a_cluster_is_asked_for_the_number_that_the_user_gave_so_that_it_grows(slots):
    assert workers(slots, num_workers=50) == (50, [])


def test_one_machine_runs_no_more_workers_than_it_has_slots():
    assert workers(2, num_workers=50, local=True) == (2, [])


@pytest.mark.parametrize(("remaining", "count"), [(100, 32), (5, 5), (None, 32)])
def test_without_a_limit_32_are_asked_for_at_most_and_that_is_said_with_the_remedy(
    remaining, count
):
    number, (line,) = workers(None, remaining=remaining)
    assert number == count
    assert f"{count} workers are asked for" in line
    assert "num_workers" in line
    assert "spark.dynamicAllocation.maxExecutors" in line
    assert "\n" not in line


def test_a_resumed_experiment_needs_workers_for_what_is_left_only():
    assert workers(8, remaining=3) == (3, [])
    assert workers(8, remaining=0) == (1, [])
