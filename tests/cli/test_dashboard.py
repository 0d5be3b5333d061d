"""``maggy dashboard``: what it refuses, what it says, and how the copy follows the records."""

import sys
import threading
import urllib.error
import urllib.request

import pytest
from helpers.recorded import record_ablation, record_search, record_single, tree
from helpers.results import ended_trial
from helpers.waiting import Background

from maggy.cli import dashboard
from maggy.cli.command_line import main
from maggy.cli.dashboard import ExperimentFeed, _follow, _remarks
from maggy.cli.screen import Screen
from maggy.cli.web_server import WebServer
from maggy.common.exceptions import BadArgumentsError
from maggy.common.extras import install_command
from maggy.common.files import AnyFiles
from maggy.loading import read
from maggy.result.opening import result_of
from maggy.trial import Trial


@pytest.fixture
def run(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("MAGGY_LOG_DIR", str(tmp_path))

    def run(*arguments):
        code = main(["dashboard", *arguments])
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    return run


@pytest.mark.parametrize("package", ["optuna", "optuna_dashboard"])
def test_without_the_packages_the_remedy_is_named(tmp_path, run, monkeypatch, package):
    record_search(tmp_path)
    monkeypatch.setattr(
        "maggy.optuna_bridge.tools.find_spec", lambda name: None if name == package else object()
    )
    monkeypatch.setattr("maggy.optuna_bridge.tools.import_optional", lambda *arguments: None)
    code, out, err = run("app_1")
    assert (code, out) == (2, "")
    assert f"needs {package}" in err
    assert install_command("dashboard") in err


@pytest.fixture
def installed(monkeypatch):
    monkeypatch.setattr("maggy.optuna_bridge.tools.require", lambda *arguments: None)


def test_a_function_that_ran_once_is_refused_with_the_rule(tmp_path, run, installed):
    record_single(tmp_path)
    code, out, err = run("app_1")
    assert (code, out) == (2, "")
    assert "The dashboard shows the trials of a search or an ablation, but in" in err


def test_an_experiment_that_is_not_there_is_3(tmp_path, run, installed):
    record_search(tmp_path)
    assert run("app_7")[0] == 3


def test_what_is_shown_is_said(tmp_path):
    record_search(tmp_path, state=None)
    record_ablation(tmp_path, {"None": [0.75], "fare": [0.5]})
    record_search(tmp_path, [], state="FAILED")
    search, ablation, failure = (
        "\n".join(_remarks(result_of(read(tmp_path / f"app_{number}")))) for number in (1, 2, 3)
    )
    assert "changes no record" in search
    assert "is running, and is followed" in search
    assert "with what they leave out as parameters" in ablation
    assert "no trials yet: its state is FAILED" in failure


def open_feed(path):
    records = read(path)
    return ExperimentFeed(AnyFiles(), records, result_of(records))


def states(feed):
    return [trial.state.name for trial in feed.mirror.storage.get_all_trials(0)]


@pytest.mark.slow  # Optuna
def test_a_running_experiment_is_followed_to_its_end_and_nothing_is_changed(tmp_path):
    recorded = record_search(tmp_path, [0.5, None], state=None, running=[{"lr": 0.9, "pool": 9}])
    feed = open_feed(recorded.path)
    assert states(feed) == ["COMPLETE", "FAIL", "RUNNING"]
    before = tree(tmp_path)
    assert feed.look() == "RUNNING"
    assert tree(tmp_path) == before
    recorded.store.end_trial(ended_trial({"lr": 0.9, "pool": 9}, 0.8))
    recorded.store.begin_trial(Trial({"lr": 0.8, "pool": 8}))
    assert feed.look() == "RUNNING"
    assert states(feed) == ["COMPLETE", "FAIL", "COMPLETE", "RUNNING"]
    recorded.store.write_experiment({**recorded.store.read_experiment(), "state": "FINISHED"})
    assert feed.look() == "FINISHED"
    (study,) = feed.mirror.storage.get_all_studies()
    assert study.user_attrs["state"] == "FINISHED"
    assert study.user_attrs["name"] == "demo"


@pytest.mark.slow  # Optuna
def test_an_ablation_is_shown_as_its_trials(tmp_path):
    recorded = record_ablation(tmp_path, {"None": [0.75], "fare": [0.5]}, state=None)
    feed = open_feed(recorded.path)
    params = {"ablated_feature": "age", "ablated_layer": "None"}
    recorded.store.end_trial(ended_trial(params, 0.6, trial_type="ablation"))
    feed.look()
    trials = feed.mirror.storage.get_all_trials(0)
    assert [trial.params["ablated_feature"] for trial in trials] == ["None", "fare", "age"]


class Looks:
    """A feed whose looks end as a test says, one after the other."""

    directory = "/data/app_1"

    def __init__(self, *ends):
        self.ends = list(ends)

    def look(self):
        end = self.ends.pop(0)
        if isinstance(end, Exception):
            raise end
        return end


def followed(monkeypatch, capsys, *ends):
    monkeypatch.setattr(dashboard, "_SECONDS", 0.0)
    feed = Looks(*ends)
    _follow(feed, Screen(sys.stdout, sys.stderr), threading.Event())
    assert feed.ends == []
    return capsys.readouterr().err.splitlines()


def test_a_store_that_refuses_is_tried_again_and_remarked_on_once(monkeypatch, capsys):
    error = ConnectionResetError("the store is gone")
    lines = followed(monkeypatch, capsys, error, error, "RUNNING", "KILLED")
    assert lines == [
        "maggy: The records cannot be read, and are tried again: the store is gone",
        "maggy: The experiment has ended: KILLED. The dashboard stays until Ctrl-C.",
    ]


def test_a_copy_that_was_deleted_is_followed_no_longer(monkeypatch, capsys):
    from maggy.optuna_bridge.mirror import MirrorWasDeleted

    (line,) = followed(monkeypatch, capsys, "RUNNING", MirrorWasDeleted("0"))
    assert "deleted in the dashboard" in line


def hello(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [b"hello"]


@pytest.mark.loopback
@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_a_server_takes_a_free_port_and_answers_only_to_names_of_this_machine(host):
    server = WebServer(hello, host, 0)
    background = Background(server.serve)
    try:
        assert urllib.request.urlopen(server.url).read() == b"hello"
        foreign = urllib.request.Request(server.url, headers={"Host": "attacker.example:80"})
        with pytest.raises(urllib.error.HTTPError, match="403"):
            urllib.request.urlopen(foreign)
        with pytest.raises(BadArgumentsError, match="--port 0 takes a free port"):
            WebServer(hello, host, int(server.url.rpartition(":")[2]))
    finally:
        server._server.shutdown()
        background.join()
    with pytest.raises(urllib.error.URLError):
        urllib.request.urlopen(server.url)


@pytest.mark.parametrize("host", ["no such host", "203.0.113.7", "a" * 300])
def test_an_address_of_another_machine_is_refused(host):
    with pytest.raises(BadArgumentsError, match="listens at an address of this machine"):
        WebServer(hello, host, 0)
