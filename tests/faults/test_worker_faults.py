"""Training functions hang, resist an interrupt or break their worker, on a real Spark session."""

import json
import os
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path

import pytest
from helpers.waiting import HANG, PROCESS_SECONDS, process, running, wait_until

from maggy import Searchspace, experiment
from maggy.experiment_config import OptimizationConfig

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("spark", "experiments")]

TWO = Searchspace(n=("INTEGER", [1, 2]))
SILENT_SECONDS = 15
"""A worker on a busy machine is never silent for so many seconds, a worker that hangs is."""


def search(train, num_trials=4, space=TWO, **options):
    options = {"seed": 1, "hb_interval": 0.1, **options}
    return experiment.lagom(train, OptimizationConfig(num_trials, "randomsearch", space, **options))


def errors_of(result):
    """Return the recorded errors of the trials that failed."""
    return [
        json.loads(Path(result.directory, trial["trial_id"], "trial.json").read_text())["error"]
        for trial in result.trials
        if trial["status"] == "ERROR"
    ]


def test_a_worker_that_hangs_is_killed_and_its_trial_runs_again(tmp_path):
    marker = tmp_path / "hung"

    def train(n):
        import os
        import signal

        if not marker.exists():
            marker.touch()
            os.kill(os.getpid(), signal.SIGSTOP)  # stops every thread, also the heartbeat's
        return n

    result = search(train, 6, worker_timeout=SILENT_SECONDS)
    assert (result["num_trials"], result["failed"]) == (6, 0)
    assert sorted(trial["attempts"] for trial in result.trials) == [1, 1, 1, 1, 1, 2]


def test_all_workers_may_hang(tmp_path):
    def train(n):
        import os
        import signal
        import tempfile

        try:
            tempfile.mkdtemp(prefix="first-", dir=tmp_path)
        finally:
            if len(list(tmp_path.glob("first-*"))) <= 2:
                os.kill(os.getpid(), signal.SIGSTOP)
        return n

    result = search(train, 4, worker_timeout=SILENT_SECONDS)
    assert (result["num_trials"], result["failed"]) == (4, 0)


@pytest.mark.parametrize("block", ["handler", "numpy", "swallow"])
def test_what_cannot_be_interrupted_ends_its_process_and_is_not_run_again(block):
    def train(n):
        import signal
        import time

        if n == 2:
            return n
        if block == "handler":
            for number in (signal.SIGUSR1, signal.SIGUSR2):
                signal.signal(number, signal.SIG_IGN)
            time.sleep(600)
        elif block == "numpy":
            import numpy as np

            matrix = np.random.default_rng(0).random((9000, 9000))
            np.linalg.svd(matrix)
        while True:
            try:
                time.sleep(600)
            except:  # noqa: E722
                continue

    began = time.monotonic()
    result = search(train, 3, max_trial_seconds=1, num_workers=1)
    assert result["num_trials"] + result["failed"] == 3
    reasons = errors_of(result)
    assert reasons
    assert all("exceeded max_trial_seconds=1" in reason for reason in reasons)
    assert all(trial["attempts"] == 1 for trial in result.trials)
    assert time.monotonic() - began < 300  # without the limit it would take more than ten minutes


def test_a_keras_fit_is_interrupted_and_the_worker_stays(tmp_path):
    import numpy as np

    # Workers import it with the function, before a trial's time counts.
    import tensorflow as tf

    fits, process_of_fit = tmp_path / "fits", tmp_path / "process"

    def train(n):
        import os

        class Fits(tf.keras.callbacks.Callback):
            def on_epoch_end(self, epoch, logs=None):
                fits.touch()

        if not process_of_fit.exists():
            process_of_fit.write_text(str(os.getpid()))
            model = tf.keras.Sequential([tf.keras.layers.Dense(1)])
            model.compile(loss="mse")
            data = np.zeros((1000, 4)), np.zeros(1000)
            model.fit(*data, epochs=10_000_000, verbose=0, callbacks=[Fits()])
        return {"metric": n, "process": os.getpid()}

    result = search(train, 3, max_trial_seconds=20, num_workers=1)
    assert ["exceeded max_trial_seconds=20" in error for error in errors_of(result)] == [True]
    assert fits.exists(), "it was interrupted before it fitted"
    processes = {trial["outputs"]["process"] for trial in result.trials if trial["outputs"]}
    assert processes == {int(process_of_fit.read_text())}


@pytest.mark.parametrize("crash", ["segfault", "exit", "descriptors", "memory"])
def test_a_training_function_that_breaks_its_worker_costs_only_its_own_trial(crash):
    def train(n):
        import ctypes
        import os

        if n == 2:
            return n
        if crash == "segfault":
            ctypes.string_at(0)
        elif crash == "exit":
            os._exit(7)
        elif crash == "descriptors":
            os.closerange(3, 1000)
            print("now the worker cannot say anything")
        else:
            import resource

            resource.setrlimit(resource.RLIMIT_AS, (2**28, 2**28))
            bytearray(2**33)
        return n

    result = search(train, 4, trial_attempts=2, worker_timeout=SILENT_SECONDS)
    assert result["num_trials"] + result["failed"] == 4
    assert all(trial["params"] == {"n": 1} for trial in result.trials if trial["status"] == "ERROR")
    good = [trial for trial in result.trials if trial["params"] == {"n": 2}]
    assert good
    assert all(trial["metric"] == 2 for trial in good)


def test_threads_that_a_trial_leaves_behind_do_not_disturb_the_next():
    def train(n, reporter):
        import threading
        import time

        def noise():
            for _ in range(100):
                try:
                    reporter.broadcast(-1000)
                    reporter.log("noise")
                except Exception:
                    return
                time.sleep(0.005)

        reporter.broadcast(n)
        threading.Thread(target=noise, daemon=True).start()
        return n

    result = search(train, 20, num_workers=1)
    assert (result["num_trials"], result["failed"]) == (20, 0)
    assert set(result["metric_list"]) == {1, 2}


def test_when_the_record_directory_vanishes_the_user_is_told_and_the_result_is_returned(
    experiments, tmp_path, capsys
):
    first, vanished = tmp_path / "first", tmp_path / "vanished"

    def train(n):
        import time

        try:
            first.touch(exist_ok=False)
        except FileExistsError:  # the other trials wait until the records are gone
            for _ in range(30_000):
                if vanished.exists():
                    break
                time.sleep(0.01)
        return n

    def sabotage():
        wait_until(lambda: list(experiments.glob("*_1/*/trial.json")), "the end of a trial")
        directory = next(experiments.glob("*_1"))
        directory.rename(directory.with_name("moved-away"))
        directory.write_text("now a file is in the way")
        vanished.touch()

    with running(sabotage) as saboteur:
        result = search(train, 12)
        saboteur.result()
    assert (result["num_trials"], result["failed"]) == (12, 0)
    out = capsys.readouterr().out
    assert "could not be written" in out
    assert "BEST combination" in out


def test_no_secret_is_in_a_record_a_log_a_repr_or_sparks_settings(
    spark, experiments, monkeypatch, caplog, capsys
):
    import logging

    import zmq

    keys = []
    make = zmq.curve_keypair

    def remember():
        keys.extend(make())
        return keys[-2], keys[-1]

    monkeypatch.setattr(zmq, "curve_keypair", remember)
    caplog.set_level(logging.DEBUG)
    search(lambda n: n, 2)
    assert len(keys) == 4
    records = [path.read_bytes() for path in experiments.rglob("*") if path.is_file()]
    settings = str(spark.sparkContext.getConf().getAll()).encode()
    output = "".join(capsys.readouterr()).encode()
    for secret in (keys[1], keys[3]):
        assert not [
            data for data in [*records, settings, output, caplog.text.encode()] if secret in data
        ]


NOTEBOOK_CELL = """
import os, sys
os.environ["PYSPARK_PYTHON"] = sys.executable
# Without the web page: Spark searches 16 ports for it, and many sessions would use them up.
os.environ["PYSPARK_SUBMIT_ARGS"] = "--conf spark.ui.enabled=false pyspark-shell"
from maggy import Searchspace, experiment
from maggy.experiment_config import OptimizationConfig

def train(n):
    import time
    print("training")
    time.sleep(600)

space = Searchspace(n=("INTEGER", [1, 2]))
experiment.lagom(train, OptimizationConfig(4, "randomsearch", space, hb_interval=0.1))
"""


def _shown(message):
    """Return what a message of a kernel shows: text, or the HTML of the panel."""
    shows = message["msg_type"] in ("stream", "display_data", "update_display_data")
    return str(message["content"]) if shows else ""


def test_a_notebooks_interrupt_ends_the_experiment_and_the_kernel_goes_on(experiments, tmp_path):
    from jupyter_client import KernelManager

    manager = KernelManager()
    manager.kernel_cmd = [sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"]
    manager.start_kernel(cwd=str(tmp_path))
    client = manager.client()
    client.start_channels()
    try:
        client.wait_for_ready(timeout=HANG)
        # After an error a kernel refuses, for a moment, what comes next. A user is never so fast.
        cell = client.execute(NOTEBOOK_CELL, stop_on_error=False)
        while "training" not in _shown(client.get_iopub_msg(timeout=PROCESS_SECONDS)):
            pass
        began = time.monotonic()
        manager.interrupt_kernel()
        reply = client.get_shell_msg(timeout=PROCESS_SECONDS)
        # The client may have asked a busy kernel several times whether it is ready.
        while reply["parent_header"]["msg_id"] != cell:
            reply = client.get_shell_msg(timeout=PROCESS_SECONDS)
        assert reply["content"]["ename"] == "KeyboardInterrupt"
        assert time.monotonic() - began < 60  # the trials would take ten minutes
        reply = client.execute("experiment.lagom(lambda: 1)", reply=True, timeout=PROCESS_SECONDS)
        assert reply["content"]["status"] == "ok"
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)
    record = next(experiments.glob("*_1/maggy.json"))
    assert json.loads(record.read_text())["state"] == "KILLED"


DRIVER = """
import glob, os, sys
os.environ["PYSPARK_PYTHON"] = sys.executable
# Without the web page: Spark searches 16 ports for it, and many sessions would use them up.
os.environ["PYSPARK_SUBMIT_ARGS"] = "--conf spark.ui.enabled=false pyspark-shell"
from maggy import Searchspace, experiment
from maggy.experiment_config import OptimizationConfig

def train(x):
    import os, time
    print("process", os.getpid(), flush=True)
    open(os.path.join(folder, f"begun-{x}"), "w").close()
    is_held = len(glob.glob(os.path.join(folder, "begun-*"))) > 4
    while is_held and not os.path.exists(os.path.join(folder, "go on")):
        time.sleep(0.05)
    return x

folder = os.getcwd()
space = Searchspace(x=("DOUBLE", [0, 1]))
resume = sys.argv[1] if len(sys.argv) > 1 else None
config = OptimizationConfig(12, "randomsearch", space, seed=5, hb_interval=0.1, resume=resume)
print(sorted(trial["trial_id"] for trial in experiment.lagom(train, config).trials))
"""


def test_a_killed_driver_leaves_no_worker_and_its_experiment_goes_on_as_if_nothing_had_happened(
    experiments, tmp_path
):
    errors = tmp_path / "errors.txt"

    @contextmanager
    def start(*arguments):
        command = [sys.executable, "-c", DRIVER, *arguments]
        with (
            open(errors, "a") as log,
            process(command, cwd=tmp_path, stdout=subprocess.PIPE, stderr=log, text=True) as driver,
        ):
            yield driver

    def records():
        return list(experiments.glob("*_1/*/trial.json"))

    pids = set()
    with start() as first:
        for line in first.stdout:
            if ": process " in line:
                pids.add(int(line.rsplit(" ", 1)[1]))
            if len(pids) == 2:
                break
        assert len(pids) == 2, errors.read_text()[-3000:]
        wait_until(lambda: len(records()) >= 4, "the end of four trials")  # the others wait
        first.kill()
        first.wait()
        for pid in pids:
            wait_until(lambda pid=pid: not os.path.exists(f"/proc/{pid}"), "the end of a worker")
    (tmp_path / "go on").touch()
    directory = next(experiments.glob("*_1"))
    trial_ids = {path.parent.name for path in directory.glob("*/trial.json")}
    assert 4 <= len(trial_ids) < 12
    before = {
        trial_id: (directory / trial_id / "trial.json").read_bytes() for trial_id in trial_ids
    }
    lines = []
    for arguments in ([str(directory)], []):
        with start(*arguments) as driver:
            out, _ = driver.communicate(timeout=PROCESS_SECONDS)
            assert driver.returncode == 0, errors.read_text()[-3000:]
            lines.append(out.splitlines()[-1])
    assert lines[0] == lines[1], "a resumed search proposed something else"
    assert all(
        (directory / name / "trial.json").read_bytes() == data for name, data in before.items()
    )
