"""``maggy watch``: lines and JSON while an experiment runs, and its exit codes."""

import json
import shutil
import subprocess
import sys
import time

import pytest
from helpers.recorded import BEGAN, record_search, tree
from helpers.results import ended_trial
from helpers.waiting import process, read_until

from maggy.cli.command_line import main


@pytest.fixture
def run(capsys, tmp_path):
    """Run the command, and return its exit code, its answer and its remarks."""

    def run(*arguments):
        code = main(["watch", "app_1", "--log-dir", str(tmp_path), *arguments])
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    return run


@pytest.mark.parametrize(("state", "code"), [("FAILED", 1), ("FINISHED", 0), ("KILLED", 0)])
def test_only_an_experiment_that_failed_is_1(tmp_path, run, state, code):
    record_search(tmp_path, state=state)
    before = tree(tmp_path)
    for option in ([], ["--json"]):
        found, out, err = run(*option)
        assert (found, err) == (code, "")
        assert state in out
    assert tree(tmp_path) == before


@pytest.mark.parametrize("interval", ["0", "-1", "nan"])
def test_a_wrong_interval_is_2(tmp_path, run, interval):
    record_search(tmp_path)
    code, out, err = run("--interval", interval)
    assert (code, out) == (2, "")
    assert err.startswith("maggy: interval must be a number of seconds from 0.05 to 86400, but got")


def test_an_experiment_that_is_not_there_is_3(run):
    code, out, err = run()
    assert (code, out) == (3, "")
    assert "there is no 'app_1'" in err


def goes_on(monkeypatch, *events):
    """Have these functions called one after the other, in place of the waits."""
    from maggy import watching

    rest = iter(events)
    monkeypatch.setattr(watching, "_wait", lambda seconds: next(rest)())


def test_json_is_one_object_a_line_whenever_something_has_changed(tmp_path, run, monkeypatch):
    running = [{"lr": 0.9, "pool": 9}]
    recorded = record_search(tmp_path, state=None, num_trials=9, running=running)
    trial = ended_trial({"lr": 0.5, "pool": 7}, 0.9, start=BEGAN + 50, error="\x1b[2J\u202e\x7f")
    trial.number = 7
    goes_on(
        monkeypatch,
        lambda: None,
        lambda: recorded.store.end_trial(trial),
        lambda: None,
        recorded.store.release,
    )
    code, out, _ = run("--json")
    lines = [json.loads(line) for line in out.splitlines()]
    assert code == 0
    assert out.replace("\n", "").isprintable()
    assert [(line["state"], line["num_ended"], len(line["ended_trials"])) for line in lines] == [
        ("RUNNING", 3, 0), ("RUNNING", 4, 1), ("KILLED", 4, 0),
    ]  # fmt: skip
    assert lines[0]["total"] == 9
    assert lines[0]["running"][0]["params"] == running[0]
    assert lines[1]["ended_trials"][0]["metric"] == 0.9
    assert lines[1]["best"][0]["number"] == 7
    assert "output" not in lines[0]


def test_an_interrupt_is_130_and_leaves_the_last_line(tmp_path, run, monkeypatch):
    record_search(tmp_path, state=None)

    def interrupt():
        raise KeyboardInterrupt

    goes_on(monkeypatch, interrupt)
    code, out, err = run()
    assert (code, err) == (130, "")
    assert out.splitlines()[-1].startswith("RUNNING: 3 trials")


def test_a_directory_that_is_removed_is_3(tmp_path, run, monkeypatch):
    recorded = record_search(tmp_path, state=None)
    goes_on(monkeypatch, lambda: shutil.rmtree(recorded.path))
    code, _, err = run("--json")
    assert code == 3
    assert err == f"maggy: {recorded.path} was removed while it was watched.\n"


@pytest.mark.slow  # another process
def test_another_process_is_told_at_once_and_is_ended_by_ctrl_c(tmp_path):
    import signal

    recorded = record_search(tmp_path, state=None)
    command = [sys.executable, "-m", "maggy", "watch", recorded.path, "--interval", "0.1"]
    with process(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as watcher:
        read_until(watcher.stdout, "RUNNING: 3 trials")
        trial = ended_trial({"lr": 0.5, "pool": 7}, 0.9, start=time.time())
        trial.number = 7
        recorded.store.end_trial(trial)
        read_until(watcher.stdout, "trial 7: accuracy=0.9 | lr=0.5, pool=7")
        read_until(watcher.stdout, "RUNNING: 4 trials")
        watcher.send_signal(signal.SIGINT)
        out, err = watcher.communicate(timeout=60)
    assert (watcher.returncode, out, err) == (130, "", "")
