"""Count the work for a trial: messages, files, bytes and calls, so that additional work is noticed.

The benchmarks measure the time.
"""

from __future__ import annotations

import sys
import threading
from collections import Counter

import pytest
from helpers.loopback import Experiment
from helpers.waiting import HANG

from maggy import Searchspace, Trial
from maggy.common.ended_trials import EndedTrials
from maggy.common.files import AnyFiles
from maggy.core.experiment_driver.optimization_policy import OptimizationPolicy
from maggy.core.messages import Assign, Final, Heartbeat, Register
from maggy.core.rpc import Server
from maggy.core.rpc.encoding import encode
from maggy.earlystop import AbstractEarlyStop
from maggy.experiment_config import OptimizationConfig

pytestmark = pytest.mark.loopback

TRIALS = 50
SELDOM = 60.0
"""A heartbeat interval in seconds that is so long that only requests are sent."""


def search(trials=TRIALS, **options):
    return OptimizationPolicy(
        OptimizationConfig(trials, "randomsearch", Searchspace(x=("DOUBLE", [0, 1])), **options)
    )


def train(params, reporter, interrupted):
    return params["x"]


def talking(params, reporter, interrupted):
    for step in range(10):
        reporter.broadcast(params["x"], step)
        reporter.log(f"step {step}")
    return params["x"]


def experiment(tmp_path, policy, train, workers=1):
    return Experiment(tmp_path, policy, train, workers=workers, hb_interval=SELDOM)


@pytest.fixture
def messages(monkeypatch):
    """Return a counter of the messages that the driver receives and sends, by type."""
    counts = Counter()
    decode, send = Server._decode, Server.send

    def counting_decode(self, frames):
        message = decode(self, frames)
        counts[type(message)] += 1
        return message

    def counting_send(self, peer, message):
        counts[type(message)] += 1
        send(self, peer, message)

    monkeypatch.setattr(Server, "_decode", counting_decode)
    monkeypatch.setattr(Server, "send", counting_send)
    return counts


@pytest.mark.parametrize("train", [train, talking])
def test_a_trial_is_one_message_each_way(tmp_path, messages, train):
    experiment(tmp_path, search(), train).run()
    assert messages.pop(Final) == messages.pop(Assign) == TRIALS
    assert messages.pop(Register) == 1
    assert messages.total() <= 3  # a first heartbeat, Wait and Done


@pytest.fixture
def files(monkeypatch):
    """Return a counter of writes, by the file's name."""
    counts = Counter()

    def counting(name):
        method = getattr(AnyFiles, name)

        def count(self, path, *rest, **options):
            method(self, path, *rest, **options)
            counts[path.rpartition("/")[2]] += 1

        monkeypatch.setattr(AnyFiles, name, count)

    for name in ("write_bytes", "append_bytes"):
        counting(name)
    return counts


def run(tmp_path, files, train):
    """Run a search, and return how often each file of a trial was written."""
    ran = experiment(tmp_path, search(), train)
    files.clear()  # writes before the first trial do not count
    ran.run()
    return {name: count / TRIALS for name, count in files.items() if count >= TRIALS}


def check_trial_files(counts):
    events = [count for name, count in counts.items() if name.startswith("events.out.")]
    assert len(events) == 1
    assert 1 <= events[0] <= 2  # an early end is written together with the start
    others = {name: count for name, count in counts.items() if not name.startswith("events.out.")}
    assert others == {".hparams.json": 1, ".outputs.json": 1, ".metric": 1, "trial.json": 1}


def test_a_trial_is_six_writes_at_most_into_five_files(tmp_path, files):
    check_trial_files(run(tmp_path, files, train))


def test_the_output_of_a_trial_is_one_write_more_and_that_of_a_worker_no_more_than_one(
    tmp_path, files
):
    counts = run(tmp_path, files, talking)
    assert counts.pop("output.log") == 1
    assert counts.pop("executor_0_0.log", 0) <= 1
    check_trial_files(counts)


def test_a_heartbeat_is_short():
    empty = len(encode(Heartbeat(70_000, 1000, [], 1000, [], False)))
    assert empty <= 30
    points = len(
        encode(Heartbeat(70_000, 1000, [(1000 + at, 0.123) for at in range(100)], 1000, [], False))
    )
    assert points - empty <= 100 * 13 + 4  # 3 bytes for a step, 9 for a float, 1 for their pair
    lines = len(encode(Heartbeat(70_000, 1000, [], 1000, [(False, "x" * 20)] * 10, False)))
    assert lines - empty <= 10 * (20 + 4) + 4


def test_a_trial_is_one_call_of_the_optimizer(tmp_path, monkeypatch):
    calls, workers = Counter(), 4
    suggest = OptimizationPolicy.suggest
    monkeypatch.setattr(
        OptimizationPolicy,
        "suggest",
        lambda self, finished: calls.update("1") or suggest(self, finished),
    )
    experiment(tmp_path, search(), train, workers).run()
    assert calls["1"] == TRIALS + 1  # the last call returns None


class Counting(AbstractEarlyStop):
    """A rule that counts its calls and stops nothing."""

    waits_for_finals = False

    def __init__(self):
        self.asked = 0

    def earlystop_check(self, to_check, finalized_trials, direction):
        self.asked += 1


def test_points_that_come_with_a_trials_end_are_not_judged(tmp_path):
    rule = Counting()
    experiment(tmp_path, search(es_policy=rule), talking).run()
    assert rule.asked == 0


def test_points_that_come_together_are_judged_once(tmp_path):
    rule, beaten = Counting(), threading.Event()
    policy = search(1, es_policy=rule)
    decide = policy.decide
    policy.decide = lambda *arguments: (decide(*arguments), beaten.set())[0]

    def train(params, reporter, interrupted):
        with reporter._lock:  # no heartbeat may come between two points
            for step in range(100):
                reporter.broadcast(params["x"], step)
        assert beaten.wait(HANG)
        return params["x"]

    Experiment(tmp_path, policy, train, workers=1, hb_interval=0.2).run()
    assert rule.asked == 1


class Looked(Trial):
    """A trial that counts how often a rule looks at it."""

    looks = 0

    def mean_until(self, step):
        Looked.looks += 1
        return super().mean_until(step)


def test_the_median_rule_looks_at_each_ended_trial_once_for_a_step():
    def trial(number, steps):
        ended_trial = Looked({"x": number})
        for step in range(1, steps + 1):
            ended_trial.append_point(step, float(number))
        return ended_trial

    policy, finals, checks = search(), EndedTrials(), 0
    policy.start({}, finals, 1)
    for number in range(200):
        for steps in (3, 6, 9):
            policy.decide(trial(number, steps), finals)
            checks += 1
        finals.append(trial(number, 9))
    assert Looked.looks <= checks


def calls(tmp_path, trials):
    """Return how many functions the driver's threads call in an experiment."""
    counts = Counter()

    def count(frame, event, argument):
        if event == "call":
            counts[threading.current_thread().name] += 1

    ran = experiment(tmp_path / str(trials), search(trials), talking)
    threading.setprofile(count)
    try:
        ran.run()
    finally:
        threading.setprofile(None)
        sys.setprofile(None)
    return sum(counts[name] for name in ("maggy-dispatcher", "maggy-policy", "maggy-writer"))


def test_the_work_of_a_trial_does_not_grow_with_their_number(tmp_path):
    few, some, many = (calls(tmp_path, trials) for trials in (50, 100, 400))
    assert (many - some) / 300 < 1.1 * (some - few) / 50
