"""Strangers and messages that make no sense are refused, and cost other workers nothing."""

import os
import socket

import pytest
import zmq
from helpers.wire import Host, keys_of

from maggy.core.messages import Done, Register
from maggy.core.rpc import server as server_module
from maggy.core.rpc.encoding import encode

pytestmark = pytest.mark.loopback


def stranger_without_keys(address):
    return {}


def stranger_with_a_key_of_its_own(address):
    public, secret = zmq.curve_keypair()
    return {
        "curve_serverkey": address.server_key,
        "curve_publickey": public,
        "curve_secretkey": secret,
    }


def stranger_that_knows_the_public_keys(address):
    return {**keys_of(address), "curve_secretkey": zmq.curve_keypair()[1]}


def stranger_who_expects_another_server(address):
    return {**keys_of(address), "curve_serverkey": zmq.curve_keypair()[0]}


@pytest.mark.parametrize(
    "keys",
    [
        stranger_without_keys,
        stranger_with_a_key_of_its_own,
        stranger_that_knows_the_public_keys,
        stranger_who_expects_another_server,
    ],
)
def test_a_stranger_is_not_heard_and_disturbs_nobody(host, peers, raw_sockets, keys):
    stranger = raw_sockets(host.address, **keys(host.address))
    stranger.send(encode(Register("stranger", 666)))
    stranger.send(b"garbage")
    peer = peers(host.address)
    peer.say(Register("friend", 1))
    host.receive(1)
    assert host.receive(2, seconds=0.2) == [(b"0.0.0", Register("friend", 1))]
    assert host.server.rejected == 0  # the decoder got none of it


@pytest.mark.parametrize("data", [b"GET / HTTP/1.1\r\n\r\n", b"\xff" * 4096, os.urandom(4096), b""])
def test_what_speaks_no_zeromq_disturbs_nobody(host, peers, data):
    name, port = host.address.endpoint.removeprefix("tcp://").split(":")
    with socket.create_connection((name, int(port))) as stranger:
        stranger.sendall(data)
        peer = peers(host.address)
        peer.say(Register("friend", 1))
        assert host.receive() == [(b"0.0.0", Register("friend", 1))]
    assert host.server.rejected == 0


def test_malformed_messages_are_counted_and_cost_nobody_else_anything(
    host, peers, raw_sockets, caplog
):
    bad = raw_sockets(host.address, **keys_of(host.address))
    malformed = [b"", b"\xc1", os.urandom(100), encode(Done()), b"\x91" * 100_000]
    for data in malformed:
        bad.send(data)
    bad.send_multipart([encode(Register("x", 1)), b"one frame too many"])
    peer = peers(host.address)
    peer.say(Register("friend", 1))
    host.until(lambda: host.server.rejected == len(malformed) + 1)
    assert host.receive() == [(b"0.0.0", Register("friend", 1))]
    assert len(caplog.records) == 1  # only the first rejection is logged


def test_a_peer_may_err_and_be_heard_again(host, raw_sockets):
    peer = raw_sockets(host.address, **keys_of(host.address), routing_id=b"0.0.0")
    peer.send(b"nonsense")
    peer.send(encode(Register("x", 1)))
    assert host.receive() == [(b"0.0.0", Register("x", 1))]


def test_a_message_that_is_too_long_closes_its_sender_only(monkeypatch, peers, raw_sockets):
    monkeypatch.setattr(server_module, "MAX_MESSAGE_BYTES", 10_000)
    host = Host()
    try:
        peer = peers(host.address)
        peer.say(Register("friend", 1))
        host.receive(1)
        big = raw_sockets(host.address, **keys_of(host.address))
        big.send(encode(Register("x" * 20_000, 1)))
        peer.say(Register("friend", 2))
        assert host.receive(3, seconds=0.3) == [
            (b"0.0.0", Register("friend", 1)),
            (b"0.0.0", Register("friend", 2)),
        ]
    finally:
        host.server.close()
