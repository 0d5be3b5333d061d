"""Messages between a Spark task and its processes."""

import os
import threading

import msgspec
import pytest

from maggy.core.executors.channel import (
    _MORE,
    _NUMBER_BYTES,
    PIECE_BYTES,
    ChannelClosed,
    child_channel,
    child_end,
    template_channel,
    template_end,
)
from maggy.core.executors.process_messages import (
    Ended,
    Interrupt,
    Kill,
    Prepared,
    Reported,
    Run,
    TrialFinal,
    Value,
)
from maggy.core.messages import Assign, Stop

pytestmark = pytest.mark.loopback


@pytest.fixture
def ends():
    """Return both ends of a channel, as two processes have them."""
    channels = []

    def connect(make_channel, make_end):
        near, socket = make_channel()
        channels.extend([near, make_end(socket.detach())])
        return channels[-2:]

    yield connect
    for channel in channels:
        channel.close()


def test_a_template_gets_commands_with_descriptors_and_replies(ends):
    task, template = ends(template_channel, template_end)
    reading, writing = os.pipe()
    task.send(Run(Assign(1, "t1", {"x": 1}, "")), (writing,))
    os.close(writing)
    message, (copy,) = template.receive()
    assert message == Run(Assign(1, "t1", {"x": 1}, ""))
    os.write(copy, b"x")
    os.close(copy)
    assert os.read(reading, 2) == b"x"
    os.close(reading)
    template.send(Prepared(None, 0))
    assert task.receive() == (Prepared(None, 0), [])


def test_a_child_gets_commands_and_reports(ends):
    task, child = ends(child_channel, child_end)
    for command in (Stop(0), Interrupt("too long")):
        task.send(command)
        assert child.receive() == (command, [])
    for report in (Reported([(0, 0.5)], []), TrialFinal(0.5, {"a": [1]}, False)):
        child.send(report)
        assert task.receive() == (report, [])


@pytest.mark.parametrize(
    ("make_channel", "make_end", "for_near", "for_far"),
    [
        (template_channel, template_end, Kill(), Ended(0)),
        (child_channel, child_end, Interrupt("no"), Value(b"")),
    ],
)
def test_a_message_that_the_receiver_does_not_take_is_an_error_with_its_name(
    ends, make_channel, make_end, for_near, for_far
):
    near, far = ends(make_channel, make_end)
    for sender, receiver, message in ((near, far, for_far), (far, near, for_near)):
        sender.send(message)
        with pytest.raises(msgspec.DecodeError, match=type(message).__name__):
            receiver.receive()


def test_a_long_message_arrives_whole(ends):
    task, child = ends(child_channel, child_end)
    message = Value(os.urandom(3 * PIECE_BYTES + 1))
    child.send(message)
    assert task.receive() == (message, [])


def test_the_end_of_the_other_side_ends_a_channel(ends):
    task, child = ends(child_channel, child_end)
    child.close()
    assert task.receive() == (None, [])
    with pytest.raises(ChannelClosed):
        task.send(Stop(0))


def test_without_waiting_an_empty_channel_and_half_a_message_raise_at_once(ends):
    near, far = ends(child_channel, child_end)
    with pytest.raises(BlockingIOError):
        near.receive(wait=False)
    far._socket.sendmsg([_MORE, bytes(_NUMBER_BYTES), b"the first half of a message"])
    with pytest.raises(BlockingIOError):
        near.receive(wait=False)


def test_long_messages_of_several_threads_arrive_whole(ends):
    near, far = ends(child_channel, child_end)
    texts = [letter * (3 * PIECE_BYTES) for letter in "ab"]
    senders = [
        threading.Thread(
            target=lambda text=text: [far.send(Value(text.encode())) for _ in range(20)]
        )
        for text in texts
    ]
    for sender in senders:
        sender.start()
    arrivals = [near.receive()[0].data.decode() for _ in range(40)]
    for sender in senders:
        sender.join()
    assert sorted(arrivals) == sorted(texts * 20)


def test_a_message_whose_sending_is_broken_off_does_not_reach_the_next_one(ends, monkeypatch):
    task, child = ends(child_channel, child_end)
    sendmsg, calls = child._socket.sendmsg, []

    class Socket:
        def __getattr__(self, name):
            return getattr(end, name)

        def sendmsg(self, buffers):
            calls.append(buffers)
            if len(calls) == 3:  # as the handler of a signal may do
                raise TimeoutError
            return sendmsg(buffers)

    end = child._socket
    monkeypatch.setattr(child, "_socket", Socket())
    with pytest.raises(TimeoutError):
        child.send(Reported([], [(True, "x" * (5 * PIECE_BYTES))]))
    child.send(Reported([], [(True, "y" * (2 * PIECE_BYTES))]))
    assert task.receive() == (Reported([], [(True, "y" * (2 * PIECE_BYTES))]), [])
    assert task._pieces == {}


def test_descriptors_come_with_a_long_message_too(ends):
    task, template = ends(template_channel, template_end)
    reading, writing = os.pipe()
    run = Run(Assign(1, "t1", {"x": "x" * (3 * PIECE_BYTES)}, ""))
    thread = threading.Thread(target=task.send, args=(run, (writing,)))
    thread.start()
    message, copies = template.receive()
    thread.join()
    assert message == run
    assert len(copies) == 1
    for descriptor in (reading, writing, *copies):
        os.close(descriptor)


def test_what_a_signal_s_handler_sends_within_a_long_message_spoils_neither(ends, monkeypatch):
    task, child = ends(child_channel, child_end)
    send_packet, calls = child._send_packet, []

    def send(buffers, descriptors=()):
        calls.append(buffers)
        if len(calls) == 2:  # as the handler of a signal may do
            child.send(Value(b"y"))
        send_packet(buffers, descriptors)

    monkeypatch.setattr(child, "_send_packet", send)
    child.send(Value(b"x" * (3 * PIECE_BYTES)))
    assert [task.receive()[0] for _ in range(2)] == [
        Value(b"y"),
        Value(b"x" * (3 * PIECE_BYTES)),
    ]
