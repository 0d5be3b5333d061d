"""The channel for the progress, over real sockets."""

import os
import pickle
import pickletools
import socket
import struct
import threading
from contextlib import suppress

import numpy as np
import psutil
import pytest
from helpers.hopsworks_platform import ask, receive
from helpers.waiting import HANG
from helpers.wire import Clock, has_ipv6

from maggy.core.environment.hopsworks import progress_channel
from maggy.core.environment.hopsworks.progress_channel import ProgressChannel
from maggy.core.environment.hopsworks.question import MAX_QUESTION_BYTES
from maggy.core.environment.progress_board import ProgressBoard

pytestmark = pytest.mark.loopback

SECRET = "5ec2e7"
QUESTION = {"type": "LOG", "secret": SECRET, "data": "LOG"}


@pytest.fixture
def board():
    board = ProgressBoard()
    board.update(num_trials=5, num_ended=2, num_stopped=1, best_metric=0.75)
    return board


@pytest.fixture
def server(board):
    server = ProgressChannel(board, SECRET, "127.0.0.1", grace=0.05)
    server.port = server.start()
    yield server
    server.close()
    assert server.join(HANG)


@pytest.fixture
def connect(server):
    connections = []

    def connect():
        connections.append(socket.create_connection(("127.0.0.1", server.port), timeout=HANG))
        return connections[-1]

    yield connect
    for connection in connections:
        connection.close()


def test_the_answer_is_of_built_in_types_and_the_lines_are_drained(connect, board):
    board.write("0: epoch 1")
    board.write("1: epoch 1")
    connection = connect()
    answer = {"type": "OK", "num_trials": 5, "to_date": 2, "stopped": 1, "metric": 0.75}
    assert ask(connection, QUESTION) == {**answer, "ex_logs": "0: epoch 1\n1: epoch 1"}
    assert ask(connection, QUESTION) == {**answer, "ex_logs": None}
    assert ask(connect(), QUESTION) == {**answer, "ex_logs": None}


@pytest.mark.skipif(not has_ipv6(), reason="this machine has no IPv6")
def test_the_channel_answers_over_ipv6(board):
    server = ProgressChannel(board, SECRET, "[::1]", grace=0.05)
    port = server.start()
    try:
        with socket.create_connection(("::1", port), timeout=10) as connection:
            assert ask(connection, QUESTION) is not None
    finally:
        server.close()
        assert server.join(5)


def test_the_front_end_needs_no_package_to_read_the_answer(connect, board):
    board.update(
        num_trials=np.int64(5),
        num_ended=np.int64(2),
        num_stopped=np.int64(0),
        best_metric=np.float32(0.5),
    )
    connection, question = connect(), pickle.dumps(QUESTION)
    connection.sendall(struct.pack(">I", len(question)) + question)
    (length,) = struct.unpack(">I", connection.recv(4, socket.MSG_WAITALL))
    answer = connection.recv(length, socket.MSG_WAITALL)
    assert not [
        operation.name
        for operation, _, _ in pickletools.genops(answer)
        if "GLOBAL" in operation.name
    ]
    assert answer[:2] == b"\x80\x03"  # all Pythons from 3.0 on read this protocol
    assert pickle.loads(answer)["metric"] == 0.5


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_every_protocol_of_pickle_is_understood(connect, protocol):
    assert ask(connect(), pickle.dumps(QUESTION, protocol))["type"] == "OK"


def test_questions_may_come_in_pieces_and_several_at_once(connect):
    data = pickle.dumps(QUESTION)
    framed = struct.pack(">I", len(data)) + data
    connection = connect()
    for place in range(len(framed)):
        connection.sendall(framed[place : place + 1])
    assert receive(connection)["type"] == "OK"
    connection.sendall(framed * 20)
    assert [receive(connection)["type"] for _ in range(20)] == ["OK"] * 20


class Exploit:
    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return os.mkdir, (str(self.path),)


@pytest.mark.parametrize(
    "question",
    [
        {**QUESTION, "secret": "wrong"},
        {**QUESTION, "secret": ""},
        {**QUESTION, "secret": None},
        {**QUESTION, "secret": "\udc80" * 6},
        {"type": "LOG", "data": "LOG"},
        {**QUESTION, "type": "REG"},
        ["LOG", SECRET],
        SECRET,
        b"",
        b"\x80",
        b"GET / HTTP/1.1\r\n\r\n",
    ],
)
def test_a_wrong_question_closes_its_connection_without_an_answer_and_no_other_one(
    connect, question
):
    other, wrong = connect(), connect()
    assert ask(wrong, question) is None
    assert ask(other, QUESTION)["type"] == "OK"


def test_no_object_can_be_made(connect, tmp_path):
    for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
        question = pickle.dumps({**QUESTION, "x": Exploit(tmp_path / "made")}, protocol)
        assert ask(connect(), question) is None
    assert not (tmp_path / "made").exists()


def test_a_question_that_is_too_long_closes_its_connection_before_it_is_read(connect):
    connection = connect()
    connection.sendall(struct.pack(">I", MAX_QUESTION_BYTES + 1))
    assert receive(connection) is None
    connection = connect()
    connection.sendall(struct.pack(">I", 0xFFFFFFFF))
    assert receive(connection) is None


def test_silent_connections_disturb_no_other_one_and_take_no_thread(connect, server):
    before = set(threading.enumerate())
    silent = [connect() for _ in range(3 * progress_channel.MAX_CONNECTIONS)]
    assert ask(connect(), QUESTION)["type"] == "OK"
    assert set(threading.enumerate()) <= before  # threads of earlier tests may end
    assert len(server._connections) <= progress_channel.MAX_CONNECTIONS
    assert silent


def test_a_silent_connection_is_closed_after_a_while(connect, monkeypatch):
    monkeypatch.setattr(progress_channel, "SILENT_SECONDS", 0.1)
    connection = connect()
    connection.sendall(b"\0")
    assert receive(connection) is None


def test_a_connection_that_sends_single_bytes_without_a_question_is_closed_too(
    connect, monkeypatch
):
    monkeypatch.setattr(progress_channel, "SILENT_SECONDS", 0.3)
    connection, position = connect(), 0
    with suppress(ConnectionError):
        while position < 1000:
            connection.sendall(b"\0\0\1\0"[position : position + 1] or b"x")
            position += 1
            threading.Event().wait(0.05)
    assert position < 1000


def test_a_client_that_never_fetches_its_answers_costs_no_memory(connect, board, server):
    greedy, data = connect(), pickle.dumps(QUESTION)
    greedy.setblocking(False)
    board.write("x" * 900_000)
    for _ in range(200):
        try:
            greedy.send((struct.pack(">I", len(data)) + data) * 1000)
        except BlockingIOError:
            break
    assert ask(connect(), QUESTION)["type"] == "OK"
    sizes = [len(state.output) + len(state.input) for state in server._connections.values()]
    assert sum(sizes) < 1_100_000


def test_the_channel_closes_at_once_if_no_client_has_asked(board):
    server = ProgressChannel(board, SECRET, "127.0.0.1", grace=600)
    port = server.start()
    with socket.create_connection(("127.0.0.1", port)) as connection:
        assert (
            ask(connection, {**QUESTION, "secret": "wrong"}) is None
        )  # this client does not count
    server.close()
    assert server.join(HANG)
    with pytest.raises(OSError, match="refused"):
        socket.create_connection(("127.0.0.1", port), timeout=HANG)


def test_a_client_that_has_asked_can_still_ask_for_a_while_after_the_end(board):
    clock = Clock()
    server = ProgressChannel(board, SECRET, "127.0.0.1", grace=0.4, clock=clock)
    port = server.start()
    with socket.create_connection(("127.0.0.1", port)) as connection:
        ask(connection, QUESTION)
    server.close()
    assert server._thread.is_alive()  # while no time passes
    assert server._thread.daemon  # the process need not wait for its end
    board.update(num_trials=5, num_ended=5, num_stopped=1, best_metric=1.0)
    with socket.create_connection(("127.0.0.1", port)) as connection:
        assert ask(connection, QUESTION)["to_date"] == 5
    clock.now += 0.4
    assert server.join(HANG)


def test_a_secret_has_1_to_128_characters(board):
    for secret in ("", "x" * 129):
        with pytest.raises(ValueError, match="1 to 128 characters"):
            ProgressChannel(board, secret, "127.0.0.1")


def test_a_channel_that_cannot_listen_leaves_no_socket_open(board):
    before = psutil.Process().num_fds()
    channel = ProgressChannel(board, "secret", "192.0.2.1")
    with pytest.raises(OSError, match=r".+"):
        channel.start()
    assert psutil.Process().num_fds() <= before
