"""When a session interrupts the training function, ends its process, or leaves."""

import threading

import pytest
from helpers.waiting import wait_until
from helpers.wire import HELLO, SOON, Clock

from maggy.core.executors import running_function as module
from maggy.core.messages import (
    Abandon,
    Ack,
    Assign,
    Check,
    Checked,
    Done,
    Failed,
    Final,
    Heartbeat,
    Pause,
    Register,
    Stop,
)

pytestmark = pytest.mark.loopback


def test_a_worker_that_was_taken_for_lost_is_interrupted(stages):
    stage = stages()
    stage.assigned()
    stage.say(Abandon(1))
    assert stage.interrupted.wait(SOON)
    assert stage.interrupts[0] == "its worker was taken for lost"


def test_an_abandonment_of_another_run_interrupts_nothing(stages):
    stage = stages()
    stage.assigned(run=2)
    stage.say(Abandon(1), Ack(2, 0, 0))
    stage.host.gather(0.15)
    assert stage.interrupts == []


def test_the_end_of_the_experiment_interrupts_the_run_and_makes_it_no_failure(stages):
    stage = stages()
    stage.assigned()
    stage.session.reporter.broadcast(0.5)
    stage.say(Done())
    assert stage.interrupted.wait(SOON)
    assert stage.worker(stage.session.failed, "cut off", "").result(SOON) == Done()
    stage.session.close()
    last_words = Heartbeat(1, 0, [(0, 0.5)], 0, [], False, stage.session.reporter.waiting()[4])
    stage.host.until(lambda: stage.host.got and stage.host.got[-1][1] == last_words)
    messages = [message for _, message in stage.host.got] + stage.host.gather(0.2)
    assert messages[-1] == last_words
    assert not any(isinstance(message, Failed) for message in messages)


def test_an_end_of_the_experiment_just_before_the_training_begins_is_not_missed(stages):
    stage = stages()
    answer = stage.worker(stage.session.request, HELLO)
    stage.host.expect(Register)
    stage.say(Assign(1, "t1", {}, ""))
    answer.result(SOON)
    stage.say(Done())
    stage.host.gather(0.2)
    stage.worker(stage.session.begin).result(SOON)
    stage.host.expect(Heartbeat)
    stage.say(Done())  # a driver that has finished answers every heartbeat so
    assert stage.interrupted.wait(SOON)


def test_a_result_that_is_ready_when_the_experiment_ends_is_still_sent(stages):
    stage = stages()
    stage.assigned()
    stage.say(Done())
    assert stage.interrupted.wait(SOON)
    assert stage.worker(stage.session.final, 0.5, {}, False).result(SOON) == Done()
    assert stage.host.expect(Final).metric == 0.5


@pytest.mark.filterwarnings(
    "ignore::pytest.PytestUnhandledThreadExceptionWarning"
)  # the process that ends
def test_a_trial_that_takes_too_long_is_interrupted_again_and_again_and_then_the_process_ends(
    stages, monkeypatch
):
    monkeypatch.setattr(module, "GRACE_SECONDS", 3.0)
    stage = stages(max_trial_seconds=0.1)
    stage.assigned()
    stage.session.reporter.broadcast(0.5)
    (time,) = stage.session.reporter.waiting()[4]
    assert stage.left.wait(SOON)
    assert len(stage.interrupts) >= 2
    assert set(stage.interrupts) == {"exceeded max_trial_seconds=0.1"}
    failed = stage.host.expect(Failed)
    reason = f"{stage.interrupts[0]}; it could not be interrupted"
    assert failed == Failed(1, 0, [(0, 0.5)], 0, [], reason, "", True, times=[time])


def test_a_trial_with_a_process_of_its_own_costs_only_that_when_it_cannot_be_interrupted(
    stages, monkeypatch
):
    monkeypatch.setattr(module, "GRACE_SECONDS", 0.2)
    killed = threading.Event()
    stage = stages(max_trial_seconds=0.1, kill=killed.set)
    stage.assigned()
    assert killed.wait(SOON)
    answer = stage.worker(stage.session.failed, "it was killed", "")
    assert stage.host.expect(Failed) == Failed(1, 0, [], 0, [], "it was killed", "")
    stage.say(Assign(2, "t2", {}, ""))
    assert answer.result(SOON).run == 2
    assert not stage.left.is_set()


@pytest.mark.parametrize("order", [Stop(1), Pause(1)])
def test_a_stop_and_a_pause_are_passed_on(stages, order):
    has_come, orders = threading.Event(), []
    stage = stages(pass_on=lambda message: (orders.append(message), has_come.set()))
    stage.assigned()
    stage.say(order)
    assert has_come.wait(SOON)
    assert orders == [order]
    reporter = stage.session.reporter
    assert (reporter.is_stopped, reporter.is_pausing) == (order == Stop(1), order == Pause(1))


def at_once(stages, monkeypatch):
    """A stage whose trial ends before the session does anything else after its interrupt."""
    monkeypatch.setattr(module, "GRACE_SECONDS", 0.2)
    answers = []

    def end(reason):
        stage._interrupt(reason)
        answers.append(stage.worker(stage.session.failed, reason, ""))
        wait_until(
            lambda: not stage.session._function.is_running, "the end of the trial", pause=0.001
        )

    stage = stages(max_trial_seconds=0.1, interrupt=end)
    return stage, answers


def test_a_trial_that_ends_when_it_is_interrupted_costs_no_process(stages, monkeypatch):
    stage, answers = at_once(stages, monkeypatch)
    stage.assigned()
    assert stage.interrupted.wait(SOON)
    stage.host.expect(Failed)
    stage.host.gather(0.5)
    assert not stage.left.is_set()
    stage.say(Assign(2, "t2", {}, ""))
    assert answers[0].result(SOON).run == 2


def test_every_trial_has_an_interrupt_and_a_grace_of_its_own(stages, monkeypatch):
    stage, answers = at_once(stages, monkeypatch)
    stage.assigned()
    for run in (2, 3, 4, 5):
        assert stage.interrupted.wait(SOON)
        stage.interrupted.clear()
        stage.host.expect(Failed)
        stage.say(Assign(run, f"t{run}", {}, ""))
        assert answers.pop().result(SOON).run == run
        if run < 5:
            stage.worker(stage.session.begin).result(SOON)
            stage.host.gather(0.05)
    assert not stage.left.is_set()


def test_the_time_of_a_trial_counts_from_its_own_beginning(stages):
    stage = stages(clock=Clock(), hb_interval=1, max_trial_seconds=10)
    stage.assigned()
    stage.pass_time(8)
    answer = stage.worker(stage.session.final, 0.5, {}, False)
    stage.host.expect(Final)
    stage.say(Assign(2, "t2", {}, ""))
    answer.result(SOON)
    stage.worker(stage.session.begin).result(SOON)
    stage.pass_time(8)
    assert stage.interrupts == []
    stage.pass_time(3)
    assert stage.interrupted.wait(SOON)
    assert stage.interrupts[0] == "exceeded max_trial_seconds=10"


def test_a_driver_that_never_answers_lets_the_worker_go(stages):
    stage = stages(answer_timeout=0.2)
    assert stage.worker(stage.session.request, HELLO).result(SOON) == Done()


def test_a_driver_that_falls_silent_ends_the_run_too(stages):
    # While the connection stands, silence may last ten times as long.
    stage = stages(clock=Clock(), hb_interval=1, answer_timeout=1)
    stage.assigned()
    stage.pass_time(9)
    assert stage.interrupts == []
    stage.pass_time(3)
    assert stage.interrupted.wait(SOON)
    assert "not answered" in stage.interrupts[0]
    assert stage.worker(stage.session.failed, "cut off", "").result(SOON) == Done()


def test_a_driver_that_answers_now_and_then_is_good_enough(stages):
    stage = stages(clock=Clock(), hb_interval=1, answer_timeout=1)
    stage.assigned()
    for _ in range(8):
        stage.pass_time(9)
        stage.say(Ack(1, 0, 0))
        wait_until(lambda: stage.session._silence._start is None, "the acknowledgement")
    assert stage.interrupts == []


@pytest.mark.filterwarnings(
    "ignore::pytest.PytestUnhandledThreadExceptionWarning"
)  # the process that ends
def test_a_check_that_cannot_be_interrupted_says_its_last_word_before_the_process_ends(
    stages, monkeypatch
):
    monkeypatch.setattr(module, "GRACE_SECONDS", 0.3)
    stage = stages()
    answer = stage.worker(stage.session.request, HELLO)
    stage.host.expect(Register)
    stage.say(Check())
    assert answer.result(SOON) == Check()
    last_word = Checked(None, "", [], ["stuck"], leaving=True)
    stage.worker(stage.session.begin_check, 0.1, last_word).result(SOON)
    assert stage.left.wait(SOON)
    assert stage.interrupts
    assert stage.host.expect(Checked) == last_word


def test_a_trial_after_a_check_has_its_own_limit(stages):
    stage = stages()
    answer = stage.worker(stage.session.request, HELLO)
    stage.host.expect(Register)
    stage.say(Check())
    answer.result(SOON)
    stage.worker(stage.session.begin_check, 0.2, Checked(None, "", leaving=True)).result(SOON)
    answer = stage.worker(stage.session.request, Checked(None, ""))
    stage.host.expect(Checked)
    stage.say(Assign(1, "t1", {}, ""))
    answer.result(SOON)
    stage.interrupts.clear()  # on a busy machine the check itself may have taken too long
    stage.worker(stage.session.begin).result(SOON)
    stage.host.gather(0.5)
    assert stage.interrupts == []
