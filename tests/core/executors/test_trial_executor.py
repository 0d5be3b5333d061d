"""A worker on the main thread, as in Spark, against a real server whose answers the test plays."""

import contextvars
import os
import signal
import sys
import threading
import time
import types

import pytest
from helpers.wire import SOON, Host

from maggy.ablation.ablator import AbstractAblator
from maggy.core.cluster import TaskInfo, dumps, loads
from maggy.core.executors import (
    error_text,
    process_executor,
    process_state,
    session,
    trial_executor,
)
from maggy.core.executors.driver_silence import Silence
from maggy.core.executors.trial_executor import WorkerSettings, work
from maggy.core.executors.workload import AblationWorkload, SearchWorkload, Workload
from maggy.core.messages import (
    Assign,
    Check,
    Checked,
    Done,
    Failed,
    Final,
    Heartbeat,
    Register,
    Stop,
)

pytestmark = pytest.mark.loopback


class Play:
    """Play the driver on a thread: answer requests in the order of the answers, then with Done."""

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


@pytest.fixture(params=["worker", "process"])
def isolation(request):
    return request.param


@pytest.fixture
def worker(isolation):
    """Run a worker until the driver is done; return what the driver heard, and the values."""
    plays = []

    def run(
        train,
        *answers,
        key="metric",
        max_trial_seconds=None,
        on_heartbeat=None,
        workload=None,
        **others,
    ):
        play = Play(answers, on_heartbeat)
        plays.append(play)
        settings = WorkerSettings(
            play.host.address, 0.05, max_trial_seconds, tee=False, isolation=isolation, **others
        )
        values = work(
            settings, dumps(workload or SearchWorkload(train, key)), 0, TaskInfo(0, 0, [])
        )
        return play, loads(dumps(values))  # as Spark takes them to the driver

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


def test_a_function_that_raises_fails_its_trial_with_the_users_traceback_and_the_worker_goes_on(
    worker,
):
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


@pytest.mark.parametrize(
    "error", [SystemExit(3), KeyboardInterrupt(), GeneratorExit(), RecursionError("deep")]
)
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
def test_a_trial_that_is_stopped_ends_with_the_metric_of_the_first_broadcast_that_raised(
    worker, swallow
):
    def train(x, reporter):
        for step in range(20_000):  # until it is stopped
            try:
                reporter.broadcast(step / 1000, step)
            except Exception:
                if not swallow:
                    raise
            if (
                swallow
                and reporter.stop_metric is not None
                and step > reporter.stop_metric * 1000 + 2
            ):
                return 999.0
            time.sleep(0.005)
        return 999.0

    play, _ = worker(
        train,
        assign(x=1),
        on_heartbeat=lambda message: Stop(1) if len(message.points) > 3 else None,
    )
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
    [
        sleeps,
        counts,
        goes_on_after_exceptions,
        swallows_everything,
        turns_it_into_an_error,
        waits_for_a_lock,
    ],
    ids=lambda train: train.__name__,
)
def test_a_trial_that_takes_too_long_fails_whatever_it_does_and_the_worker_stays_good(
    worker, train
):
    def both(x):
        return train(x) if x == 1 else x

    began = time.monotonic()
    failed, final = ends_of(worker(both, assign(1, x=1), assign(2, x=2), max_trial_seconds=1)[0])
    assert (failed.reason, failed.traceback) == ("exceeded max_trial_seconds=1", "")
    assert final.metric == 2
    assert time.monotonic() - began < SOON


def test_the_end_of_the_experiment_interrupts_the_trial_and_the_worker_leaves(worker):
    play, _ = worker(
        sleeps, assign(x=1), on_heartbeat=lambda message: Done() if message.run == 1 else None
    )
    assert ends_of(play) == []


def test_one_trial_leaves_no_traces_for_the_next(worker):
    def train(x):
        import builtins

        traces = [os.getcwd(), os.environ.get("LEFT")]
        traces += ["/left/behind" in sys.path, print("x") is None]
        traces.append(signal.getsignal(signal.SIGTERM) == signal.SIG_IGN)
        os.chdir("/")
        os.environ["LEFT"] = "behind"
        sys.path.insert(0, "/left/behind")
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        builtins.print = lambda *args: "replaced"
        sys.stdout = None
        return {"metric": x, "traces": traces}

    before = sys.stdout, os.getcwd(), signal.getsignal(signal.SIGTERM), list(sys.path), print
    one, two = ends_of(worker(train, assign(1, x=1), assign(2, x=2))[0])
    assert one.outputs["traces"] == two.outputs["traces"] == [os.getcwd(), None, False, True, False]
    assert (
        sys.stdout,
        os.getcwd(),
        signal.getsignal(signal.SIGTERM),
        list(sys.path),
        print,
    ) == before
    assert "LEFT" not in os.environ


def test_the_directory_of_the_trial_is_known_inside_it(worker, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)  # the function makes the directory

    def train(x):
        from maggy import tensorboard

        return {"metric": x, "logdir": tensorboard.logdir()}

    (final,) = ends_of(worker(train, assign(x=1))[0])
    assert final.outputs["logdir"] == "dir/t1"
    assert (tmp_path / "dir" / "t1").is_dir()


def test_a_study_that_holds_is_answered_without_an_error(worker):
    play, _ = worker(lambda x: x, Check(), assign(x=1))
    assert play.said(Checked)[0] == Checked(None, "")


class Parts(AbstractAblator):
    """An ablator whose functions say what they leave out."""

    def __init__(self, problem=None):
        super().__init__(None, [])
        self.problem = problem

    def verify(self):
        print("trying it out")
        if self.problem is not None:
            raise self.problem

    def get_number_of_trials(self):
        return 1

    def get_dataset_generator(self, ablated_feature=None):
        return lambda: f"without {ablated_feature}"

    def get_model_generator(self, ablated_layer=None):
        return lambda: f"without {ablated_layer}"

    def initialize(self):
        pass

    def get_trial(self, ablation_trial=None):
        return None

    def finalize_experiment(self, trials):
        pass

    def name(self):
        return "Parts"


def describes(dataset_function, model_function, reporter):
    reporter.broadcast(0.5)
    return {"metric": 1, "parts": [dataset_function(), model_function()]}


def test_the_parts_of_an_ablation_reach_the_function(worker):
    assignment = assign(ablated_feature="age", ablated_layer="None")
    play, _ = worker(
        None, Check(), assignment, workload=AblationWorkload(describes, "metric", Parts())
    )
    (final,) = ends_of(play)
    assert play.said(Checked)[0] == Checked(None, "")
    assert final.outputs["parts"] == ["without age", "without None"]
    assert final.points == [(0, 0.5)]


@pytest.mark.parametrize("problem", [ValueError("no such layer"), SystemExit("wrong study")])
def test_a_study_that_does_not_hold_is_said_with_the_error(worker, problem):
    play, _ = worker(None, Check(), workload=AblationWorkload(describes, "metric", Parts(problem)))
    assert play.said(Checked)[0] == Checked(str(problem), type(problem).__name__)


def test_a_function_that_cannot_be_loaded_is_told_with_the_remedy(isolation):
    play = Play([])
    try:
        settings = WorkerSettings(play.host.address, 0.05, None, tee=False, isolation=isolation)
        assert work(settings, b"not a pickle", 0, TaskInfo(0, 0, [])) == []
        assert "cannot be loaded" in play.said(Checked)[0].error
    finally:
        play.close()


def test_the_gpus_of_the_task_are_the_ones_that_are_seen(monkeypatch, isolation):
    def train():
        return {"metric": 1, "devices": os.environ["CUDA_VISIBLE_DEVICES"]}

    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    play = Play([assign()])
    try:
        settings = WorkerSettings(play.host.address, 0.05, None, tee=False, isolation=isolation)
        work(settings, dumps(SearchWorkload(train, "metric")), 0, TaskInfo(0, 0, ["2", "5"]))
        assert ends_of(play)[0].outputs["devices"] == "2,5"
    finally:
        play.close()


class ImpatientOnceAnswered(Silence):
    """Wait for the first answer as long as the machine needs, and briefly for each later one."""

    def end(self):
        super().end()
        self._patience = 0.1


def test_a_worker_that_leaves_its_trial_ends_its_task_with_an_error(worker, monkeypatch):
    def train(x):
        threading.Event().wait(SOON)

    monkeypatch.setattr(session, "Silence", ImpatientOnceAnswered)
    with pytest.raises(
        ConnectionError, match=r"left its trial: the driver has not answered for \d"
    ):
        worker(train, assign(x=1))


@pytest.mark.parametrize(("worker_timeout", "seconds"), [(2.0, 90.0), (60.0, 90.0), (300.0, 450.0)])
def test_a_workers_patience_follows_that_of_the_driver(worker_timeout, seconds):
    settings = WorkerSettings(None, 1.0, None, tee=False, worker_timeout=worker_timeout)
    assert settings.answer_timeout == seconds


@pytest.mark.parametrize("depth", [300, 1500, 20_000])
def test_a_return_value_that_is_nested_too_deeply_fails_its_trial_and_the_worker_goes_on(
    worker, depth
):
    def train(x):
        value = x
        for _ in range(depth if x == 1 else 2):
            value = [value]
        return {"metric": x, "deep": value}

    failed, final = ends_of(worker(train, assign(1, x=1), assign(2, x=2))[0])
    assert "at most 200 levels deep" in failed.reason
    assert final.outputs == {"metric": 2, "deep": [[2]]}


def test_errors_of_any_size_class_and_chain_fail_their_trial_and_the_worker_goes_on(worker):
    def train(x):
        if x == 1:
            raise ValueError("x" * (70 * 2**20))
        if x == 2:
            raise type("Odd", (Exception,), {"__module__": None})("odd")
        if x == 3:
            error = None
            for number in range(5000):
                following = ValueError(number)
                following.__cause__ = error
                error = following
            raise error
        return x

    *failed, final = ends_of(worker(train, *(assign(x, x=x) for x in (1, 2, 3, 4)))[0])
    assert [type(message) for message in failed] == [Failed] * 3
    assert [failed[0].reason[:15], failed[1].reason, failed[2].reason] == [
        "ValueError: xxx",
        "Odd: odd",
        "ValueError: 4999",
    ]
    assert final.metric == 4


class Verbose(SearchWorkload):
    """Its check fails with an error as long as a message."""

    def verify(self):
        raise ValueError("x" * (70 * 2**20))


def test_a_check_whose_error_is_as_long_as_a_message_is_answered(worker):
    play, _ = worker(None, Check(), workload=Verbose(print, "metric"))
    assert len(play.said(Checked)[0].error) <= error_text.MAX_TEXT_LENGTH


def test_nothing_is_left_of_a_worker(worker):
    worker(lambda x: x, assign(x=1))[0].close()
    threads, handler = set(threading.enumerate()), signal.getsignal(signal.SIGUSR2)
    play, _ = worker(lambda x: x, assign(x=1))
    play.close()
    assert set(threading.enumerate()) <= threads  # those of earlier tests may end meanwhile
    assert signal.getsignal(signal.SIGUSR2) == handler


class Probing(Workload):
    """Its components are functions of this module, by name."""

    def __init__(self, *builds):
        super().__init__(print, "metric")
        self.builds = builds

    def probes(self):
        return {build.__name__: build for build in self.builds}

    def call(self, params, reporter):
        return 1


def good():
    return object()


def unknown_name():
    return undefined_name  # noqa: F821


def leaves():
    sys.exit("no model")


def hangs():
    threading.Event().wait(60)


def hangs_and_swallows():
    try:
        hangs()
    except BaseException:
        return


def test_a_component_that_cannot_be_built_is_reported_and_refuses_nothing(worker):
    play, _ = worker(None, Check(), assign(), workload=Probing(good, unknown_name, leaves))
    (checked,) = set(map(repr, play.said(Checked)))
    checked = play.said(Checked)[0]
    assert (checked.error, checked.slow, checked.leaving) == (None, [], False)
    (first, reason, traceback), (second, other, _) = checked.failures
    assert (first, second) == ("unknown_name", "leaves")
    assert reason == "NameError: name 'undefined_name' is not defined"
    assert "in unknown_name" in traceback
    assert other == "SystemExit: no model"
    assert ends_of(play)[0].metric == 1


def test_the_check_builds_no_component_when_it_is_told_not_to(worker):
    play, _ = worker(None, Check(probe=False), workload=Probing(unknown_name))
    assert play.said(Checked)[0] == Checked(None, "")


def test_a_component_that_hangs_holds_up_the_check_for_a_limited_time_and_heartbeats_go_on(
    worker, monkeypatch
):
    for module in (
        trial_executor,
        process_executor,
    ):  # the task's process measures the time in both modes
        monkeypatch.setattr(module, "PROBE_SECONDS", 0.4)
    play, _ = worker(
        None, Check(), assign(), workload=Probing(hangs, hangs_and_swallows, unknown_name)
    )
    checked = play.said(Checked)[0]
    assert checked.slow == ["hangs", "hangs_and_swallows"]
    assert [label for label, *_ in checked.failures] == ["unknown_name"]
    before = play.messages[: play.messages.index(checked)]
    assert Heartbeat(0, 0, [], 0, [], False) in before
    assert ends_of(play)[0].metric == 1


@pytest.mark.parametrize(("crash", "reason"), [("exit", "exit code 0"), ("kill", "SIGKILL")])
def test_the_death_of_a_trials_own_process_is_said_and_the_worker_goes_on(crash, reason):
    def train(x):
        if x == 1:
            os._exit(0) if crash == "exit" else os.kill(os.getpid(), signal.SIGKILL)
        return x

    play = Play([assign(1, x=1), assign(2, x=2)])
    try:
        settings = WorkerSettings(play.host.address, 0.05, None, tee=False, isolation="process")
        work(settings, dumps(SearchWorkload(train, "metric")), 0, TaskInfo(0, 0, []))
        failed, final = ends_of(play)
        assert failed.died
        assert reason in failed.reason
        assert final.metric == 2
    finally:
        play.close()


@pytest.mark.parametrize(("limit", "lacks"), [(None, "os.fork"), (2**30, "IS_LINUX")])
def test_a_system_without_what_isolation_needs_says_so(monkeypatch, limit, lacks):
    if limit is None:
        monkeypatch.delattr(os, "fork")
    else:
        monkeypatch.setattr(process_executor, "IS_LINUX", False)
    play = Play([])
    try:
        settings = WorkerSettings(
            play.host.address, 0.05, None, False, isolation="process", max_trial_memory=limit
        )
        assert work(settings, b"", 0, TaskInfo(0, 0, [])) == []
        (checked,) = play.said(Checked)[:1]
        assert checked.error_type == "NotSupportedError"
        assert checked.error.startswith(
            "isolation='process'" if limit is None else "max_trial_memory"
        )
    finally:
        play.close()


def test_standard_error_belongs_to_the_output_and_is_marked(worker):
    def train(x):
        print("one")
        print("two", file=sys.stderr)
        return x

    (end,) = ends_of(worker(train, assign(x=1))[0])
    assert end.lines == [(True, "one"), (True, "[stderr] two")]


def test_what_a_forked_child_prints_comes_with_the_end_and_what_it_broadcasts_is_an_error(worker):
    def train(x, reporter):
        child = os.fork()
        if not child:
            print("child")
            reporter.broadcast(1.0)
        os.waitpid(child, 0)
        return x

    (end,) = ends_of(worker(train, assign(x=1))[0])
    assert end.metric == 1
    assert end.lines[0] == (True, "child")
    assert (
        "reporter.broadcast() must be called in the process that runs the trial" in end.lines[-1][1]
    )


# The trial drops the object of its process, which is what Python warns of.
@pytest.mark.filterwarnings("ignore:subprocess .* is still running:ResourceWarning")
def test_a_process_that_a_trial_leaves_is_gone_when_its_end_is_reported(worker):
    def train(x):
        import subprocess

        return {"metric": x, "pid": subprocess.Popen(["sleep", "1000"]).pid}

    (end,) = ends_of(worker(train, assign(x=1))[0])
    assert not os.path.exists(f"/proc/{end.outputs['pid']}")


@pytest.mark.parametrize("isolation", ["worker"], indirect=True)
def test_a_variable_of_the_context_that_a_trial_sets_does_not_reach_the_next(worker):
    variable = contextvars.ContextVar("variable", default=0)
    sys.modules["helper"] = helper = types.ModuleType("helper")  # a variable cannot be pickled
    helper.variable = variable

    def train(x):
        import helper

        before = helper.variable.get()
        helper.variable.set(x)
        return before

    try:
        first, second = ends_of(worker(train, assign(1, x=1), assign(2, x=2))[0])
    finally:
        del sys.modules["helper"]
    assert (first.metric, second.metric) == (0, 0)


@pytest.mark.parametrize("isolation", ["worker"], indirect=True)  # it looks into the task's process
def test_a_run_of_mlflow_is_killed_by_an_early_stop_and_fails_with_the_function(
    worker, monkeypatch
):
    statuses = []
    monkeypatch.setattr(process_state, "end_open_runs", statuses.append)

    def train(x, reporter):
        if x == 1:
            return 1
        if x == 2:
            raise ValueError
        while True:
            reporter.broadcast(0.5)
            time.sleep(0.01)

    worker(
        train,
        *(assign(run, x=run) for run in (1, 2, 3)),
        on_heartbeat=lambda heartbeat: Stop(3) if heartbeat.run == 3 else None,
    )
    assert statuses == ["FINISHED", "FAILED", "KILLED"]
