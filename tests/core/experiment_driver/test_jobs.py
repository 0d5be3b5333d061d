"""Spark jobs as threads: how workers are divided among them, how they end, how to cancel them."""

import threading

import pytest

from maggy.core.experiment_driver.jobs import JobEnd, Jobs
from maggy.testing.thread_cluster import ThreadCluster

pytestmark = pytest.mark.loopback

SOON = 60


class Ends:
    def __init__(self):
        self.all, self.news = [], threading.Semaphore(0)

    def __call__(self, end):
        self.all.append(end)
        self.news.release()

    def wait(self, count=1):
        for _ in range(count):
            assert self.news.acquire(timeout=SOON)
        return sorted(self.all, key=lambda end: end.job)


def jobs_of(cluster, ends, task=lambda job: lambda info: [(job, info.partition)], when_gone=print):
    return Jobs(cluster, "app_1", "what Spark shows", task, ends, when_gone)


class Gone(ThreadCluster):
    """A Spark that ends; afterwards no call of it works."""

    def __init__(self, thread_starts=True):
        super().__init__()
        self._thread_starts, self.is_gone = thread_starts, threading.Event()

    def why_gone(self):
        return "Spark is gone." if self.is_gone.is_set() else None

    def thread(self, target, name):
        if self.is_gone.is_set() and not self._thread_starts:
            raise ConnectionRefusedError
        return super().thread(target, name)

    def run(self, *args):
        self.is_gone.set()
        raise ConnectionResetError

    def cancel(self, job):
        raise ConnectionRefusedError

    def kill(self, job, task):
        raise ConnectionRefusedError


def test_one_job_has_a_task_for_each_partition():
    ends = Ends()
    jobs = jobs_of(ThreadCluster(job_per_worker=False), ends)
    jobs.launch([0, 1, 2])
    assert ends.wait() == [JobEnd(0, [0, 1, 2], [(0, 0), (0, 1), (0, 2)])]
    assert jobs.join(SOON)


def test_where_spark_gives_a_whole_job_up_each_worker_has_its_own():
    ends = Ends()
    jobs_of(ThreadCluster(job_per_worker=True), ends).launch([3, 5])
    assert ends.wait(2) == [JobEnd(0, [3], [(0, 3)]), JobEnd(1, [5], [(1, 5)])]


def test_jobs_are_counted_on():
    ends = Ends()
    jobs = jobs_of(ThreadCluster(job_per_worker=False), ends)
    jobs.launch([0])
    jobs.launch([0])
    assert [end.job for end in ends.wait(2)] == [0, 1]


def test_a_failed_job_names_the_partition_to_blame():
    def task(job):
        def run(info):
            if info.partition == 7:
                raise MemoryError("out of memory")
            return []

        return run

    ends = Ends()
    jobs_of(ThreadCluster(job_per_worker=False), ends, task).launch([4, 7])
    (end,) = ends.wait()
    assert (end.job, end.partitions, end.values, end.culprit) == (0, [4, 7], [], 7)
    assert "out of memory" in end.error


@pytest.mark.parametrize("text", ["the cluster is gone", "Task 99 in stage 0.0 failed 1 times"])
def test_a_failed_job_without_a_known_partition_blames_none(text):
    class Broken(ThreadCluster):
        def run(self, *args):
            raise RuntimeError(text)

    ends = Ends()
    jobs_of(Broken(), ends).launch([0])
    assert ends.wait()[0].culprit is None


def test_joining_waits_no_longer_than_it_may_and_cancelling_ends_the_rest():
    go_on, ends = threading.Event(), Ends()

    def task(job):
        return lambda info: [go_on.wait(SOON)]

    cluster = ThreadCluster()
    jobs = jobs_of(cluster, ends, task)
    try:
        jobs.launch([0, 1])
        assert not jobs.join(0.05)
        jobs.cancel()
        assert jobs.join(SOON)
        assert all("cancelled" in end.error for end in ends.wait(2))
        assert sorted(cluster.jobs) == ["maggy-app_1-0", "maggy-app_1-1"]
    finally:
        go_on.set()


def test_joining_without_jobs_is_done_at_once():
    assert jobs_of(ThreadCluster(), Ends()).join(0)


@pytest.mark.parametrize("thread_starts", [True, False])
def test_when_spark_is_gone_that_is_said_in_place_of_every_error_that_it_causes(thread_starts):
    ends, errors, news = Ends(), [], threading.Semaphore(0)
    cluster = Gone(thread_starts)
    jobs = jobs_of(
        cluster, ends, when_gone=lambda error: (errors.append(str(error)), news.release())
    )
    jobs.launch([0])
    assert news.acquire(timeout=SOON)
    jobs.launch([1])
    assert news.acquire(timeout=SOON)
    assert jobs.join(SOON)
    jobs.kill(0, 7)
    assert set(errors) == {"Spark is gone."}
    assert len(errors) == 3
    assert ends.all == []


def test_an_error_of_a_spark_that_is_there_is_its_own():
    cluster = Gone()
    with pytest.raises(ConnectionRefusedError):
        jobs_of(cluster, Ends()).kill(0, 7)
