"""Servers, clients and sockets that are closed at the end of a test."""

import pytest
import zmq
from helpers.wire import Host, Peer, Stage


@pytest.fixture
def host():
    host = Host()
    yield host
    host.server.close()


@pytest.fixture
def peers():
    made = []

    def make(address, identity=b"0.0.0"):
        made.append(Peer(address, identity))
        return made[-1]

    yield make
    for peer in made:
        peer.client.close()


@pytest.fixture
def raw_sockets():
    """Makes DEALER sockets by hand, with whatever keys."""
    context = zmq.Context()
    made = []

    def make(address, **keys):
        each = context.socket(zmq.DEALER)
        each.linger = 0
        for name, value in keys.items():
            setattr(each, name, value)
        each.connect(address.endpoint)
        made.append(each)
        return each

    yield make
    for each in made:
        each.close()
    context.term()


@pytest.fixture
def stages():
    made = []

    def make(**options):
        made.append(Stage(**options))
        return made[-1]

    yield make
    for stage in made:
        stage.close()
