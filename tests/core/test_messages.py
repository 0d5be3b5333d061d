"""Every message of the protocol arrives as it was sent, and nothing else is understood."""

import math

import msgspec
import pytest

from maggy.checkpoints.saved import CheckpointNews, Handover, SavedCheckpoint
from maggy.core import messages
from maggy.core.messages import (
    Abandon,
    Ack,
    Assign,
    Check,
    Checked,
    Decided,
    Done,
    Failed,
    Final,
    Heartbeat,
    Pause,
    Preempt,
    Register,
    Stop,
    Wait,
)
from maggy.core.rpc.encoding import decode_driver_message, decode_worker_message, encode, failure_of

POINTS = [(0, 0.5), (1, -2), (2.5, 1e300)]
LINES = [(True, "shown"), (False, "ünïcode 語")]

FROM_WORKERS = [
    Register("host", 7),
    Register("host", 7, 1, 1, "2.0.0", 1.5e9),
    Checked(None, ""),
    Checked("no layer", "AblationError"),
    Heartbeat(3, 10, POINTS, 20, LINES, True),
    Heartbeat(3, 10, POINTS, 20, LINES, True, [1.5e9, 1.5e9, 1.6e9]),
    Final(
        3,
        0,
        POINTS,
        0,
        LINES,
        0.0,
        {"metric": 0.0, "list": [1, None, "x"], "dict": {"a": True}},
        False,
    ),
    Final(3, 0, [], 0, [], None, {}, True),
    Failed(3, 0, [], 0, LINES, "reason", "traceback", True),
]
FROM_THE_DRIVER = [
    Assign(
        1, "3d1cc9fdb1d4d001", {"lr": 0.1, "n": 3, "kind": "adam", "shape": [1, 2]}, "/dir/3d1c"
    ),
    Wait(),
    Ack(1, 2, 3),
    Stop(1),
    Pause(1),
    Preempt(1),
    Decided(1, 2),
    Abandon(1),
    Check(),
    Done(),
]


@pytest.mark.parametrize("message", FROM_WORKERS, ids=lambda message: type(message).__name__)
def test_a_workers_message_comes_back_as_it_was(message):
    assert decode_worker_message(encode(message)) == message


@pytest.mark.parametrize("message", FROM_THE_DRIVER, ids=lambda message: type(message).__name__)
def test_a_drivers_message_comes_back_as_it_was(message):
    assert decode_driver_message(encode(message)) == message


def test_an_integer_metric_stays_an_integer():
    assert type(decode_worker_message(encode(Final(1, 0, [], 0, [], 3, {}, False))).metric) is int


def test_nan_and_infinity_travel():
    heartbeat = Heartbeat(1, 0, [(0, math.nan), (1, math.inf), (2, -math.inf)], 0, [], False)
    (_, nan), *others = decode_worker_message(encode(heartbeat)).points
    assert math.isnan(nan)
    assert others == [(1, math.inf), (2, -math.inf)]


@pytest.mark.parametrize("message", FROM_THE_DRIVER, ids=lambda message: type(message).__name__)
def test_a_worker_cannot_speak_like_the_driver(message):
    with pytest.raises(msgspec.DecodeError):
        decode_worker_message(encode(message))


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\xc1",
        b"GET / HTTP/1.1\r\n\r\n",
        b"\x80\x04\x95pickle",
        msgspec.msgpack.encode(None),
        msgspec.msgpack.encode({"Register": ["host", 1]}),
        msgspec.msgpack.encode(["Unknown", 1]),
        msgspec.msgpack.encode(["Register"]),
        msgspec.msgpack.encode(["Register", 1, 1]),
        msgspec.msgpack.encode(["Heartbeat", "1", 0, [], 0, [], False]),
        msgspec.msgpack.encode(["Heartbeat", 1, 0, [[1, "x"]], 0, [], False]),
        msgspec.msgpack.encode(["Heartbeat", 1, 0, [[1]], 0, [], False]),
        msgspec.msgpack.encode(["Final", 1, 0, [], 0, [], "0.5", {}, False]),
        msgspec.msgpack.encode(["Final", 1, 0, [], 0, [], 0.5, [], False]),
        encode(FROM_WORKERS[3])[:-1],
    ],
)
def test_what_is_not_of_the_protocol_is_not_understood(data):
    with pytest.raises(msgspec.DecodeError):
        decode_worker_message(data)


def test_deep_nesting_is_refused_and_does_not_crash():
    with pytest.raises((msgspec.DecodeError, RecursionError)):
        decode_worker_message(b"\x91" * 1_000_000)


def deep(levels):
    return b"\x91" * levels + b"\x01"


def final_of(run, outputs):
    """Return a Final as bytes, with bytes as its outputs."""
    whole = encode(Final(run, 0, [], 0, [], 0.5, {"x": "HERE"}, False))
    return whole.replace(msgspec.msgpack.encode("HERE"), outputs)


@pytest.mark.parametrize("run", [0, 127, 128, 255, 256, 65_535, 65_536, 2**32 - 1, 2**32])
def test_the_run_is_known_of_an_end_that_cannot_be_decoded(run):
    data = final_of(run, deep(100_000))
    with pytest.raises((msgspec.DecodeError, RecursionError)) as caught:
        decode_worker_message(data)
    failure = failure_of(data, caught.value)
    assert (type(failure), failure.run) == (Failed, run)
    assert failure.reason.startswith("What it returned cannot be read")


@pytest.mark.parametrize("params", [None, [1], deep(2)])
def test_the_run_is_known_of_an_assignment_that_cannot_be_decoded(params):
    data = encode(Assign(7, "t", params, ""))
    with pytest.raises(msgspec.DecodeError) as caught:
        decode_driver_message(data)
    failure = failure_of(data, caught.value)
    assert (failure.run, failure.reason[:30]) == (7, "Its parameters cannot be read ")


@pytest.mark.parametrize(
    "data", [b"", b"\x91", b"\xa5Final\x01", encode(Heartbeat(1, 0, [], 0, [], False))]
)
def test_of_other_data_no_run_has_failed(data):
    assert failure_of(data, ValueError()) is None


def test_a_directory_that_is_no_unicode_does_not_keep_an_assignment_from_being_sent():
    got = decode_driver_message(encode(Assign(1, "t", {"x": "λ"}, "/caf\udce9")))
    assert (got.params, got.logdir) == ({"x": "λ"}, "/caf\\udce9")


def test_text_that_is_no_unicode_is_sent_with_escapes():
    message = Failed(1, 0, [], 0, [(True, "a\udc80b")], "why\udcff", "", False)
    got = decode_worker_message(encode(message))
    assert (got.lines, got.reason) == ([(True, "a\\udc80b")], "why\\udcff")


def test_integers_beyond_64_bits_are_sent_as_floats():
    message = Final(
        1,
        0,
        [(1, 2**70), (2, -(10**400))],
        0,
        [],
        2**70,
        {"metric": 2**70, "kept": [10**400, True]},
        False,
    )
    got = decode_worker_message(encode(message))
    assert got.points == [(1, 2.0**70), (2, -math.inf)]
    assert got.metric == 2.0**70
    assert got.outputs == {"metric": 2.0**70, "kept": [math.inf, True]}


@pytest.mark.parametrize("value", [2**70, "\udc80"])
def test_parameters_are_never_changed_on_the_way(value):
    with pytest.raises((OverflowError, UnicodeEncodeError)):
        encode(Assign(1, "t", {"x": value}, ""))


def test_every_message_class_is_in_one_of_the_two_vocabularies():
    classes = {
        value
        for value in vars(messages).values()
        if isinstance(value, type)
        and issubclass(value, messages.Message)
        and value.__name__ not in ("Message", "Report")
    }
    assert classes == {type(message) for message in [*FROM_WORKERS, *FROM_THE_DRIVER]}


TIMES = [5.0, 5.0, 6.0]
NEWS = CheckpointNews(True, 1, [SavedCheckpoint(3, 0.5, "3/0.0.0-1", 100, 0.1)])
# Messages with the fields that the first release with this protocol did not have, the last first.
LATER_FIELDS = [
    (Register("host", 7, 1, 1, "2.0.0", 5.0), {"clock": 0.0}),
    (
        Heartbeat(3, 0, POINTS, 0, LINES, True, TIMES, NEWS, asks=True),
        {"asks": False, "checkpoints": None, "times": []},
    ),
    (
        Final(3, 0, POINTS, 0, LINES, 0.5, {}, True, {}, TIMES, NEWS, paused=True),
        {"paused": False, "checkpoints": None, "times": []},
    ),
    (
        Failed(3, 0, POINTS, 0, LINES, "reason", "", times=TIMES, checkpoints=NEWS),
        {"checkpoints": None, "times": []},
    ),
    (Assign(3, "t1", {"x": 1}, "dir", Handover("t1/checkpoints/3/a", 3, 0.5)), {"handover": None}),
    (Ack(3, 5, 6, 2), {"checkpoints": 0}),
]


@pytest.mark.parametrize(
    ("message", "later_fields"),
    LATER_FIELDS,
    ids=[type(message).__name__ for message, _ in LATER_FIELDS],
)
def test_earlier_releases_and_this_one_understand_each_other(message, later_fields):
    is_from_driver = isinstance(message, (Assign, Ack))
    decode = decode_driver_message if is_from_driver else decode_worker_message
    array = msgspec.msgpack.decode(encode(message))
    assert decode(encode(message)) == message
    for count in range(1, len(later_fields) + 1):
        earlier = decode(msgspec.msgpack.encode(array[:-count]))
        missing_fields = dict(list(later_fields.items())[:count])
        assert earlier == msgspec.structs.replace(message, **missing_fields)
    # A release drops what follows the fields that it knows.
    assert decode(msgspec.msgpack.encode([*array, "later"])) == message
