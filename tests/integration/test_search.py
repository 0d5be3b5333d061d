"""Searches on a real Spark session, as users run them."""

import builtins
import json
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from types import SimpleNamespace

import pytest
from helpers.waiting import PROCESS_SECONDS, process, read_until, running, wait_until

from maggy import Searchspace, Trial, experiment, load
from maggy.common.exceptions import ExperimentError, ResumeError, SignatureError
from maggy.core.experiment_driver import driver as driver_module
from maggy.core.experiment_driver import foreground
from maggy.earlystop import AbstractEarlyStop
from maggy.experiment_config import LagomConfig, OptimizationConfig
from maggy.optimizer import AbstractOptimizer

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("spark", "experiments")]

SPACE = Searchspace(x=("DOUBLE", [0, 1]), n=("INTEGER", [1, 4]))


def search(train, num_trials=4, space=SPACE, **options):
    options = {"name": "test", "seed": 1, "hb_interval": 0.1, **options}
    optimizer = options.pop("optimizer", "randomsearch")
    return experiment.lagom(train, OptimizationConfig(num_trials, optimizer, space, **options))


def record_of(result, trial_id):
    return json.loads(Path(result.directory, trial_id, "trial.json").read_text())


def test_a_search_returns_the_documented_keys_and_leaves_every_record():
    def train(x, n):
        return {"metric": x * n, "extra": [n, None]}

    result = search(train, 6, num_workers=1)
    assert {
        "best_id",
        "best_val",
        "best_hp",
        "best_config",
        "worst_id",
        "worst_val",
        "worst_hp",
        "worst_config",
    } < set(result)
    assert (result["num_trials"], result["early_stopped"], result["failed"]) == (6, 0, 0)
    assert result["best_val"] == max(result["metric_list"])
    assert result["best_hp"]["x"] * result["best_hp"]["n"] == result["best_val"]
    directory = Path(result.directory)
    assert {"maggy.log", "maggy.json", "result.json", ".summary.json", "executor_0_0.log"} <= set(
        os.listdir(directory)
    )
    assert json.loads((directory / "result.json").read_text()) == dict(result)
    best = directory / result["best_id"]
    assert json.loads((best / ".hparams.json").read_text()) == result["best_hp"]
    assert json.loads((best / ".outputs.json").read_text())["extra"] == [
        result["best_hp"]["n"],
        None,
    ]
    assert float((best / ".metric").read_text()) == result["best_val"]
    assert json.loads((directory / "maggy.json").read_text())["state"] == "FINISHED"


def test_the_text_of_the_contract_is_printed_around_the_experiment(capsys):
    result = search(lambda x, n: x, 2, name="my search")
    out = capsys.readouterr().out
    assert "Started Maggy Experiment: my search, local-" in out
    assert out.count(f"The records are in {result.directory}.\n") == 2
    assert "------ RandomSearch Results ------ direction(max)\nBEST combination {" in out
    assert "EARLY STOPPED Trials -- 0" in out
    assert out.rstrip().endswith("Finished Experiment")


def test_without_tensorboard_the_start_says_so(capsys, monkeypatch):
    monkeypatch.setattr("maggy.records.directory.find_event_maker", lambda: None)
    line = "No event files are written.\n"
    assert line not in (search(lambda x, n: x, 1, verbose=0), capsys.readouterr().out)[1]
    result = search(lambda x, n: x, 1)
    assert f"The records are in {result.directory}.\n{line}" in capsys.readouterr().out


def test_the_same_seed_gives_the_same_trials_and_run_numbers_count_on():
    first, second = search(lambda x, n: x, 5), search(lambda x, n: x, 5)
    assert sorted(t["trial_id"] for t in first.trials) == sorted(
        t["trial_id"] for t in second.trials
    )
    runs = [int(result.directory.rsplit("_", 1)[1]) for result in (first, second)]
    assert runs == [1, 2]


def test_one_raising_trial_costs_only_itself_and_its_traceback_is_shown_once(capsys):
    def train(n):
        if n == 2:
            raise ValueError("two is bad")
        return n

    result = search(train, 12, Searchspace(n=("INTEGER", [1, 3])))
    bad = [trial for trial in result.trials if trial["status"] == "ERROR"]
    assert bad
    assert all(trial["params"] == {"n": 2} for trial in bad)
    assert result["num_trials"] + result["failed"] == 12
    assert result["failed"] == len(bad)
    assert result["worst_val"] == 1
    assert "in train" in record_of(result, bad[0]["trial_id"])["error"]
    assert capsys.readouterr().out.count("Traceback (most recent call last)") == 1


def test_when_every_trial_fails_lagom_raises_with_the_first_traceback():
    def train(x, n):
        raise OSError("no such thing")

    with pytest.raises(
        ExperimentError, match=r"All 3 trials failed[\s\S]*in train[\s\S]*OSError: no such thing"
    ):
        search(train, 3)


def test_one_mistake_in_the_function_ends_the_search_after_five_trials(experiments):
    def train(x, n):
        history = {"accuracy": [x]}
        return history["acc"][-1]

    expected = (
        r"All 5 trials that ended failed with the same KeyError at \S*test_search.py, line \d+"
    )
    with pytest.raises(
        ExperimentError, match=expected + r"[\s\S]*25 trials that were left[\s\S]*KeyError: 'acc'"
    ):
        search(train, 30)
    assert len(list(experiments.glob("*_1/*/trial.json"))) == 5
    assert json.loads(next(experiments.glob("*_1/maggy.json")).read_text())["state"] == "FAILED"


def test_fail_fast_ends_at_the_first_failure_and_the_log_says_why(experiments):
    def train(n):
        raise ValueError("first")

    with pytest.raises(ExperimentError, match="fail_fast"):
        search(train, 50, Searchspace(n=("INTEGER", [1, 3])), fail_fast=True)
    log = next(experiments.glob("*_1/maggy.log")).read_text()
    assert "It was ended by ExperimentError: Trial" in log


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (True, "must return a number or a dict"),
        (None, "must return a number or a dict"),
        ({"acc": 1}, "must hold the optimization key 'metric'"),
        ({"metric": "high"}, "must be a number"),
        (float("nan"), "metric is NaN"),
    ],
)
def test_what_is_no_metric_fails_the_trial_with_the_rule(value, reason):
    def train(n):
        return 0.0 if n == 1 else value

    result = search(train, 8, Searchspace(n=("INTEGER", [1, 2])))
    assert set(result["metric_list"]) == {0.0}
    assert result["best_val"] == 0.0
    bad = [trial for trial in result.trials if trial["status"] == "ERROR"]
    assert bad
    assert all(reason in record_of(result, trial["trial_id"])["error"] for trial in bad)


def test_zero_and_negative_zero_are_metrics_and_min_is_respected():
    result = search(
        lambda n: [0, -0.0, 0.5][n - 1], 9, Searchspace(n=("INTEGER", [1, 3])), direction="min"
    )
    assert (result["best_val"], result["worst_val"], result["failed"]) == (0, 0.5, 0)


def test_equal_configurations_are_separate_trials():
    result = search(lambda: 1, 3, None, optimizer=None)
    empty = Trial({}).trial_id
    assert sorted(trial["trial_id"] for trial in result.trials) == [
        empty,
        f"{empty}_2",
        f"{empty}_3",
    ]


def test_print_reaches_the_notebook_with_the_workers_number_and_the_trials_log_and_is_put_back(
    capsys,
):
    def train(n, reporter):
        print("hello from", n)
        reporter.log("only in the log")
        reporter.log("shown", jupyter=True)
        return n

    before = builtins.print, sys.stdout
    result = search(train, 1, Searchspace(n=("INTEGER", [7, 8])), num_workers=1)
    assert (builtins.print, sys.stdout) == before
    out = capsys.readouterr().out
    n = result["best_hp"]["n"]
    assert f"0 #1: hello from {n}\n" in out
    assert "0 #1: shown" in out
    (line,) = (line for line in out.splitlines() if line.startswith("trial 1: "))
    assert line.startswith(f"trial 1: metric={n} | n={n} | ")
    assert f" {line}\n" in Path(result.directory, "maggy.log").read_text()
    assert "only in the log" not in out
    log = Path(result.directory, result["best_id"], "output.log").read_text()
    assert log == f"hello from {n}\nonly in the log\nshown\n"


def test_every_broadcast_point_is_recorded_not_only_the_last_before_a_heartbeat():
    def train(n, reporter):
        for step in range(500):
            reporter.broadcast(step * 2)
        return n

    result = search(train, 2, Searchspace(n=("INTEGER", [1, 9])), hb_interval=1)
    for trial in result.trials:
        assert trial["history"] == [step * 2 for step in range(500)]
        assert trial["steps"] == list(range(500))


def test_bad_trials_are_stopped_by_the_median_rule_and_the_swallowed_stop_still_counts():
    def train(x, reporter):
        import time

        metric = 0
        for step in range(40):
            metric = x * (step + 1)
            try:
                reporter.broadcast(metric, step)
            except Exception:
                return 10_000  # this metric must not count
            while reporter.waiting()[1]:  # a step ends when the driver has it
                time.sleep(0.001)
        return metric

    result = search(train, 16, Searchspace(x=("DOUBLE", [0, 1])), es_min=3, hb_interval=0.01)
    assert result["early_stopped"] >= 1
    assert result["best_val"] <= 40
    early_trials = [trial for trial in result.trials if trial["early_stop"]]
    assert all(
        trial["metric"] == trial["history"][-1] and len(trial["steps"]) < 40
        for trial in early_trials
    )


def test_a_users_own_rule_and_the_interval_in_seconds_of_release_0_3(tmp_path):
    first = tmp_path / "first"

    class Everything(AbstractEarlyStop):
        @staticmethod
        def earlystop_check(to_check, finalized_trials, direction):
            return to_check.trial_id

    def train(n, reporter):
        import time

        is_first = not first.exists()
        first.touch()
        # The other trials last until the rule stops them.
        for step in range(100 if is_first else 10_000):
            reporter.broadcast(step)
            time.sleep(0.02)
        return n

    result = experiment.lagom(
        map_fun=train,
        searchspace=Searchspace(n=("INTEGER", [1, 9])),
        optimizer="randomsearch",
        num_trials=4,
        es_policy=Everything(),
        es_interval=0.3,
        es_min=0,
        hb_interval=0.05,
        num_workers=1,
        name="old call",
    )
    assert result["num_trials"] == 4
    assert result["early_stopped"] == 3  # the rule starts when more than es_min trials are final


def test_a_users_own_optimizer_decides_how_many_trials_there_are():
    class Climber(AbstractOptimizer):
        def initialize(self):
            self.seen = []

        def get_suggestion(self, trial=None):
            if trial is not None:
                self.seen.append(trial.final_metric)
            if len(self.final_store) + len(self.trial_store) >= 7:
                return "IDLE" if self.trial_store else None
            return Trial({"n": len(self.final_store) + len(self.trial_store)})

        def finalize_experiment(self, trials):
            self.final = len(trials)

    optimizer = Climber()
    result = search(lambda n: n, 1, None, optimizer=optimizer)
    assert result["num_trials"] == 7
    assert optimizer.final == 7
    assert len(optimizer.seen) >= 5


def test_hparams_takes_all_in_one_dict():
    def train(hparams, reporter):
        return hparams["x"] + hparams["n"]

    assert search(train, 2)["num_trials"] == 2


def test_a_signature_that_does_not_fit_is_refused_before_spark_is_touched(experiments):
    def train(x, kernel):
        return x

    with pytest.raises(
        SignatureError, match=r"lacks the parameters n .*nothing gives its parameters kernel"
    ) as raised:
        search(train)
    assert isinstance(raised.value, TypeError)
    assert not experiments.exists()


def test_what_cannot_travel_to_the_executors_is_said_so():
    lock = threading.Lock()

    def train(x, n):
        return lock.locked()

    with pytest.raises(SignatureError, match=r"cannot be pickled .*lock.* inside the function"):
        search(train)


def test_a_function_alone_runs_once_and_returns_exactly_what_it_returned():
    def train(reporter):
        reporter.broadcast(1)
        return {"a": {1, 2}, "b": (None, b"x")}

    assert experiment.lagom(train) == {"a": {1, 2}, "b": (None, b"x")}
    assert experiment.lagom(lambda: None, LagomConfig(name="once")) is None


def test_a_function_alone_that_raises_shows_its_traceback():
    def train():
        raise KeyError("gone")

    with pytest.raises(ExperimentError, match="KeyError: 'gone'"):
        experiment.lagom(train)


def test_lagom_runs_on_any_thread_and_a_second_one_meanwhile_is_refused(tmp_path):
    start, go_on = tmp_path / "begun", tmp_path / "go on"

    def slow(n):
        import time

        start.touch()
        while not go_on.exists():
            time.sleep(0.01)
        return n

    with running(search, slow, 2, Searchspace(n=("INTEGER", [1, 2])), release=go_on.touch) as first:
        wait_until(lambda: start.exists() or not first.is_alive(), "the start of a trial")
        with pytest.raises(RuntimeError, match=r"^An experiment is currently running\.$"):
            search(lambda x, n: x)
        go_on.touch()
        assert first.result()["num_trials"] == 2


def test_no_thread_of_ours_is_left():
    search(lambda x, n: x)
    assert [
        thread.name for thread in threading.enumerate() if thread.name.startswith("maggy")
    ] == []


@pytest.mark.parametrize("hang", ["sleep", "loop", "exception", "bare"])
def test_a_trial_that_takes_too_long_is_ended_and_its_worker_goes_on(hang):
    def train(n):
        import time

        if n != 1:
            return n
        while True:
            try:
                if hang == "sleep":
                    time.sleep(600)
            except Exception:
                if hang != "exception":
                    raise
            except:  # noqa: E722
                if hang != "bare":
                    raise
                return 5  # the function swallowed the interrupt, but its time is over

    space = Searchspace(n=("INTEGER", [1, 2]))
    result = search(train, 6, space, max_trial_seconds=0.5, num_workers=1)
    slow_trials = [trial for trial in result.trials if trial["params"] == {"n": 1}]
    assert slow_trials
    assert all(
        "exceeded max_trial_seconds=0.5" in record_of(result, t["trial_id"])["error"]
        for t in slow_trials
    )
    assert all(trial["attempts"] == 1 for trial in slow_trials)
    assert result["num_trials"] + result["failed"] == 6


def test_max_seconds_ends_the_experiment_with_what_is_there(experiments, monkeypatch):
    def monotonic():
        """Return the driver's time, which is over as soon as a trial is recorded."""
        return time.monotonic() + (1000 if list(experiments.glob("*_1/*/trial.json")) else 0)

    def train(n):
        import time

        time.sleep(0.5 if n == 1 else 600)
        return n

    monkeypatch.setattr(foreground, "time", SimpleNamespace(monotonic=monotonic))
    began = time.monotonic()
    space = Searchspace(n=("INTEGER", [1, 2]))
    result = search(train, 400, space, max_seconds=1000, initial_trials=[{"n": 1}] * 20)
    assert time.monotonic() - began < 300
    assert 1 <= result["num_trials"] < 40
    assert json.loads(Path(result.directory, "maggy.json").read_text())["state"] == "KILLED"
    assert result.state == load(result.directory).state == "KILLED"


def test_a_dead_worker_costs_an_attempt_and_a_poison_trial_only_itself():
    def train(n):
        import os

        if n == 3:
            os._exit(1)
        return n

    result = search(train, 10, Searchspace(n=("INTEGER", [1, 4])))
    poison = [trial for trial in result.trials if trial["params"] == {"n": 3}]
    assert poison
    assert all(trial["attempts"] == 3 and "lost 3 times" in trial["error"] for trial in poison)
    assert result["num_trials"] + result["failed"] == 10
    assert result["failed"] == len(poison)


def test_a_retried_trial_begins_with_a_clean_history(tmp_path):
    marker = tmp_path / "died"

    def train(n, reporter):
        import os
        import time

        reporter.broadcast(n, 0)
        if not marker.exists():
            reporter.broadcast(99, 1)
            while reporter.waiting()[1]:  # until the driver has the points
                time.sleep(0.01)
            marker.touch()
            os._exit(1)
        return n

    result = search(train, 1, Searchspace(n=("INTEGER", [1, 4])))
    trial = result.trials[0]
    assert (trial["steps"], trial["attempts"], trial["early_stop"]) == ([0], 2, False)


def test_a_trial_leaves_no_trace_for_the_next_on_its_worker():
    def train(n):
        import builtins
        import logging
        import multiprocessing
        import os
        import random
        import signal
        import sys
        import warnings

        traces = [
            logging.root.level == logging.CRITICAL,
            warnings.filters[0][0] == "error",
            multiprocessing.get_start_method(allow_none=True) == "spawn",
            random.random() == 0.8444218515250481,  # the first number of seed 0
            os.environ.get("LEFT_BEHIND"),
            builtins.print is not print,
            os.getcwd() == "/",
            signal.getsignal(signal.SIGTERM) is signal.SIG_IGN,
            sys.path[0] == "left",
        ]
        logging.root.setLevel(logging.CRITICAL)
        warnings.simplefilter("error")
        multiprocessing.set_start_method("spawn", force=True)
        random.seed(0)
        os.environ["LEFT_BEHIND"] = "x"
        print("to standard error", file=sys.stderr)
        child = os.spawnlp(os.P_NOWAIT, "sleep", "sleep", "1000")
        builtins.print = sys.stdout.write
        sys.stdout = sys.__stderr__
        os.chdir("/")
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        sys.path.insert(0, "left")
        return {"metric": n, "traces": traces, "child": child}

    result = search(train, 3, Searchspace(n=("INTEGER", [1, 4])), num_workers=1)
    assert result["failed"] == 0
    for trial in result.trials:
        assert not any(trial["outputs"]["traces"])
        assert not os.path.exists(f"/proc/{trial['outputs']['child']}")
        output = Path(result.directory, trial["trial_id"], "output.log").read_text()
        assert output == "[stderr] to standard error\n"


def test_resume_runs_only_what_is_missing_and_covers_all_trials(capsys):
    ran = search(lambda x, n: x, 4)
    whole = search(lambda x, n: x, 9)
    capsys.readouterr()
    resumed = search(lambda x, n: 100 + x, 9, resume=ran.directory)
    first_line, *_ = capsys.readouterr().out.splitlines()
    assert first_line == "Resuming: 4 trials ended before and count."
    assert resumed.directory == ran.directory
    assert {t["trial_id"] for t in resumed.trials} == {t["trial_id"] for t in whole.trials}
    old = {trial["trial_id"] for trial in ran.trials}
    assert all((trial["metric"] < 100) == (trial["trial_id"] in old) for trial in resumed.trials)
    by_id = search(lambda x, n: x, 9, resume=os.path.basename(ran.directory))
    assert by_id["num_trials"] == 9


def test_resume_with_another_space_names_the_difference():
    ran = search(lambda x, n: x, 2)
    with pytest.raises(ResumeError, match="searchspace"):
        search(lambda n: n, 2, Searchspace(n=("INTEGER", [1, 2])), resume=ran.directory)
    with pytest.raises(ResumeError, match="seed"):
        search(lambda x, n: x, 2, seed=2, resume=ran.directory)


def test_a_directory_of_release_2_0_goes_on_in_the_sequence_of_its_seed():
    space = Searchspace(n=("INTEGER", [1, 6]))
    ran = search(lambda n: n, 3, space, allow_repeats=True)
    path = Path(ran.directory, "maggy.json")
    record = json.loads(path.read_text())
    with pytest.raises(ResumeError, match="allow_repeats"):
        search(lambda n: n, 6, space, resume=ran.directory)
    del record["identity"]["allow_repeats"]  # release 2.0 did not record it
    path.write_text(json.dumps(record))
    resumed = search(lambda n: n, 6, space, resume=ran.directory)
    numbers = [params["n"] for params in space.seeded(1).get_random_parameter_values(6)]
    assert sorted(trial["params"]["n"] for trial in resumed.trials) == sorted(numbers)
    assert len(set(numbers)) < 6
    assert len({trial["params"]["n"] for trial in search(lambda n: n, 6, space).trials}) == 6


def test_the_function_gets_tuples_and_the_records_have_lists():
    space = Searchspace(k=("CATEGORICAL", [(3, 3), (5, 5)]), c=("CONSTANT", [((1, 2), [3])]))

    def train(k, c):
        return {"metric": float(k == (3, 3)) + float(k in [(3, 3), (5, 5)] and c == ((1, 2), [3]))}

    result = search(train, 2, space, initial_trials=[{"k": (5, 5)}])
    assert sorted(result["metric_list"]) == [1.0, 2.0]
    assert result["best_hp"] == {"k": [3, 3], "c": [[1, 2], [3]]}
    assert record_of(result, result["best_id"])["params"] == result["best_hp"]
    resumed = search(train, 3, space, initial_trials=[{"k": [5, 5]}], resume=result.directory)
    assert resumed["num_trials"] == 3
    assert min(resumed["metric_list"]) == 1.0


def test_a_torn_record_is_set_aside_and_the_trial_runs_again(capsys):
    ran = search(lambda x, n: x, 3)
    torn = ran.trials[1]["trial_id"]
    path = Path(ran.directory, torn, "trial.json")
    path.write_text(path.read_text()[:20])
    resumed = search(lambda x, n: x, 3, resume=ran.directory)
    assert resumed["num_trials"] == 3
    assert torn in capsys.readouterr().out
    assert Path(ran.directory, f"{torn}.damaged-1").exists()


def test_tensorboard_logdir_is_the_trials_directory():
    def train(n):
        from maggy import tensorboard

        return {"metric": n, "logdir": tensorboard.logdir()}

    result = search(train, 1, Searchspace(n=("INTEGER", [1, 4])))
    assert result.trials[0]["outputs"]["logdir"] == os.path.join(
        result.directory, result["best_id"]
    )


INTERRUPTED = """
import json, os, sys, threading
os.environ["PYSPARK_PYTHON"] = sys.executable
# Without the web page: Spark searches 16 ports for it, and many sessions would use them up.
os.environ["PYSPARK_SUBMIT_ARGS"] = "--conf spark.ui.enabled=false pyspark-shell"
from maggy import Searchspace, experiment
from maggy.core.experiment_driver import driver, jobs
from maggy.experiment_config import OptimizationConfig

driver.STOP_SECONDS = 300  # workers leave by themselves, however slow the machine is
cancelled = []
cancel = jobs.Jobs.cancel
jobs.Jobs.cancel = lambda self: cancelled.append(self) or cancel(self)

def train(n):
    import time
    print("training", flush=True)
    while True:
        try:
            time.sleep(600)
        except Exception:
            pass

space = Searchspace(n=("INTEGER", [1, 4]))
try:
    experiment.lagom(train, OptimizationConfig(4, "randomsearch", space, hb_interval=0.1))
except KeyboardInterrupt:
    print("interrupted", flush=True)
left = [t.name for t in threading.enumerate() if t.name.startswith("maggy")]
again = experiment.lagom(lambda n: n, OptimizationConfig(2, "randomsearch", space))
report = {"left": left, "again": again["num_trials"], "cancelled": len(cancelled)}
print(json.dumps(report), flush=True)
"""


def test_one_interrupt_ends_the_experiment_and_the_next_one_works(tmp_path, experiments):
    with process(
        [sys.executable, "-c", INTERRUPTED],
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        start_new_session=True,
    ) as driver:
        lines = read_until(driver.stdout, "training")
        # A terminal sends the signal to every process in the foreground.
        os.killpg(driver.pid, signal.SIGINT)
        lines += read_until(driver.stdout, '"again"')
        assert driver.wait(PROCESS_SECONDS) == 0, lines
    assert "interrupted\n" in lines
    report = json.loads(lines[-1])
    assert report.pop("cancelled") == 0, "the workers were not told, and Spark had to kill them"
    assert report == {"left": [], "again": 2}
    record = next(experiments.glob("*_1/maggy.json"))
    assert json.loads(record.read_text())["state"] == "KILLED"


def test_the_driver_uses_next_to_no_processor_while_trials_run():
    def train(n, reporter):
        import time

        for step in range(40):
            reporter.broadcast(n, step)
            time.sleep(0.05)
        return n

    # The first search imports modules, which must not count.
    search(lambda n: n, 2, Searchspace(n=("INTEGER", [1, 9])))
    began, processor_time = time.monotonic(), time.process_time()
    search(train, 2, Searchspace(n=("INTEGER", [1, 9])), hb_interval=0.5)
    took = time.monotonic() - began
    assert took > 2
    assert (time.process_time() - processor_time) / took < 0.1, (
        "the driver is busy while it has nothing to do"
    )


def test_no_dead_time_between_trials_and_none_at_the_end(monkeypatch):
    monkeypatch.setattr(driver_module, "CANCEL_SECONDS", 600.0)
    began = time.monotonic()
    search(lambda x, n: x, 50, hb_interval=600, worker_timeout=1800)
    assert time.monotonic() - began < 300, "trials wait for heartbeats, or the end for a limit"


def test_training_never_waits_for_the_network(tmp_path):
    def train(n, reporter):
        import time

        alone = type(reporter)()  # no thread sends the points of this reporter

        def seconds(reporter):
            began = time.perf_counter()
            for _ in range(100):
                reporter.broadcast(n)
            return time.perf_counter() - began

        rounds = [(seconds(reporter), seconds(alone)) for _ in range(20)]
        quickest, quickest_alone = (min(column) for column in zip(*rounds, strict=True))
        return {"metric": n, "ratio": quickest / quickest_alone}

    result = search(train, 2, Searchspace(n=("INTEGER", [1, 9])), hb_interval=0.01)
    assert all(trial["outputs"]["ratio"] < 10 for trial in result.trials)
    assert all(len(trial["history"]) == 2000 for trial in result.trials)


def test_a_value_that_cannot_come_back_is_said_so():
    def train():
        import threading

        return threading.Lock()

    with pytest.raises(ExperimentError, match="The return value of the function is not available"):
        experiment.lagom(train)


def test_a_function_alone_that_takes_too_long_says_so():
    def train():
        import time

        time.sleep(600)

    with pytest.raises(ExperimentError, match="did not end in time: max_seconds=1 are over"):
        experiment.lagom(train, LagomConfig(max_seconds=1))


def test_long_lines_and_floods_of_points_arrive_whole():
    def train(n, reporter):
        print("x" * 100_000)
        for step in range(150_000):
            reporter.broadcast(step, step)
        return n

    result = search(train, 1, Searchspace(n=("INTEGER", [1, 4])))
    assert Path(result.directory, result["best_id"], "output.log").read_text().count("x") == 100_000
    assert len(result.trials[0]["history"]) == 150_000


def test_an_exception_that_cannot_be_shown_fails_its_trial_once():
    def train(n):
        class Bad(Exception):
            def __str__(self):
                return self.missing

        if n == 1:
            raise Bad
        return n

    result = search(train, 4, Searchspace(n=("INTEGER", [1, 2])))
    bad = [trial for trial in result.trials if trial["status"] == "ERROR"]
    assert bad
    assert all(trial["attempts"] == 1 and "Bad" in trial["error"] for trial in bad)


def test_an_output_that_cannot_be_written_costs_nothing_but_what_is_shown(tmp_path):
    code = """
import os, sys
os.environ["PYSPARK_PYTHON"] = sys.executable
# Without the web page: Spark searches 16 ports for it, and many sessions would use them up.
os.environ["PYSPARK_SUBMIT_ARGS"] = "--conf spark.ui.enabled=false pyspark-shell"
from maggy import Searchspace, experiment
from maggy.experiment_config import OptimizationConfig

def train(n):
    print("\\u2713 done")
    return n

config = OptimizationConfig(3, "randomsearch", Searchspace(n=("INTEGER", [1, 4])), hb_interval=0.1)
result = experiment.lagom(train, config)
with open("count", "w") as file:
    file.write(str(result["num_trials"]))
os._exit(0)
"""
    for narrow in (True, False):
        environment = {**os.environ, **({"PYTHONIOENCODING": "ascii"} if narrow else {})}
        with process(
            [sys.executable, "-c", code],
            cwd=tmp_path,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        ) as driver:
            if narrow:
                assert b"\\u2713 done" in driver.communicate(timeout=PROCESS_SECONDS)[0]
            else:
                driver.stdout.close()  # every write fails, because no process reads
                driver.wait(PROCESS_SECONDS)
        assert (tmp_path / "count").read_text() == "3"
        (tmp_path / "count").unlink()
