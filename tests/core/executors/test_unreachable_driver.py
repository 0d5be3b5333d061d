"""A worker whose driver cannot be reached from its machine."""

import socket

import pytest
import zmq

from maggy.core.cluster import TaskInfo, dumps
from maggy.core.executors import trial_executor
from maggy.core.executors.trial_executor import WorkerSettings, work
from maggy.core.executors.workload import SearchWorkload
from maggy.core.rpc import Address

pytestmark = pytest.mark.loopback


def test_a_worker_that_cannot_reach_the_driver_leaves_and_names_the_remedy(monkeypatch):
    monkeypatch.setattr(trial_executor, "ANSWER_SECONDS", 0.1)
    (server_key, _), (client_key, client_secret) = zmq.curve_keypair(), zmq.curve_keypair()
    # Bound, but it does not listen: nobody else gets the port, and every connection is refused.
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        endpoint = f"tcp://127.0.0.1:{closed.getsockname()[1]}"
        address = Address(endpoint, server_key, client_key, client_secret)
        settings = WorkerSettings(address, 0.05, None, tee=False, worker_timeout=0.05)
        with pytest.raises(ConnectionError, match=r"cannot be reached from .* driver_port"):
            work(settings, dumps(SearchWorkload(lambda: 1.0, "metric")), 0, TaskInfo(0, 0, []))
