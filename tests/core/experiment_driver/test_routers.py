"""The routers pass each instruction and each notice to the right part of the driver."""

import linecache

import pytest
from helpers.results import ended_trial

from maggy import __version__
from maggy.core.experiment_driver.foreground import Foreground
from maggy.core.experiment_driver.instruction_router import InstructionRouter
from maggy.core.experiment_driver.instructions import (
    Ask,
    Ended,
    GivenUp,
    Launch,
    Lines,
    Lost,
    Preempted,
    Refused,
    Send,
)
from maggy.core.experiment_driver.notice_router import NoticeRouter
from maggy.core.experiment_driver.notices import (
    TrialBegan,
    TrialEnded,
    TrialGivenBack,
    TrialSuggested,
)
from maggy.core.messages import Done, Register, WorkerId
from maggy.trial import Trial
from maggy.version import PROTOCOL

WORKER = WorkerId(0, 3, 0)


class Recording:
    """An object that keeps all calls of its methods, whatever their names are."""

    experiment_id = "app_1"
    backlog = 0
    ended = ()

    def __init__(self):
        self.calls = []

    def __getattr__(self, name):
        return lambda *arguments: self.calls.append((name, *arguments))


class Parts:
    """A router for instructions, and the parts that it serves."""

    def __init__(self):
        self.policy_thread, self.jobs, self.watch, self.recorder, self.progress = (
            Recording() for _ in range(5)
        )
        self.foreground = Foreground(self.progress, self.recorder, "driver")
        self.router = InstructionRouter(
            self.policy_thread,
            self.jobs,
            self.watch,
            self.recorder,
            self.progress,
            self.foreground,
            {"a": 12},
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


def test_a_worker_that_registers_is_counted_by_its_place():
    parts = Parts()
    for attempt, partition in enumerate((0, 1, 1)):
        message = Register.of_this_release("here", 1)
        parts.router.worker_registered(WorkerId(0, partition, attempt), message)
    parts.foreground.run_backlog()
    assert parts.foreground.num_registered == 2


def test_a_worker_is_watched_by_its_spark_task_and_its_preemption_is_a_line_in_the_log():
    parts = Parts()
    parts.router.worker_registered(WORKER, Register.of_this_release("here", 1, task=42))
    assert parts.watch.calls == [("add", WORKER, 42)]
    parts.router.carry_out([Preempted(WORKER)])
    assert parts.recorder.calls[-1] == (
        "log",
        "Worker 3 leaves soon: Spark will take its executor away",
    )


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


def test_output_is_shown_with_the_numbers_of_its_worker_and_its_trial():
    parts = Parts()
    parts.router.carry_out([Lines("a", WORKER, [(True, "seen"), (False, "logged")])])
    parts.foreground.run_backlog()
    assert parts.progress.calls == [("lines", 3, 12, ["seen"], "a")]
    assert parts.recorder.calls[0] == ("lines", "a", WORKER, ["seen", "logged"])


@pytest.mark.parametrize(("verbose", "heads"), [(0, [7]), (1, [7]), (2, [6, 7])])
def test_lines_about_a_trial_go_to_the_log_and_to_the_user(caplog, verbose, heads):
    parts = [Recording() for _ in range(6)]
    trial = ended_trial({"x": 1}, 0.5, number=7)
    router = NoticeRouter(
        *parts, {}, total=None, fail_fast=False, metric_name="loss", verbose=verbose
    )
    lines = {6: "trial 7: begins | x=1", 7: "trial 7: loss=0.5 | x=1"}
    with caplog.at_level("INFO", logger="maggy"):
        router.act(TrialBegan(trial))
        router.act(TrialEnded(trial))
    texts = [lines[head] for head in heads]
    assert [call[1] for call in parts[3].calls if call[0] == "log_soon"] == texts
    assert [(record.levelname, record.message) for record in caplog.records] == [
        ("INFO", text) for text in texts
    ]
    assert [call[-1] for call in parts[5].calls] == texts


def test_the_line_about_a_trial_that_lost_its_worker_goes_to_the_log_and_to_the_user(caplog):
    parts = [Recording() for _ in range(6)]
    trial = ended_trial({"x": 1}, 0.5, number=7)
    router = NoticeRouter(*parts, {}, total=None, fail_fast=False, metric_name="loss", verbose=0)
    text = "trial 7: lost its worker and will run again: it is silent"
    with caplog.at_level("INFO", logger="maggy"):
        router.act(TrialGivenBack(trial, "it is silent"))
    assert parts[3].calls == [("trial_given_back", trial, text)]
    assert [(record.levelname, record.message) for record in caplog.records] == [("INFO", text)]
    assert parts[5].calls[-1][-1] == text


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
    numbers = {}
    router = NoticeRouter(
        *parts, numbers, total=None, fail_fast=False, metric_name="metric", verbose=1
    )
    trial = Trial({"x": 1})
    trial.number = 3
    router.act(TrialSuggested(trial, {"x": 1}))
    assert numbers == {trial.trial_id: 3}
    assert [name for name, *_ in parts[2].calls] == ["post"]
    with pytest.raises(AssertionError, match="Ask"):
        router.act(Ask())


def test_a_failure_in_a_cell_is_passed_on_with_its_source_line(monkeypatch):
    monkeypatch.setitem(linecache.cache, "<cell>", (9, None, ["1 / zero\n"], "<cell>"))
    parts = Parts()
    parts.router.carry_out([Ended("a", None, "no", '  File "<cell>", line 1, in train\n')])
    ((_, event),) = [call for call in parts.policy_thread.calls if call[0] == "put"]
    assert event == Ended("a", None, "no", '  File "<cell>", line 1, in train\n    1 / zero\n')
