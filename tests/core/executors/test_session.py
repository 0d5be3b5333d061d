"""A worker's session against a real server whose answers the test plays."""

import threading
import time

import pytest
from helpers.wire import HELLO, SOON
from msgspec.structs import replace

from maggy.common.exceptions import EarlyStopException
from maggy.core import reporter as reporter_module
from maggy.core.executors import heartbeats as module
from maggy.core.messages import (
    Ack,
    Assign,
    Check,
    Checked,
    Decided,
    Done,
    Failed,
    Final,
    Heartbeat,
    Register,
    Stop,
    Wait,
)
from maggy.core.reporting import decision_wait

pytestmark = pytest.mark.loopback


def test_a_request_is_said_again_until_it_is_answered(stages):
    stage = stages()
    before = time.time()
    answer = stage.worker(stage.session.request, HELLO)
    messages = [stage.host.expect(Register) for _ in range(3)]
    assert [replace(message, clock=0.0) for message in messages] == [HELLO] * 3
    clocks = [message.clock for message in messages]
    assert before <= clocks[0] < clocks[1] < clocks[2] <= time.time()
    stage.say(Assign(1, "t1", {"x": 1}, "dir"))
    assert answer.result(SOON) == Assign(1, "t1", {"x": 1}, "dir")
    stage.host.expect(Heartbeat)  # the first message after the answer came
    assert not any(isinstance(message, Register) for message in stage.host.gather(0.2))


def test_a_request_that_is_noted_is_not_said_again_but_waits(stages):
    stage = stages()
    answer = stage.worker(stage.session.request, HELLO)
    stage.host.expect(Register)
    stage.say(Wait())
    assert stage.host.expect(Heartbeat) == Heartbeat(0, 0, [], 0, [], True)
    stage.say(Assign(1, "t1", {}, ""))
    assert answer.result(SOON).run == 1


def test_the_end_of_a_run_is_said_again_until_it_is_answered(stages):
    stage = stages()
    stage.assigned()
    answer = stage.worker(stage.session.final, 0.5, {"metric": 0.5}, False)
    for _ in range(3):
        assert stage.host.expect(Final) == Final(1, 0, [], 0, [], 0.5, {"metric": 0.5}, False)
    stage.say(Assign(2, "t2", {}, ""))
    assert answer.result(SOON).run == 2


def test_a_new_request_does_not_wait_for_the_heartbeat(stages):
    stage = stages(hb_interval=600)
    stage.assigned()
    stage.worker(stage.session.final, 0.5, {}, False)
    assert stage.host.expect(Final).run == 1


def test_a_request_that_is_made_during_a_heartbeat_does_not_wait_for_the_next_one(stages):
    stage = stages(hb_interval=600)
    stage.assigned()
    session, answers = stage.session, []
    send = session._client.send

    def send_slowly(message):
        send(message)
        if isinstance(message, Heartbeat) and not answers:
            answers.append(stage.worker(session.final, 0.5, {}, False))
            while not session._is_request_new:
                pass

    session._client.send = send_slowly
    session._next_beat = 0
    session._client.wake()
    assert stage.host.expect(Final).run == 1


def test_an_assignment_said_twice_is_one_assignment(stages):
    stage = stages()
    stage.assigned()
    stage.say(Assign(1, "t1", {}, ""), Assign(1, "t1", {}, ""))
    answer = stage.worker(stage.session.final, 0.5, {}, False)
    stage.host.expect(Final)
    stage.say(Assign(1, "t1", {}, ""), Done())
    assert answer.result(SOON) == Done()


def test_an_assignment_that_comes_while_a_run_goes_on_does_not_take_its_place(stages):
    stage = stages()
    stage.assigned(run=1)
    stage.session.reporter.broadcast(0.25)
    stage.say(Assign(2, "t2", {}, ""))
    stage.host.expect(Heartbeat)
    stage.host.gather(0.1)
    answer = stage.worker(stage.session.final, 0.5, {}, False)
    final = stage.host.expect(Final)
    assert (final.run, final.points) == (1, [(0, 0.25)])
    stage.say(Assign(2, "t2", {}, ""))
    assert answer.result(SOON).run == 2


def test_a_heartbeat_brings_points_and_lines_until_they_are_acknowledged(stages):
    stage = stages()
    stage.assigned()
    reporter = stage.session.reporter
    reporter.broadcast(0.5)
    reporter.log("hello", jupyter=True)
    times = reporter.waiting()[4]
    expectation = Heartbeat(1, 0, [(0, 0.5)], 0, [(True, "hello")], False, times)
    stage.host.until(lambda: stage.host.got and stage.host.got[-1][1] == expectation)
    assert stage.host.expect(Heartbeat).run == 1
    stage.say(Ack(1, 1, 1))
    stage.host.until(
        lambda: stage.host.got and stage.host.got[-1][1] == Heartbeat(1, 1, [], 1, [], False)
    )


def test_a_question_for_a_decision_does_not_wait_for_the_heartbeat(stages, monkeypatch):
    monkeypatch.setattr(decision_wait, "WAIT_SECONDS", SOON)
    stage = stages(hb_interval=600)
    stage.assigned()
    reporter = stage.session.reporter
    reporter.broadcast(0.5)
    waiting = stage.worker(reporter.flush)
    question = stage.host.expect(Heartbeat)
    assert (question.points, question.asks) == ([(0, 0.5)], True)
    stage.say(Ack(1, 1, 0), Decided(1, 1))
    assert waiting.result(SOON) is None
    reporter.broadcast(0.25)
    waiting = stage.worker(reporter.flush)
    assert stage.host.expect(Heartbeat).points == [(1, 0.25)]
    stage.say(Stop(1), Decided(1, 2))
    with pytest.raises(EarlyStopException):
        waiting.result(SOON)


def test_an_acknowledgement_of_another_run_forgets_nothing(stages):
    stage = stages()
    stage.assigned(run=2)
    stage.session.reporter.broadcast(0.5)
    stage.say(Ack(1, 100, 100))
    stage.host.gather(0.1)
    assert stage.host.expect(Heartbeat).points == [(0, 0.5)]


def test_every_point_arrives_once_and_in_order_though_acknowledgements_are_lost(stages):
    stage = stages(hb_interval=0.005)
    stage.assigned()
    reporter, points, lines = stage.session.reporter, [], []

    def train():
        for number in range(300):
            reporter.broadcast(float(number))
            reporter.log(str(number))
            threading.Event().wait(0.001)
        return stage.session.final(1.0, {}, False)

    answer = stage.worker(train)
    count = 0
    while not answer.done():
        message = stage.host.expect((Heartbeat, Final))
        points += message.points[len(points) - message.first_point :]
        lines += message.lines[len(lines) - message.first_line :]
        count += 1
        if count % 3 == 0:
            stage.say(Ack(1, len(points), len(lines)))
        if isinstance(message, Final):
            stage.say(Done())
            answer.result(SOON)
    assert points == [(number, float(number)) for number in range(300)]
    assert lines == [(False, str(number)) for number in range(300)]


def test_a_stop_is_raised_by_the_next_broadcast_and_every_one_after(stages):
    stage = stages()
    stage.assigned()
    reporter = stage.session.reporter
    reporter.broadcast(0.1)
    stage.say(Stop(1))
    stage.host.until(lambda: reporter.is_stopped)
    for metric in (0.2, 0.3):
        with pytest.raises(EarlyStopException) as caught:
            reporter.broadcast(metric)
        assert caught.value.metric == metric
    assert reporter.stop_metric == 0.2


def test_a_stop_of_another_run_stops_nothing(stages):
    stage = stages()
    stage.assigned(run=2)
    stage.say(Stop(1), Ack(2, 0, 0))
    stage.host.gather(0.1)
    stage.session.reporter.broadcast(0.1)


def test_the_reporter_of_each_run_is_a_new_one(stages):
    stage = stages()
    stage.assigned()
    stage.session.reporter.broadcast(0.1)
    stage.session.reporter.stop()
    answer = stage.worker(stage.session.final, 0.1, {}, True)
    stage.host.expect(Final)
    stage.say(Assign(2, "t2", {}, ""))
    answer.result(SOON)
    stage.session.reporter.broadcast(0.2)
    assert stage.session.reporter.waiting()[:2] == (0, [(0, 0.2)])


def test_a_study_is_checked_once_though_it_is_asked_twice(stages):
    stage = stages()
    answer = stage.worker(stage.session.request, HELLO)
    stage.host.expect(Register)
    stage.say(Check(), Check())
    assert answer.result(SOON) == Check()
    assert stage.host.expect(Heartbeat).waiting is False  # it is at work
    answer = stage.worker(stage.session.request, Checked(None, ""))
    stage.host.expect(Checked)
    stage.say(Assign(1, "t1", {}, ""))
    assert answer.result(SOON).run == 1


def test_a_big_report_is_split_and_arrives_whole(stages, monkeypatch):
    monkeypatch.setattr(module, "POINTS_PER_MESSAGE", 100)
    monkeypatch.setattr(module, "LINES_PER_MESSAGE", 10)
    stage = stages(hb_interval=600)
    stage.assigned()
    for number in range(250):
        stage.session.reporter.broadcast(number)
    for number in range(5):
        stage.session.reporter.log(number)
    stage.worker(stage.session.final, 1.0, {}, False)
    stage.host.until(lambda: stage.host.got and isinstance(stage.host.got[-1][1], Final))
    parts = [message for _, message in stage.host.got if message.run == 1]
    assert [len(part.times) for part in parts[-3:]] == [100, 100, 50]
    times = [time for part in parts[-3:] for time in part.times]
    assert times == sorted(times)
    assert [(part.first_point, len(part.points)) for part in parts[-3:]] == [
        (0, 100),
        (100, 100),
        (200, 50),
    ]
    assert [(part.first_line, len(part.lines)) for part in parts[-3:]] == [(0, 5), (5, 0), (5, 0)]


@pytest.mark.parametrize("depth", [201, 1500, 50_000])
def test_a_returned_dict_that_is_nested_too_deeply_is_the_trials_failure(stages, depth):
    stage = stages()
    stage.assigned()
    outputs = 1
    for _ in range(depth):
        outputs = {"inner": outputs}
    answer = stage.worker(stage.session.final, 0.5, outputs, False)
    assert "at most 200 levels deep" in stage.host.expect(Failed).reason
    stage.say(Assign(2, "t2", {}, ""))
    assert answer.result(SOON).run == 2


def test_what_messagepack_cannot_hold_does_not_end_the_heartbeat(stages):
    stage = stages()
    stage.assigned()
    stage.session.reporter.broadcast(2**70)
    stage.session.reporter.log("\udc80")
    stage.host.until(lambda: stage.host.got and stage.host.got[-1][1].points)
    assert stage.host.expect(Heartbeat).run == 1
    stage.worker(stage.session.final, 2**70, {"metric": 2**70}, False)
    assert stage.host.expect(Final).metric == 2.0**70


def acknowledge_all(stage, answer, lines):
    """Acknowledge the lines of a run until it ends."""
    while not answer.done():
        message = stage.host.expect((Heartbeat, Final))
        lines += message.lines[max(0, len(lines) - message.first_line) :]
        stage.say(Ack(1, 0, len(lines)))
        if isinstance(message, Final):
            stage.say(Done())
            return


def test_much_output_is_sent_without_waiting_for_the_heartbeat_and_none_is_lost(
    stages, monkeypatch
):
    monkeypatch.setattr(reporter_module, "CROWDED_CHARACTERS", 1000)
    monkeypatch.setattr(reporter_module, "FULL_CHARACTERS", 2000)
    monkeypatch.setattr(reporter_module, "MAX_WAITING_LINES", 200)  # more would be dropped
    stage = stages(hb_interval=60)
    stage.assigned()

    def train():
        for number in range(2000):
            stage.session.reporter.log(f"line {number}")
        return stage.session.final(1.0, {}, False)

    lines = []
    answer = stage.worker(train)
    acknowledge_all(stage, answer, lines)
    assert answer.result(SOON) == Done()
    assert [text for _, text in lines] == [f"line {number}" for number in range(2000)]


def test_the_lines_of_a_message_are_bounded_by_their_length_too(stages, monkeypatch):
    monkeypatch.setattr(module, "CHARACTERS_PER_MESSAGE", 1000)
    stage = stages(hb_interval=60)
    stage.assigned()
    for _ in range(10):
        stage.session.reporter.log("x" * 400)
    stage.session.reporter.log("y" * 1500)
    stage.worker(stage.session.final, 1.0, {}, False)
    stage.host.until(lambda: stage.host.got and isinstance(stage.host.got[-1][1], Final))
    parts = [message for _, message in stage.host.got if message.run == 1]
    assert [len(part.lines) for part in parts] == [2, 2, 2, 2, 2, 1]


def test_a_message_of_an_unknown_kind_is_an_error_with_its_name(stages):
    with pytest.raises(AssertionError, match="Register"):
        stages().session._on_message(HELLO)


def test_when_the_thread_of_the_connection_fails_the_worker_leaves_its_trial_and_can_be_closed(
    stages, caplog
):
    stage = stages()
    stage.assigned()

    def fail(message):
        raise ValueError("a message that nobody understands")

    stage.session._reports.acknowledge = fail
    answer = stage.worker(stage.session.final, 0.5, {"metric": 0.5}, False)
    stage.host.expect(Final)
    stage.say(Ack(1, 0, 0))
    assert answer.result(SOON) == Done()
    reason = "its connection failed with ValueError: a message that nobody understands"
    assert stage.session.desertion == reason
    assert "The connection of the worker failed." in caplog.text
    stage.worker(stage.session.close).result(SOON)
