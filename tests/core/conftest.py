"""Fixtures that close servers, clients and sockets at the end of a test."""

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
    peers_to_close = []

    def make(address, identity=b"0.0.0"):
        peers_to_close.append(Peer(address, identity))
        return peers_to_close[-1]

    yield make
    for peer in peers_to_close:
        peer.client.close()


@pytest.fixture
def raw_sockets():
    """Return a function that makes DEALER sockets with any keys."""
    context = zmq.Context()
    sockets = []

    def make(address, **keys):
        socket = context.socket(zmq.DEALER)
        socket.linger = 0
        for name, value in keys.items():
            setattr(socket, name, value)
        socket.connect(address.endpoint)
        sockets.append(socket)
        return socket

    yield make
    for socket in sockets:
        socket.close()
    context.term()


@pytest.fixture
def stages():
    stages_to_close = []

    def make(**options):
        stages_to_close.append(Stage(**options))
        return stages_to_close[-1]

    yield make
    for stage in stages_to_close:
        stage.close()
