"""Trials in processes of their own: what they start ends with them, and a crash costs one trial."""

import os
import signal
import threading
import uuid
from concurrent.futures import ThreadPoolExecutor

import psutil
import pytest
from helpers import leftovers
from helpers.waiting import wait_until
from helpers.wire import SOON

from maggy.core.cluster import dumps, loads
from maggy.core.executors.children import Children, memory_reason
from maggy.core.executors.orders import obey
from maggy.core.executors.process_messages import TrialFailed, TrialFinal
from maggy.core.executors.workload import SearchWorkload
from maggy.core.messages import Assign, Decided, Preempt, Stop
from maggy.core.reporter import Reporter

pytestmark = pytest.mark.loopback

MARK = "MAGGY_TEST_MARK"


def calls(function, arguments, reporter):
    """Call the function that comes with the trial, so that most tests share one template."""
    from maggy.common.signature import arguments_for, parameter_names
    from maggy.core.cluster import loads

    train = loads(function)
    return train(**arguments_for(parameter_names(train), arguments, {"reporter": reporter}))


class Trials:
    """Runs functions in child processes, all of which carry a mark."""

    def __init__(self, train=None, key="metric", max_memory=None):
        workload = SearchWorkload(train or calls, key)
        self.children = Children(dumps(workload), max_memory=max_memory, interval=0.05, tee=False)
        self.reporter = Reporter()
        assert self.children.start() is None

    def run(self, train=None, **params):
        self.reporter = Reporter()
        if train is not None:
            params = {"function": dumps(train), "arguments": params}
        return self.children.run(Assign(1, "t1", params, "dir/t1"), self.reporter)

    @property
    def lines(self):
        return [text for _, text in self.reporter.waiting()[3]]


@pytest.fixture(scope="module")
def mark():
    """A value of an environment variable that only the processes of this module have."""
    os.environ[MARK] = uuid.uuid4().hex
    yield os.environ[MARK]
    del os.environ[MARK]


@pytest.fixture(scope="module")
def template(mark):
    trials = Trials()
    yield trials
    trials.children.close()


@pytest.fixture
def shared(template, mark):
    """Run trials with the template that tests share; check that no other process is left."""
    template.run(abs, x=-1) if template.children._process is None else None
    before = names(marked(mark))
    yield template
    if template.children._process is not None:
        leftovers.LASTING.add(template.children._process.pid)
    assert names(marked(mark)) == before


@pytest.fixture
def trials(mark):
    all_trials = []

    def make(train, **options):
        all_trials.append(Trials(train, **options))
        return all_trials[-1]

    yield make
    for trials in all_trials:
        trials.children.close()


def marked(mark):
    """The processes with this mark, but for this one."""
    processes = []
    for process in psutil.process_iter():
        try:
            if process.environ().get(MARK) == mark and process.pid != os.getpid():
                processes.append(process)
        except psutil.Error:
            continue
    return [process for process in processes if process.status() != psutil.STATUS_ZOMBIE]


def names(processes):
    """What the processes are, without the numbers of the files that they were given, which vary."""
    return sorted(
        " ".join(part for part in process.cmdline() if not part.isdigit()) for process in processes
    )


def forks_a_sleep(x):
    import subprocess

    subprocess.Popen(["sleep", "1000"])
    return x


def forks_a_sleep_twice_in_a_session_of_its_own(x):
    import os
    import time

    read, write = os.pipe()
    if not os.fork():
        os.setsid()
        if not os.fork():
            os.setsid()
            os.write(write, b"x")
            os.close(write)
            os.execvp("sleep", ["sleep", "1000"])
        os._exit(0)
    os.read(read, 1)
    os.wait()
    time.sleep(0)
    return x


def forks_what_ignores_all_signals(x):
    import signal
    import subprocess
    import sys

    code = (
        "import signal, time\n"
        "for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):\n"
        "    signal.signal(number, signal.SIG_IGN)\n"
        "print('ready', flush=True)\n"
        "time.sleep(1000)"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, start_new_session=True
    )
    assert process.stdout.readline() == b"ready\n"
    assert signal.SIGTERM
    return x


def forks_a_pool(x):
    import multiprocessing

    pool = multiprocessing.get_context("spawn").Pool(2)
    assert pool.map(abs, [-1, -2]) == [1, 2]
    pool._no_garbage = pool  # it must not be collected, which would end it
    return x


FORKING = [
    forks_a_sleep,
    forks_a_sleep_twice_in_a_session_of_its_own,
    forks_what_ignores_all_signals,
    forks_a_pool,
]


@pytest.mark.parametrize("fork", FORKING, ids=lambda fork: fork.__name__)
def test_nothing_that_a_trial_has_started_outlives_it(shared, mark, fork):
    before = names(marked(mark))
    outcome = shared.run(fork, x=1)
    assert isinstance(outcome.answer, TrialFinal), outcome.answer
    assert names(marked(mark)) == before


def raises(x):
    raise ValueError("no")


def exits(x):
    import os

    os._exit(0)


def exits_with_a_code(x):
    import os

    os._exit(7)


def crashes(x):
    import ctypes

    ctypes.string_at(0)


def is_killed(x):
    import os
    import signal

    os.kill(os.getpid(), signal.SIGKILL)


def closes_all_descriptors(x):
    import os

    os.closerange(0, 1000)
    return x


ENDINGS = {
    raises: None,
    exits: "its process ended with exit code 0 before the training function did",
    exits_with_a_code: "its process ended with exit code 7 before the training function did",
    crashes: "its process was ended by SIGSEGV",
    is_killed: "its process was ended by SIGKILL; the system may have run out of memory",
    closes_all_descriptors: "its process ended with exit code 1 before the training function did",
}


@pytest.mark.parametrize("end", ENDINGS, ids=lambda end: end.__name__)
def test_however_a_trial_ends_nothing_of_it_is_left_and_the_next_one_runs(shared, mark, end):
    def train(x):
        if x == 1:
            forks_a_sleep_twice_in_a_session_of_its_own(x)
            end(x)
        return x

    before = names(marked(mark))
    outcome = shared.run(train, x=1)
    if ENDINGS[end] is None:
        assert outcome.answer.reason == "ValueError: no"
    else:
        assert (outcome.answer, outcome.reason, outcome.ended_by_us) == (None, ENDINGS[end], False)
    assert names(marked(mark)) == before
    assert shared.run(train, x=2).answer.metric == 2


@pytest.mark.parametrize("victim", ["template", "watchdog"])
def test_the_death_of_the_template_or_the_watchdog_costs_one_trial(shared, mark, victim):
    def train(x, victim):
        import os
        import signal

        if x == 1:
            forks_a_sleep_twice_in_a_session_of_its_own(x)
            template = os.getppid()
            with open(f"/proc/{template}/stat") as file:
                watchdog = int(file.read().rpartition(")")[2].split()[1])
            os.kill(template if victim == "template" else watchdog, signal.SIGKILL)
            os.kill(os.getpid(), signal.SIGSTOP)
        return x

    before = names(marked(mark))
    outcome = shared.run(train, x=1, victim=victim)
    assert (outcome.answer, outcome.ended_by_us) == (None, False)
    assert marked(mark) == []
    assert shared.run(train, x=2, victim=victim).answer.metric == 2
    assert names(marked(mark)) == before


def test_the_death_of_the_template_between_two_trials_costs_none(shared, mark):
    before = names(marked(mark))
    shared.children._process.kill()
    shared.children._process.wait()
    assert shared.run(lambda x: x, x=1).answer.metric == 1
    assert names(marked(mark)) == before


def test_a_call_that_holds_the_gil_is_killed_when_it_must_end(shared):
    def train(x):
        import ctypes

        print("now it holds the GIL")
        ctypes.PyDLL(None).sleep(1000)  # unlike CDLL, this one keeps the GIL

    has_begun = threading.Event()
    log = Reporter.extend

    class Watched(Reporter):
        def extend(self, points, lines, times=()):
            log(self, points, lines, times)
            has_begun.set()

    reporter = Watched()
    params = {"function": dumps(train), "arguments": {"x": 1}}
    with ThreadPoolExecutor(1) as pool:
        outcome = pool.submit(shared.children.run, Assign(1, "t1", params, ""), reporter)
        try:
            assert has_begun.wait(SOON)
            shared.children.interrupt("exceeded max_trial_seconds=1")
        finally:
            shared.children.kill()
    assert outcome.result().reason == "exceeded max_trial_seconds=1; it could not be interrupted"
    assert outcome.result().ended_by_us


@pytest.mark.parametrize(
    ("size", "limit", "used", "allowed"),
    [
        (300 * 2**20 + 1, 300 * 2**20, "301", "300"),
        (300 * 2**20 + 2**19 + 1, 300 * 2**20 + 2**19, "301", "300"),
        (2048 * 2**20, 1024 * 2**20, "2,048", "1,024"),
    ],
)
def test_the_figures_of_a_memory_limit_differ_however_close_they_are(size, limit, used, allowed):
    reason = memory_reason(size, limit)
    assert reason == f"used {used} MiB of memory, more than max_trial_memory={allowed} MiB"


def test_memory_above_the_limit_ends_the_trial_with_the_figure(trials, mark):
    def train(x):
        import subprocess
        import sys

        if x == 1:  # not the trial's own process, but one below it
            code = (
                "import time; data = bytearray(400 * 2**20); "
                "data[::4096] = b'x' * len(data[::4096]); time.sleep(99)"
            )
            subprocess.run([sys.executable, "-c", code], check=False)
        return x

    search = trials(train, max_memory=300 * 2**20)
    before = names(marked(mark))
    outcome = search.run(x=1)
    assert outcome.reason.startswith("used ")
    assert outcome.reason.endswith(" MiB of memory, more than max_trial_memory=300 MiB")
    assert int(outcome.reason.split()[1].replace(",", "")) > 300
    assert outcome.ended_by_us
    assert names(marked(mark)) == before
    assert search.run(x=2).answer.metric == 2


def test_what_c_code_and_subprocesses_write_is_the_trials_output(shared):
    def train(x):
        import os
        import subprocess
        import sys

        print("from Python")
        os.write(1, b"from C\n")
        subprocess.run(
            [
                sys.executable,
                "-c",
                "import sys; print('from below'); print('wrong', file=sys.stderr)",
            ]
        )
        os.write(2, "half a line, ü".encode())
        return x

    shared.run(train, x=1)
    lines = shared.lines
    assert sorted(lines) == sorted(
        ["from Python", "from C", "from below", "[stderr] wrong", "[stderr] half a line, ü"]
    )
    assert [line for line in lines if line.startswith("from ") and line != "from Python"] == [
        "from C",
        "from below",
    ]


def test_long_lines_arrive_whole_and_marked_from_wherever_they_are_written(shared):
    def train(x):
        import os
        import sys
        import threading

        def write(descriptor, text):
            data = text.encode()
            while data:
                data = data[os.write(descriptor, data) :]

        print("a" * 300_000)
        print("b" * 300_000, file=sys.stderr)
        writer = threading.Thread(target=write, args=(2, "c" * 300_000 + "\n"))
        writer.start()
        for _ in range(20):
            print("d" * 30_000)
        writer.join()
        write(1, "e" * 300_000)
        return x

    shared.run(train, x=1)
    assert sorted(shared.lines) == [
        "[stderr] " + "b" * 300_000,
        "[stderr] " + "c" * 300_000,
        "a" * 300_000,
        *["d" * 30_000] * 20,
        "e" * 300_000,
    ]


def test_a_stop_that_comes_before_the_trial_has_its_process_stops_it(shared):
    def train(x, reporter):
        import threading

        for _ in range(100):
            reporter.broadcast(x)
            threading.Event().wait(0.1)

    reporter = Reporter()
    reporter.stop()
    params = {"function": dumps(train), "arguments": {"x": 1.5}}
    outcome = shared.children.run(Assign(1, "t1", params, "dir/t1"), reporter)
    assert outcome.answer == TrialFinal(1.5, {"metric": 1.5}, True)


@pytest.mark.parametrize("is_early", [False, True])
def test_a_child_hears_that_it_should_save_a_checkpoint(shared, is_early):
    def train(x, reporter):
        import time

        print("it trains")
        deadline = time.monotonic() + x
        while not reporter.should_checkpoint:
            assert time.monotonic() < deadline
            time.sleep(0.001)
        return 1.5

    reporter = Reporter()
    params = {"function": dumps(train), "arguments": {"x": SOON}}

    def preempt():
        if not is_early:
            wait_until(lambda: reporter.waiting()[3])
        reporter.ask_for_checkpoint()
        shared.children.pass_on(Preempt(1))

    with ThreadPoolExecutor(1) as pool:
        if is_early:  # there is no child yet
            preempt()
        else:
            pool.submit(preempt)
        outcome = shared.children.run(Assign(1, "t1", params, "dir/t1"), reporter)
    assert outcome.answer == TrialFinal(1.5, {"metric": 1.5}, False)


def test_what_was_printed_before_a_crash_is_kept(shared):
    def train(x, reporter):
        for step in range(100):
            reporter.broadcast(step)
        print("last words")
        crashes(x)

    shared.run(train, x=1)
    assert shared.lines == ["last words"]
    assert len(shared.reporter.waiting()[1]) == 100


def test_an_exception_from_a_signal_within_a_report_neither_loses_nor_repeats_one(shared):
    def train(x, reporter):
        import signal

        is_armed, steps_done = [False], []

        def alarm(number, frame):
            if is_armed[0]:
                raise TimeoutError

        signal.signal(signal.SIGALRM, alarm)
        for step in range(2000):
            try:
                is_armed[0] = True
                signal.setitimer(signal.ITIMER_REAL, 0.00002)
                reporter.log(f"line {step}")
                reporter.broadcast(step, step)
                steps_done.append(step)
                is_armed[0] = False
            except TimeoutError:
                is_armed[0] = False
        return {"metric": x, "steps_done": steps_done}

    outcome = shared.run(train, x=1)
    assert isinstance(outcome.answer, TrialFinal), outcome.answer
    steps = [step for step, _ in shared.reporter.waiting()[1]]
    assert steps == sorted(set(steps))
    assert set(outcome.answer.outputs["steps_done"]) <= set(steps)
    assert len(shared.lines) == len(set(shared.lines))


def test_a_lot_of_output_and_a_large_value_arrive_whole(trials):
    def train(x):
        for number in range(2000):
            print(str(number).zfill(1000))
        return b"x" * 30_000_000

    search = trials(train, key=None)
    outcome = search.run(x=1)
    assert [int(line) for line in search.lines] == list(range(2000))
    assert [len(loads(value)) for value in outcome.values] == [30_000_000]


def test_a_value_that_cannot_be_pickled_fails_the_trial_with_the_reason(trials):
    def train(x):
        import threading

        return threading.Lock()

    outcome = trials(train, key=None).run(x=1)
    assert isinstance(outcome.answer, TrialFailed)
    assert (
        "cannot leave its process (TypeError: cannot pickle '_thread.lock' object)"
        in outcome.answer.reason
    )


def test_a_recursion_without_end_costs_its_trial_only(shared):
    def train(x):
        def deeper(n):
            return deeper(n + 1)

        return deeper(0) if x == 1 else x

    assert shared.run(train, x=1).answer.reason.startswith("RecursionError")
    assert isinstance(shared.run(train, x=2).answer, TrialFinal)


def test_trials_draw_different_random_numbers(shared):
    def train(x):
        import random

        import numpy as np

        return {"metric": x, "drawn": [random.random(), float(np.random.random())]}

    one, two = (shared.run(train, x=x).answer.outputs["drawn"] for x in (1, 2))
    assert one[0] != two[0]
    assert one[1] != two[1]


def test_trials_draw_different_random_numbers_from_a_generator_that_their_template_has_loaded(
    trials,
):
    from numpy import random

    search = trials(lambda x: float(random.random()))
    one, two = (search.run(x=x).answer.metric for x in (1, 2))
    assert one != two


def test_a_trial_sees_nothing_that_an_earlier_one_has_changed(shared):
    def train(x):
        import os
        import sys
        import warnings

        traces = [
            os.getcwd(),
            sys.getrecursionlimit(),
            "decoy" in sys.modules,
            warnings.filters[:1] == ["decoy"],
        ]
        os.chdir("/")
        os.umask(0o777)
        sys.setrecursionlimit(5000)
        sys.modules["decoy"] = sys
        warnings.filters.insert(0, "decoy")
        return {"metric": x, "traces": traces}

    one, two = (shared.run(train, x=x).answer.outputs["traces"] for x in (1, 2))
    assert one == two
    assert one[2:] == [False, False]


def test_a_function_whose_loading_starts_threads_is_loaded_anew_by_each_child(
    trials, tmp_path, monkeypatch
):
    (tmp_path / "module_with_a_thread.py").write_text(
        "import os, threading\n"
        "loaded_in = os.getpid()\n"
        "threading.Thread(target=threading.Event().wait, daemon=True).start()\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    import module_with_a_thread

    def train(x):
        import os

        return {"metric": x, "same": module_with_a_thread.loaded_in == os.getpid()}

    search = trials(train)
    assert [search.run(x=x).answer.outputs["same"] for x in (1, 2)] == [True, True]


def test_a_function_that_cannot_be_loaded_is_said_so(mark):
    children = Children(b"no pickle", max_memory=None, interval=1.0, tee=False)
    try:
        assert "UnpicklingError" in children.start()
    finally:
        children.close()


def test_the_keys_of_the_connection_are_not_in_the_memory_of_a_trial(shared):
    def train(x, parts):
        import re

        with open("/proc/self/maps") as file:
            regions = re.findall(r"^(\w+)-(\w+) rw.*(?<!\[vvar\])$", file.read(), re.M)
        pattern = re.compile(b"(?s)" + b"".join(re.escape(bytes([part])) + b"()" for part in parts))
        matches = byte_count = 0
        with open("/proc/self/mem", "rb") as memory:
            for low, high in regions:
                try:
                    memory.seek(int(low, 16))
                    data = memory.read(int(high, 16) - int(low, 16))
                except (OSError, ValueError, OverflowError):
                    continue
                byte_count += len(data)
                matches += len(pattern.findall(data))
        return {"metric": x, "matches": matches, "byte_count": byte_count}

    secret = os.urandom(40)  # in this process, as the keys are in the Spark task's
    outputs = shared.run(train, x=1, parts=list(secret)).answer.outputs
    assert outputs["byte_count"] > 2**20
    assert outputs["matches"] == 0


def test_signals_of_the_terminal_do_not_end_the_watchdog(shared, mark):
    for process in marked(mark):
        for number in (signal.SIGINT, signal.SIGHUP):
            process.send_signal(number)
    assert isinstance(shared.run(lambda x: x, x=1).answer, TrialFinal)


def test_broadcast_variables_and_files_of_spark_are_there(trials, tmp_path, monkeypatch):
    import pickle

    from pyspark import SparkFiles
    from pyspark.broadcast import Broadcast, _broadcastRegistry, _from_id

    class Reference:
        def __reduce__(self):
            return _from_id, (4711,)

    (tmp_path / "value").write_bytes(pickle.dumps([1, 2, 3]))
    monkeypatch.setitem(_broadcastRegistry, 4711, Broadcast(path=str(tmp_path / "value")))
    monkeypatch.setattr(SparkFiles, "_root_directory", str(tmp_path))
    monkeypatch.setattr(SparkFiles, "_is_running_on_worker", True)
    reference = Reference()

    def train(x):
        from pyspark import SparkFiles

        return {"metric": x, "value": reference.value, "file": SparkFiles.get("value")}

    outputs = trials(train).run(x=1).answer.outputs
    assert (outputs["value"], outputs["file"]) == ([1, 2, 3], str(tmp_path / "value"))


def test_a_point_has_the_time_at_which_the_child_reported_it(shared):
    def train(x, reporter):
        import time

        times = []
        for step in range(3):
            times.append(time.time())
            reporter.broadcast(x, step)
        return {"metric": x, "times": [*times, time.time()]}

    outcome = shared.run(train, x=1)
    bounds, times = outcome.answer.outputs["times"], shared.reporter.waiting()[4]
    for start, time, end in zip(bounds[:3], times, bounds[1:], strict=True):
        assert start <= time <= end


def flushes_twice(x, reporter):
    from maggy.core.reporting import decision_wait

    decision_wait.WAIT_SECONDS = 120.0
    for step in range(2):
        reporter.broadcast(x + step, step)
        reporter.flush()
    return x


def test_a_question_for_a_decision_reaches_the_task_and_its_answer_the_process(shared):
    answers = [[Decided(1, 1)], [Stop(1), Decided(1, 2)]]

    def answer():
        for order in answers.pop(0):
            obey(reporter, order)
            shared.children.pass_on(order)
        return True

    reporter = Reporter(answer)
    params = {"function": dumps(flushes_twice), "arguments": {"x": 1.5}}
    outcome = shared.children.run(Assign(1, "t1", params, "dir/t1"), reporter)
    assert (outcome.answer.metric, outcome.answer.early) == (2.5, True)
    assert reporter.waiting()[1] == [(0, 1.5), (1, 2.5)]
    assert answers == []
