"""The routers pass each instruction and each notice to the right part of the driver."""

import pytest

from maggy import __version__
from maggy.core.experiment_driver.foreground import Foreground
from maggy.core.experiment_driver.instructions import Ask, GivenUp, Launch, Lost, Refused, Send
from maggy.core.experiment_driver.notices import TrialSuggested
from maggy.core.experiment_driver.routers import InstructionRouter, NoticeRouter
from maggy.core.messages import Done, Register, WorkerId
from maggy.trial import Trial
from maggy.version import PROTOCOL

WORKER = WorkerId(0, 3, 0)


class Recording:
    """An object that keeps all calls of its methods, whatever their names are."""

    experiment_id = "app_1"
    ended = ()

    def __init__(self):
        self.calls = []

    def __getattr__(self, name):
        return lambda *arguments: self.calls.append((name, *arguments))


class Parts:
    """A router for instructions, and the parts that it serves."""

    def __init__(self):
        self.policy_thread, self.jobs, self.recorder, self.progress = (
            Recording() for _ in range(4)
        )
        self.foreground = Foreground(self.progress, self.recorder, "driver")
        self.router = InstructionRouter(
            self.policy_thread,
            self.jobs,
            self.recorder,
            self.progress,
            self.foreground,
            lambda name, text: ValueError(f"{name}: {text}"),
        )


def said(parts):
    """Return the lines that the user sees."""
    parts.foreground.run_backlog()
    return [text for name, text in parts.progress.calls if name == "say"]


def test_a_worker_with_another_version_and_the_same_protocol_is_one_line():
    parts = Parts()
    for partition in range(3):
        message = Register("elsewhere", 1, 0, PROTOCOL, "2.0.99")
        parts.router.worker_registered(WorkerId(0, partition, 0), message)
    assert said(parts) == [
        f"The driver has Maggy {__version__}, and worker 0 on elsewhere has 2.0.99. Both speak the "
        "same protocol."
    ]
    assert parts.foreground.has_worker


def test_a_worker_with_the_same_version_is_no_line():
    parts = Parts()
    parts.router.worker_registered(WORKER, Register.of_this_release("here", 1))
    assert said(parts) == []


@pytest.mark.parametrize("instruction", [GivenUp("no luck"), Refused("another protocol")])
def test_an_instruction_to_end_ends_the_experiment_with_its_reason(instruction):
    parts = Parts()
    parts.router.carry_out([instruction])
    parts.foreground.run_backlog()
    assert (str(parts.foreground.error), parts.foreground.is_over) == (instruction.reason, True)


def test_what_concerns_trials_goes_to_the_policy_thread_in_one_piece():
    parts = Parts()
    parts.router.carry_out([Ask(), Lost(WORKER, "gone"), Ask()])
    assert parts.policy_thread.calls == [("put", Ask(), Ask())]
    assert parts.recorder.calls == [("log", "Worker 3 was lost: gone")]


def test_no_job_is_launched_once_the_experiment_is_over():
    parts = Parts()
    parts.router.carry_out([Launch([0])])
    parts.foreground.run_backlog()
    parts.foreground.end()
    parts.router.carry_out([Launch([1])])
    parts.foreground.run_backlog()
    assert parts.jobs.calls == [("launch", [0])]


def test_an_instruction_that_the_router_does_not_know_is_an_error_that_names_it():
    with pytest.raises(AssertionError, match="Send"):
        Parts().router.carry_out([Send(WORKER, Done())])


def test_a_notice_that_the_router_does_not_know_is_an_error_that_names_it():
    parts = [Recording() for _ in range(6)]
    router = NoticeRouter(*parts, total=None, fail_fast=False)
    router.act(TrialSuggested(Trial({"x": 1}), {"x": 1}))
    assert [name for name, *_ in parts[2].calls] == ["post"]
    with pytest.raises(AssertionError, match="Ask"):
        router.act(Ask())
