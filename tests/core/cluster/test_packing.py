"""A training function on its way to Spark: what cannot be pickled, what is large, and what Spark refuses."""

import threading

import pytest
from loopback import Threads

from maggy.common.exceptions import BadArgumentsError, ExperimentError, SignatureError
from maggy.core.cluster import packing
from maggy.core.cluster.packing import packed
from maggy.core.cluster.spark import Payload, TooLargeError, dumps, loads, with_content
from maggy.core.executors.workload import SearchWorkload


def pack(train, cluster=None, tell=print, **values):
    workload = SearchWorkload(train, "metric", values=values)
    return packed(workload, cluster or Threads(), tell)


def test_what_is_packed_arrives_as_it_was():
    with pack(lambda x: x + 1) as payload:
        arrived = loads(dumps(payload))
        assert with_content(lambda data, job: [loads(data).train_fn(job)], arrived, 3) == [4]


def test_what_cannot_be_pickled_is_said_with_the_remedy():
    lock = threading.Lock()
    with (
        pytest.raises(
            SignatureError, match=r"cannot be pickled .* Make or open it inside the function"
        ),
        pack(lambda x: lock),
    ):
        pass


@pytest.mark.parametrize("name", ["model", "dataset"])
def test_a_model_or_dataset_that_cannot_be_pickled_is_named(name):
    generator = (number for number in range(3))
    with (
        pytest.raises(
            BadArgumentsError,
            match=f"The config's {name} must be able to travel .* but generator cannot",
        ),
        pack(lambda model=None, dataset=None: 0, **{name: generator}),
    ):
        pass


def test_a_large_function_is_said_once_with_what_makes_it_large(monkeypatch):
    monkeypatch.setattr(packing, "LARGE_BYTES", 2**20)
    rows, said = bytes(2 * 2**20), []
    with pack(lambda x: rows, tell=said.append), pack(lambda x: x, tell=said.append):
        pass
    (line,) = said
    assert "largest: rows (bytes, 2.0 MiB)" in line
    assert "sparkContext.broadcast" in line
    assert "\n" not in line


def test_one_that_spark_refuses_names_what_makes_it_large_and_the_remedies():
    class Small(Threads):
        def pack(self, value):
            raise TooLargeError(len(dumps(value)), "OutOfMemoryError: Java heap space")

    rows = bytes(2 * 2**20)
    with pytest.raises(ExperimentError) as raised, pack(lambda x: rows, Small()):
        pass
    for part in (
        "rows (bytes, 2.0 MiB)",
        "OutOfMemoryError",
        "inside the function",
        "broadcast",
        "spark.driver.memory",
    ):
        assert part in str(raised.value)


def test_what_spark_keeps_is_released_at_the_end_and_when_spark_is_gone():
    class Kept:
        value, destroyed = b"bytes", 0

        def destroy(self):
            self.destroyed += 1
            raise ConnectionError("Spark is gone")

    kept = Kept()

    class Keeping(Threads):
        def pack(self, value):
            return Payload(5, None, kept)

    with pack(lambda x: x, Keeping()) as payload:
        assert payload.content() == b"bytes"
    assert kept.destroyed == 1
