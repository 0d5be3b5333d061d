"""The wire over real sockets: who may connect, what is dropped, and that nothing is left behind."""

import os
import socket
import threading
import time

import pytest
import zmq
from helpers.waiting import wait_until
from helpers.wire import SOON, Host, Peer, has_ipv6, keys_of

from maggy.common import hosts
from maggy.common.hosts import add_brackets
from maggy.core.messages import Ack, Assign, Done, Failed, Final, Heartbeat, Register
from maggy.core.rpc import Address, Server, Waker
from maggy.core.rpc import server as server_module
from maggy.core.rpc.encoding import encode

pytestmark = pytest.mark.loopback


def test_messages_go_both_ways(host, peers):
    peer = peers(host.address, b"1.2.3")
    peer.say(Register("here", 1))
    assert host.receive() == [(b"1.2.3", Register("here", 1))]
    host.server.send(b"1.2.3", Ack(1, 2, 3))
    assert peer.hear() == [Ack(1, 2, 3)]


@pytest.mark.skipif(not has_ipv6(), reason="this machine has no IPv6")
@pytest.mark.parametrize(
    ("interface", "advertised"), [("::1", None), ("[::1]", "[::1]"), ("::", "::1")]
)
def test_messages_go_both_ways_over_ipv6(peers, interface, advertised):
    host = Host(host=interface, advertised=advertised)
    try:
        assert host.address.endpoint == f"tcp://[::1]:{host.port}"
        peer = peers(host.address)
        peer.say(Register("here", 1))
        assert host.receive() == [(b"0.0.0", Register("here", 1))]
        host.server.send(b"0.0.0", Done())
        assert peer.hear() == [Done()]
    finally:
        host.server.close()


@pytest.mark.skipif(not has_ipv6(), reason="this machine has no IPv6")
def test_a_name_that_stands_for_an_ipv6_address_only_is_reached(peers, monkeypatch):
    original = socket.getaddrinfo

    def getaddrinfo(host, *rest, **options):
        return original("::1" if host == "driver.example" else host, *rest, **options)

    monkeypatch.setattr(hosts.socket, "getaddrinfo", getaddrinfo)
    host = Host(host="driver.example", advertised="::1")
    try:
        peer = peers(host.address)
        peer.say(Register("here", 1))
        assert host.receive() == [(b"0.0.0", Register("here", 1))]
    finally:
        host.server.close()


@pytest.mark.parametrize("host", ["127.0.0.1", "::1", "driver.example", "fe80::1%eth0"])
def test_an_address_knows_its_host(host):
    assert Address(f"tcp://{add_brackets(host)}:4711", b"", b"", b"").host == host


def test_answers_go_to_the_peer_that_is_named(host, peers):
    one, two = peers(host.address, b"0.0.0"), peers(host.address, b"0.1.0")
    one.say(Register("one", 1))
    two.say(Register("two", 2))
    host.receive(2)
    host.server.send(b"0.1.0", Done())
    host.server.send(b"0.0.0", Ack(0, 0, 0))
    assert two.hear() == [Done()]
    assert one.hear() == [Ack(0, 0, 0)]


def test_messages_of_one_peer_keep_their_order(host, peers):
    peer = peers(host.address)
    for number in range(500):
        peer.say(Register("here", number))
    assert [message.pid for _, message in host.receive(500)] == list(range(500))


def test_a_message_to_a_peer_that_is_gone_is_no_error(host):
    host.server.send(b"9.9.9", Done())


def test_a_peer_that_connects_again_keeps_its_identity(host, raw_sockets):
    first = raw_sockets(host.address, **keys_of(host.address), routing_id=b"0.0.0")
    first.send(encode(Register("first", 1)))
    host.receive(1)
    second = raw_sockets(host.address, **keys_of(host.address), routing_id=b"0.0.0")
    second.send(encode(Register("second", 2)))
    assert host.receive(2)[1] == (b"0.0.0", Register("second", 2))
    host.server.send(b"0.0.0", Done())
    assert second.poll(1000 * SOON)


def test_a_client_waits_for_a_server_that_is_away_and_finds_it_again(peers, monkeypatch):
    pairs = [zmq.curve_keypair(), zmq.curve_keypair()]
    keys = iter(pairs * 2)
    monkeypatch.setattr(server_module.zmq, "curve_keypair", lambda: next(keys))
    first = Host()
    peer = peers(first.address)
    peer.say(Register("first", 1))
    first.receive()
    first.server.close()
    peer.say(Register("while it is away", 2))
    second = Host(port=first.port)
    try:
        assert second.receive() == [(b"0.0.0", Register("while it is away", 2))]
        second.server.send(b"0.0.0", Done())
        assert peer.hear() == [Done()]
    finally:
        second.server.close()


def test_an_assignment_that_cannot_be_decoded_is_answered_with_its_failure(host, peers):
    peer = peers(host.address)
    peer.say(Register("here", 1))
    host.receive()
    host.server.send(b"0.0.0", Assign(7, "t7", None, ""))
    _, failure = host.receive(2)[1]
    assert (type(failure), failure.run) == (Failed, 7)
    host.server.send(b"0.0.0", Done())
    assert peer.hear() == [Done()]  # the peer lives, and got no message for the other one


def test_an_assignment_that_is_nested_too_deeply_is_answered_too(host, peers):
    peer = peers(host.address)
    peer.say(Register("here", 1))
    host.receive()
    data = encode(Assign(7, "t7", {"x": "HERE"}, "")).replace(
        b"\xa4HERE", b"\x91" * 100_000 + b"\x01"
    )
    host.server._socket.send_multipart((b"0.0.0", data))
    assert host.receive(2)[1][1].run == 7


def test_an_end_that_cannot_be_decoded_is_the_failure_of_its_run(host, raw_sockets):
    data = encode(Final(7, 0, [], 0, [], 0.5, {"x": "HERE"}, False))
    peer = raw_sockets(host.address, **keys_of(host.address), routing_id=b"0.0.0")
    peer.send(data.replace(b"\xa4HERE", b"\x91" * 100_000 + b"\x01"))
    ((identity, failure),) = host.receive()
    assert (identity, type(failure), failure.run) == (b"0.0.0", Failed, 7)


def test_the_repr_of_an_address_shows_no_key(host):
    text = repr(host.address)
    assert host.address.endpoint in text
    for key in (host.address.server_key, host.address.client_key, host.address.client_secret):
        assert key.decode() not in text


def test_every_server_has_keys_of_its_own(host):
    other = Host()
    other.server.close()
    assert not {other.address.client_key, other.address.client_secret} & {
        host.address.client_key,
        host.address.client_secret,
    }


def test_the_server_listens_on_the_given_interface_only(host):
    port = host.port
    # A socket can bind each loopback address on its own, like the address of an interface.
    with socket.socket() as probe:
        probe.bind(("127.0.0.2", port))
    with socket.socket() as probe, pytest.raises(OSError, match="in use"):
        probe.bind(("127.0.0.1", port))


def test_workers_are_told_the_advertised_address():
    server = Server("127.0.0.1", advertised="driver.example")
    address = server.start()
    server.close()
    assert address.endpoint.startswith("tcp://driver.example:")


def test_a_port_that_is_taken_is_an_error_with_the_remedy_and_leaves_nothing(host):
    port = host.port
    before = set(threading.enumerate())
    with pytest.raises(OSError, match="driver_port"):
        Server("127.0.0.1", port=port).start()
    assert set(threading.enumerate()) <= before  # threads of earlier tests may end


@pytest.mark.parametrize("name", ["192.0.2.1", "no-such-host.invalid"])
def test_an_address_that_is_not_this_machines_is_an_error_with_the_remedy(name):
    with pytest.raises(OSError, match=r"spark\.driver\.bindAddress"):
        Server(name).start()


def open_files():
    return len(os.listdir("/proc/self/fd")) if os.path.isdir("/proc/self/fd") else 0


def test_nothing_is_left_of_server_and_client():
    def conversation():
        host = Host()
        peer = Peer(host.address)
        peer.say(Register("x", 1))
        host.receive(1)
        peer.client.close()
        host.server.close()

    conversation()  # libraries create now what they keep for good
    threads, files = set(threading.enumerate()), open_files()
    conversation()
    assert set(threading.enumerate()) <= threads  # threads of earlier tests may end
    assert open_files() <= files


def test_closing_sends_what_was_said_before(host):
    peer = Peer(host.address)
    peer.outbox.append(Register("last words", 1))
    peer.client.close()
    assert host.receive() == [(b"0.0.0", Register("last words", 1))]


def test_closing_without_a_server_takes_a_second_at_most():
    host = Host()
    host.server.close()
    peer = Peer(host.address)
    peer.outbox.append(Register("nobody hears", 1))
    thread = threading.Thread(target=peer.client.close, daemon=True)
    thread.start()
    thread.join(SOON)
    assert not thread.is_alive()


def test_a_wake_up_ends_the_waiting(host):
    host.server.wake()
    began = time.monotonic()
    assert list(host.server.receive(SOON)) == []
    assert time.monotonic() - began < SOON / 2


def test_a_flood_of_messages_lets_the_receiver_go_now_and_then(host, peers, monkeypatch):
    monkeypatch.setattr(server_module, "MAX_BATCH", 10)
    peer = peers(host.address)
    for number in range(25):
        peer.say(Register("x", number))
    host.until(lambda: len(host.got) == 25)
    for number in range(25):
        peer.say(Heartbeat(number, 0, [], 0, [], True))
    wait_until(lambda: host.server._socket.getsockopt(zmq.EVENTS) & zmq.POLLIN, "the first message")
    assert len(list(host.server.receive(SOON))) <= 10


def test_a_waker_may_be_woken_a_million_times_and_after_its_end():
    waker = Waker()
    for _ in range(100_000):
        waker.wake()
    waker.clear()
    waker.close()
    waker.wake()


def test_an_address_can_travel_in_a_pickle(host):
    import pickle

    assert pickle.loads(pickle.dumps(host.address)) == host.address
    assert isinstance(host.address, Address)
