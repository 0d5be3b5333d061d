"""A worker's loop, on the main thread as in Spark, against a real server whose answers the test plays."""

import os
import signal
import sys
import threading
import time

import pytest
from wire import SOON, Host

from maggy.core.executors.trial_executor import WorkerSettings, work
from maggy.core.executors.workload import SearchWorkload
from maggy.core.messages import Assign, Check, Checked, Done, Failed, Final, Heartbeat, Register, Stop
from maggy.core.spark import TaskInfo, dumps

pytestmark = pytest.mark.loopback


class Play:
    """The driver on a thread: answers requests with what the test has put in line, then with Done."""

    def __init__(self, answers, on_heartbeat=None):
        self.host = Host()
        self.messages, self._answers, self._on_heartbeat = [], iter(answers), on_heartbeat
        self._sent = None
        self._run = 0
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._play)
        self._thread.start()

    def _play(self):
        handled = set()
        while not self._over.is_set():
            for peer, message in self.host.server.receive(0.02):
                self.messages.append(message)
                key = (type(message), getattr(message, "run", 0))
                if isinstance(message, Heartbeat):
                    reply = self._on_heartbeat(message) if self._on_heartbeat else None
                elif key in handled:
                    continue
                else:
                    handled.add(key)
                    reply = next(self._answers, Done())
                if reply is not None:
                    self.host.server.send(peer, reply)

    def close(self):
        self._over.set()
        self._thread.join()
        self.host.server.close()

    def said(self, kind):
        return [message for message in self.messages if isinstance(message, kind)]


@pytest.fixture
def worker():
    """Runs a worker with a training function until the driver is done; returns what was heard, and values."""
    plays = []

    def run(train, *answers, key="metric", max_trial_seconds=None, on_heartbeat=None):
        play = Play(answers, on_heartbeat)
        plays.append(play)
        settings = WorkerSettings(play.host.address, 0.05, max_trial_seconds, tee=False)
        values = work(settings, dumps(SearchWorkload(train, key)), 0, TaskInfo(0, 0, []))
        return play, values

    yield run
    for play in plays:
        play.close()


def assign(run=1, **params):
    return Assign(run, f"t{run}", params, f"dir/t{run}")


def ends_of(play):
    unique = {}
    for message in play.said((Final, Failed)):
        unique.setdefault(message.run, message)
    return [unique[run] for run in sorted(unique)]


def test_a_worker_trains_one_assignment_after_the_other_and_leaves_when_there_are_none(worker):
    play, values = worker(lambda x: x * 2, assign(1, x=1), assign(2, x=2))
    assert [(end.run, end.metric, end.outputs) for end in ends_of(play)] == [
        (1, 2, {"metric": 2}),
        (2, 4, {"metric": 4}),
    ]
    assert values == []
    assert play.said(Register)[0].pid == os.getpid()


def test_a_worker_without_work_leaves(worker):
    play, values = worker(lambda: 1)
    assert (ends_of(play), values) == ([], [])


def test_what_is_printed_and_broadcast_comes_with_the_end_at_the_latest(worker):
    def train(x, reporter):
        print("hello")
        reporter.broadcast(0.5)
        reporter.log("for the log")
        return 1.0

    (end,) = ends_of(worker(train, assign(x=1))[0])
    assert end.points == [(0, 0.5)]
    assert end.lines == [(True, "hello"), (False, "for the log")]


def test_a_function_that_raises_fails_its_trial_with_the_users_traceback_and_the_worker_goes_on(worker):
    def train(x):
        if x == 1:
            raise ValueError("no luck\nsecond line")
        return x

    failed, final = ends_of(worker(train, assign(1, x=1), assign(2, x=2))[0])
    assert failed.reason == "ValueError: no luck"
    assert failed.traceback.startswith("Traceback (most recent call last):")
    assert failed.traceback.rstrip().endswith("second line")
    assert "maggy/core" not in failed.traceback
    assert final.metric == 2


@pytest.mark.parametrize("error", [SystemExit(3), KeyboardInterrupt(), GeneratorExit(), RecursionError("deep")])
def test_no_exception_ends_the_worker(worker, error):
    def train(x):
        if x == 1:
            raise error
        return x

    failed, final = ends_of(worker(train, assign(1, x=1), assign(2, x=2))[0])
    assert type(error).__name__ in failed.reason
    assert final.metric == 2


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (None, "must return a number or a dict"),
        (True, "must return a number or a dict"),
        ("0.5", "must return a number or a dict"),
        (float("nan"), "metric is NaN"),
        (float("inf"), "metric is inf"),
        ({"loss": 1}, "must hold the optimization key 'metric'"),
        ({"metric": "x"}, "must be a number"),
    ],
)
def test_what_is_no_metric_is_the_trials_failure(worker, value, reason):
    (failed,) = ends_of(worker(lambda x: value, assign(x=1))[0])
    assert isinstance(failed, Failed)
    assert reason in failed.reason


@pytest.mark.parametrize("value", [0, 0.0, -0.0, -1, {"metric": 0, "kept": [1, None]}])
def test_zero_and_less_are_metrics(worker, value):
    (final,) = ends_of(worker(lambda x: value, assign(x=1))[0])
    assert isinstance(final, Final)


def test_a_function_that_is_run_once_gives_its_value_as_it_is(worker):
    value = {"anything": object}
    play, values = worker(lambda: value, assign(), key=None)
    assert values == [value]
    assert (ends_of(play)[0].metric, ends_of(play)[0].outputs) == (None, {})


@pytest.mark.parametrize("swallow", [False, True])
def test_a_trial_that_is_stopped_ends_with_the_metric_of_the_first_broadcast_that_raised(worker, swallow):
    def train(x, reporter):
        for step in range(20_000):  # until it is stopped
            try:
                reporter.broadcast(step / 1000, step)
            except Exception:
                if not swallow:
                    raise
            if swallow and reporter.stop_metric is not None and step > reporter.stop_metric * 1000 + 2:
                return 999.0
            time.sleep(0.005)
        return 999.0

    play, _ = worker(train, assign(x=1), on_heartbeat=lambda message: Stop(1) if len(message.points) > 3 else None)
    (final,) = ends_of(play)
    assert final.early
    assert final.metric < 99
    assert final.metric in {value for _, value in final.points}


def sleeps(x):
    time.sleep(600)
    return 1.0


def counts(x):
    while True:
        pass


def goes_on_after_exceptions(x):
    while True:
        try:
            time.sleep(0.01)
        except Exception:
            continue


def swallows_everything(x):
    try:
        time.sleep(600)
    except BaseException:
        return 1.0


def turns_it_into_an_error(x):
    try:
        time.sleep(600)
    except BaseException as error:
        raise ValueError("wrapped") from error


def waits_for_a_lock(x):
    threading.Event().wait(600)
    return 1.0


@pytest.mark.parametrize(
    "train",
    [sleeps, counts, goes_on_after_exceptions, swallows_everything, turns_it_into_an_error, waits_for_a_lock],
    ids=lambda train: train.__name__,
)
def test_a_trial_that_takes_too_long_fails_whatever_it_does_and_the_worker_stays_good(worker, train):
    def both(x):
        return train(x) if x == 1 else x

    began = time.monotonic()
    failed, final = ends_of(worker(both, assign(1, x=1), assign(2, x=2), max_trial_seconds=1)[0])
    assert (failed.reason, failed.traceback) == ("exceeded max_trial_seconds=1", "")
    assert final.metric == 2
    assert time.monotonic() - began < SOON


def test_the_end_of_the_experiment_interrupts_the_trial_and_the_worker_leaves(worker):
    play, _ = worker(sleeps, assign(x=1), on_heartbeat=lambda message: Done() if message.run == 1 else None)
    assert ends_of(play) == []


def test_one_trial_leaves_no_traces_for_the_next(worker):
    def train(x):
        import builtins

        seen = [os.getcwd(), os.environ.get("LEFT"), "/left/behind" in sys.path, print("x") is None]
        seen.append(signal.getsignal(signal.SIGTERM) == signal.SIG_IGN)
        os.chdir("/")
        os.environ["LEFT"] = "behind"
        sys.path.insert(0, "/left/behind")
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        builtins.print = lambda *args: "replaced"
        sys.stdout = None
        return {"metric": x, "seen": seen}

    before = sys.stdout, os.getcwd(), signal.getsignal(signal.SIGTERM), list(sys.path), print
    one, two = ends_of(worker(train, assign(1, x=1), assign(2, x=2))[0])
    assert one.outputs["seen"] == two.outputs["seen"] == [os.getcwd(), None, False, True, False]
    assert (sys.stdout, os.getcwd(), signal.getsignal(signal.SIGTERM), list(sys.path), print) == before
    assert "LEFT" not in os.environ


def test_the_directory_of_the_trial_is_known_inside_it(worker):
    def train(x):
        from maggy import tensorboard

        return {"metric": x, "logdir": tensorboard.logdir()}

    (final,) = ends_of(worker(train, assign(x=1))[0])
    assert final.outputs["logdir"] == "dir/t1"


def test_a_study_that_holds_is_answered_without_an_error(worker):
    play, _ = worker(lambda x: x, Check(), assign(x=1))
    assert play.said(Checked)[0] == Checked(None, "")


def test_a_function_that_cannot_be_loaded_is_told_with_the_remedy():
    play = Play([])
    try:
        settings = WorkerSettings(play.host.address, 0.05, None, tee=False)
        assert work(settings, b"not a pickle", 0, TaskInfo(0, 0, [])) == []
        assert "cannot be loaded" in play.said(Checked)[0].error
    finally:
        play.close()


def test_the_gpus_of_the_task_are_the_ones_that_are_seen(monkeypatch):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    play = Play([])
    try:
        settings = WorkerSettings(play.host.address, 0.05, None, tee=False)
        work(settings, dumps(SearchWorkload(sleeps, "metric")), 0, TaskInfo(0, 0, ["2", "5"]))
        assert os.environ["CUDA_VISIBLE_DEVICES"] == "2,5"
    finally:
        play.close()


def test_nothing_is_left_of_a_worker(worker):
    worker(lambda x: x, assign(x=1))[0].close()
    threads, handler = set(threading.enumerate()), signal.getsignal(signal.SIGUSR2)
    play, _ = worker(lambda x: x, assign(x=1))
    play.close()
    assert set(threading.enumerate()) <= threads  # those of earlier tests may end meanwhile
    assert signal.getsignal(signal.SIGUSR2) == handler
