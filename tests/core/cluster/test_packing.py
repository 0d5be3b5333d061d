"""A training function on its way to Spark: one that cannot be pickled, or is too large."""

import threading

import pytest

from maggy.common.exceptions import BadArgumentsError, ExperimentError, SignatureError
from maggy.core.cluster import Payload, TooLargeError, call_with_content, dumps, loads, packing
from maggy.core.cluster.packing import pack_workload
from maggy.core.executors.workload import SearchWorkload
from maggy.testing.thread_cluster import ThreadCluster


def pack(train, cluster=None, tell=print, **values):
    workload = SearchWorkload(train, "metric", values=values)
    return pack_workload(workload, cluster or ThreadCluster(), tell)


def test_a_packed_function_arrives_unchanged():
    with pack(lambda x: x + 1) as payload:
        copy = loads(dumps(payload))
        assert call_with_content(lambda data, job: [loads(data).train_fn(job)], copy, 3) == [4]


def test_a_function_that_cannot_be_pickled_is_an_error_with_the_remedy():
    lock = threading.Lock()
    with (
        pytest.raises(
            SignatureError, match=r"cannot be pickled .* Make or open it inside the function"
        ),
        pack(lambda x: lock),
    ):
        pass


@pytest.mark.parametrize("name", ["model", "dataset"])
def test_an_error_names_the_model_or_dataset_that_cannot_be_pickled(name):
    generator = (number for number in range(3))
    with (
        pytest.raises(
            BadArgumentsError,
            match=f"The config's {name} must be picklable, since it travels to the executors, "
            "but generator cannot",
        ),
        pack(lambda model=None, dataset=None: 0, **{name: generator}),
    ):
        pass


def test_a_large_function_is_reported_once_with_its_largest_object(monkeypatch):
    monkeypatch.setattr(packing, "LARGE_BYTES", 2**20)
    rows, messages = bytes(2 * 2**20), []
    with pack(lambda x: rows, tell=messages.append), pack(lambda x: x, tell=messages.append):
        pass
    (line,) = messages
    assert "largest: rows (bytes, 2.0 MiB)" in line
    assert "maggy.data.share(frame)" in line
    assert "sparkContext.broadcast" in line
    assert "\n" not in line


def test_a_function_that_spark_refuses_is_an_error_with_its_largest_object_and_remedies():
    class SmallCluster(ThreadCluster):
        def pack(self, value):
            raise TooLargeError(len(dumps(value)), "OutOfMemoryError: Java heap space")

    rows = bytes(2 * 2**20)
    with pytest.raises(ExperimentError) as raised, pack(lambda x: rows, SmallCluster()):
        pass
    for part in (
        "rows (bytes, 2.0 MiB)",
        "OutOfMemoryError",
        "inside the function",
        "maggy.data.share(frame)",
        "broadcast",
        "spark.driver.memory",
    ):
        assert part in str(raised.value)


def test_shared_bytes_are_released_at_the_end_even_if_spark_is_gone():
    class SharedBytes:
        value, destroyed = b"bytes", 0

        def destroy(self):
            self.destroyed += 1
            raise ConnectionError("Spark is gone")

    shared = SharedBytes()

    class SharingCluster(ThreadCluster):
        def pack(self, value):
            return Payload(5, None, shared)

    with pack(lambda x: x, SharingCluster()) as payload:
        assert payload.content() == b"bytes"
    assert shared.destroyed == 1
