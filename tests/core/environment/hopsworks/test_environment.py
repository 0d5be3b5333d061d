"""Hopsworks' environment: the real hops package over a stand-in for pydoop and a local server of the endpoints."""

import ast
import dataclasses
import logging
import pickle
import subprocess
import sys
import threading
import time
from pathlib import Path

import hopsworks_platform
import pytest
from waiting import HANG, wait_until

import maggy
from maggy.common.exceptions import BadArgumentsError, MissingDependencyError
from maggy.core import environment as environments
from maggy.core.environment import (
    ExperimentCard,
    ExperimentEnd,
    HopsworksEnvironment,
    LocalEnvironment,
    find_environment,
)
from maggy.core.environment.hopsworks import environment as hopsworks
from maggy.core.environment.hopsworks import experiments_service
from maggy.core.environment.hopsworks.package import import_hops
from maggy.records.directory import ExperimentStore
from maggy.trial import Trial

pytestmark = pytest.mark.loopback

PROJECT = "hdfs://namenode:8020/Projects/demo"
CARD = ExperimentCard("app_1", "app", "mine", "what it is", "randomsearch", "max", "metric", 0.0)
END = ExperimentEnd("FINISHED", 1.5, "abc", 0.5)


def create(environment, app_id, log_dir=None):
    """Make the directory of a new experiment, as a launch does."""
    root = environment.root(log_dir)
    return ExperimentStore.create(
        environment.files, root, app_id, lambda: environment.experiments(root)
    )


@pytest.fixture
def platform(tmp_path, monkeypatch):
    platform, server = hopsworks_platform.set_up(tmp_path, monkeypatch)
    yield platform
    if platform.gate is not None:
        platform.gate.set()
    server.shutdown()
    server.server_close()
    hopsworks_platform.forget_hops()


@pytest.fixture
def environment(platform):
    return HopsworksEnvironment()


# Which environment it is.


def test_hopsworks_is_found_by_its_variables(platform, monkeypatch):
    assert isinstance(find_environment(), HopsworksEnvironment)
    monkeypatch.delenv("HOPSWORKS_PROJECT_ID")
    assert isinstance(find_environment(), LocalEnvironment)


def test_without_hops_its_variables_alone_do_not_choose_hopsworks(platform, monkeypatch):
    monkeypatch.setattr(environments, "has_hops", lambda: False)
    assert isinstance(find_environment(), LocalEnvironment)


def test_the_argument_goes_before_the_variable_and_the_variable_before_what_is_found(
    platform, monkeypatch
):
    monkeypatch.setenv("MAGGY_ENVIRONMENT", "local")
    assert isinstance(find_environment(), LocalEnvironment)
    assert isinstance(find_environment("hopsworks"), HopsworksEnvironment)
    monkeypatch.setenv("MAGGY_ENVIRONMENT", "Hopsworks")
    assert isinstance(find_environment(), HopsworksEnvironment)
    mine = LocalEnvironment()
    assert find_environment(mine) is mine


def test_an_unknown_environment_names_those_there_are(monkeypatch):
    monkeypatch.setenv("MAGGY_ENVIRONMENT", "hopwork")
    with pytest.raises(
        BadArgumentsError,
        match=r"must be one of local, hopsworks, but got 'hopwork'\. Did you mean",
    ):
        find_environment()


def test_without_pydoop_it_says_so_at_once(platform, monkeypatch):
    monkeypatch.setattr(
        sys, "path", [each for each in sys.path if each != hopsworks_platform.STANDIN]
    )
    hopsworks_platform.forget_hops()
    with pytest.raises(
        MissingDependencyError,
        match=r"pydoop cannot be imported\. Run in an environment of Hopsworks",
    ):
        find_environment()


def test_the_import_of_hops_leaves_logging_as_it_was(platform, monkeypatch):
    root = logging.getLogger()
    monkeypatch.setattr(root, "handlers", [])  # else it would find pytest's and do nothing
    level = root.level
    import_hops("hdfs")
    assert (root.handlers, root.level) == ([], level)


def test_hops_util_can_be_imported_although_notebook_is_missing(platform):
    assert callable(import_hops("util").send_request)
    from hops import util  # as a user does afterwards

    assert util is import_hops("util")


@pytest.mark.slow
def test_off_hopsworks_nothing_of_hops_is_imported(tmp_path):
    code = "import sys, maggy.core.launch as l; l.find_environment(); print([m for m in sys.modules if 'hops.' in m])"
    ran = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, timeout=HANG
    )
    assert ran.stdout.strip() == "[]", ran.stderr


def test_nothing_but_the_environment_knows_hopsworks():
    package = Path(maggy.__file__).parent
    elsewhere = {
        str(path.relative_to(package))
        for path in package.rglob("*.py")
        if "hops" in path.read_text(encoding="utf-8").lower() and "environment" not in path.parts
    }
    assert elsewhere == {"__init__.py"}  # a user's own import of hops.util, and no more


def test_only_extras_bring_packages_of_hopsworks():
    tree = ast.parse((Path(__file__).parents[4] / "setup.py").read_text(encoding="utf-8"))
    keywords = [
        node
        for node in ast.walk(tree)
        if isinstance(node, ast.keyword) and node.arg == "install_requires"
    ]
    (required,) = [ast.literal_eval(keyword.value) for keyword in keywords]
    assert "pyspark" in str(required)
    assert "hops" not in str(required)


# Files.


def test_experiments_lie_in_the_project(environment):
    assert environment.root() == f"{PROJECT}/Experiments"
    assert environment.root("Resources/mine/") == f"{PROJECT}/Resources/mine"
    assert environment.root("/Projects/other/x") == "hdfs://namenode:8020/Projects/other/x"
    assert environment.root("s3://bucket/x") == "s3://bucket/x"
    assert environment.root("file:///tmp/x") == "/tmp/x"


def test_the_file_verbs_do_what_they_promise(environment):
    root = environment.root("x")
    path = environment.files.join(root, "file")
    assert environment.files.list(root) == []
    environment.files.make_directory(root)
    environment.files.make_directory(root, exist_ok=True)
    with pytest.raises(FileExistsError):
        environment.files.make_directory(root)
    for atomic in (True, False):
        environment.files.write_bytes(path, b"a longer text", atomic)
        environment.files.write_bytes(path, b"short", atomic)
        assert environment.files.read_bytes(path) == b"short"
    environment.files.append_bytes(path, b" and more")
    environment.files.append_bytes(environment.files.join(root, "log"), b"new")
    assert environment.files.read_bytes(path) == b"short and more"
    assert environment.files.list(root) == ["file", "log"]
    environment.files.rename(path, environment.files.join(root, "other"))
    environment.files.remove(environment.files.join(root, "other"))
    environment.files.remove(environment.files.join(root, "other"))
    assert environment.files.list(root) == ["log"]
    with pytest.raises(FileNotFoundError):
        environment.files.read_bytes(path)


def test_a_crash_in_the_middle_of_an_atomic_write_leaves_the_old_content(environment, monkeypatch):
    hdfs = import_hops("hdfs")
    path = environment.files.join(environment.root(), "file")
    environment.files.write_bytes(path, b"old")
    real, left = hdfs.rename, [1]

    def crash(source, target):
        if not left:
            raise KeyboardInterrupt
        left.pop()
        real(source, target)

    monkeypatch.setattr(hdfs, "rename", crash)
    with pytest.raises(KeyboardInterrupt):
        environment.files.write_bytes(path, b"new")
    assert environment.files.exists(path)
    assert environment.files.read_bytes(path) == b"old"
    monkeypatch.setattr(hdfs, "rename", real)
    environment.files.write_bytes(path, b"new")
    assert environment.files.read_bytes(path) == b"new"
    assert environment.files.list(environment.root()) == ["file"]


def test_an_experiment_is_recorded_and_read_back_in_hopsfs(environment, platform):
    store = create(environment, "application_1")
    assert store.directory == f"{PROJECT}/Experiments/application_1_1"
    trial = Trial({"x": 1})
    store.begin_trial(trial)
    trial.status, trial.final_metric = Trial.FINALIZED, 0.5
    store.end_trial(trial)
    store.write_experiment({"state": "FINISHED"})
    folder = platform.files / "Projects/demo/Experiments/application_1_1"
    assert {"maggy.json", "maggy.log", trial.trial_id} <= {path.name for path in folder.iterdir()}
    assert {".hparams.json", ".outputs.json", ".metric", "trial.json"} <= {
        path.name for path in (folder / trial.trial_id).iterdir()
    }
    opened = ExperimentStore.open(environment.files, environment.root(), "application_1_1")
    assert [each.trial_id for each in opened.read_trials()[0]] == [trial.trial_id]
    assert create(environment, "application_1").run_id == 2


def test_a_run_number_is_never_used_twice_wherever_the_records_are(environment, platform):
    """The service knows experiments by their names only."""
    create(environment, "application_1")
    for number, elsewhere in ((2, "Resources/mine"), (3, platform.files.parent.as_uri())):
        store = create(environment, "application_1", elsewhere)
        assert store.run_id == number
        card = ExperimentCard(
            store.experiment_id, "application_1", "mine", "", "f", "max", "metric", 0.0
        )
        environment.register(card, lambda text: None).close(END)


def test_an_experiment_with_its_records_elsewhere_does_not_need_hopsfs(
    environment, platform, monkeypatch, tmp_path
):
    def ill(path):
        raise OSError("the name node is in safe mode")

    monkeypatch.setattr(import_hops("hdfs"), "exists", ill)
    said = []
    store = create(environment, "app", (tmp_path / "x").as_uri())
    assert store.run_id == 1
    environment.register(CARD, said.append).close(END)
    assert len(said) == 1
    assert "safe mode" in said[0]


def test_what_was_removed_in_the_middle_of_a_replacement_does_not_come_back(
    environment, monkeypatch
):
    hdfs = import_hops("hdfs")
    path = environment.files.join(environment.root(), "file")
    for name, data in ((path, b"new"), (path + ".previous", b"old")):  # left by a driver that died
        environment.files.write_bytes(name, data, atomic=False)
    assert environment.files.read_bytes(path) == b"new"
    real, left = hdfs.delete, [1]

    def crash(name):
        if not left:
            raise KeyboardInterrupt
        left.pop()
        real(name)

    monkeypatch.setattr(hdfs, "delete", crash)
    with pytest.raises(KeyboardInterrupt):
        environment.files.remove(path)
    assert environment.files.read_bytes(path) == b"new"


def test_a_file_that_must_be_new_is_created_once(environment):
    environment.files.make_directory(f"{PROJECT}/x", exist_ok=True)
    path = f"{PROJECT}/x/owner-1.json"
    environment.files.create_bytes(path, b"first")
    with pytest.raises(FileExistsError):
        environment.files.create_bytes(path, b"second")
    assert environment.files.read_bytes(path) == b"first"
    assert environment.files.list(f"{PROJECT}/x") == ["owner-1.json"]


def test_the_next_owner_of_a_directory_removes_the_temporary_files_of_the_last(
    environment, platform
):
    store = create(environment, "app")
    store.write_experiment({})
    trial = Trial({"x": 1})
    trial.status, trial.final_metric = Trial.FINALIZED, 0.5
    store.end_trial(trial)
    store.release()
    for name in ("maggy.json", f"{trial.trial_id}/trial.json"):
        environment.files.write_bytes(f"{store.directory}/{name}.writing", b"cut", atomic=False)
    resumed = ExperimentStore.open(environment.files, environment.root(), "app_1")
    resumed.claim()
    names = environment.files.list(store.directory) + environment.files.list(
        store.trial_directory(trial.trial_id)
    )
    assert [name for name in names if name.endswith(".writing")] == []
    assert [name for name in names if name.startswith("owner-")] == ["owner-1.json", "owner-2.json"]
    assert [each.trial_id for each in resumed.read_trials()[0]] == [trial.trial_id]


def test_it_travels_to_a_worker(environment):
    environment.files.write_bytes(environment.files.join(environment.root(), "file"), b"x")
    copy = pickle.loads(pickle.dumps(environment))
    assert copy.files.read_bytes(copy.files.join(copy.root(), "file")) == b"x"


# The Experiments service.


def registered(platform, said=None):
    return HopsworksEnvironment().register(CARD, (said if said is not None else []).append)


def test_an_experiment_is_registered_and_updated_with_the_servers_record(platform):
    said = []
    registered(platform, said).close(END)
    first, last = platform.asked("PUT", "/experiments/")
    assert first.path == "/hopsworks-api/api/project/119/experiments/app_1?type=INIT"
    assert first.body == {
        "id": "app_1",
        "name": "mine",
        "projectName": "demo",
        "description": "what it is",
        "state": "RUNNING",
        "function": "randomsearch",
        "experimentType": "MAGGY",
        "appId": "app",
        "direction": "max",
        "optimizationKey": "metric",
        "jobName": "my_job",
        "kernelId": "kernel-1",
    }
    assert last.path.endswith("/experiments/app_1?type=FULL_UPDATE")
    assert last.body == {
        **first.body,
        "userFullName": "Alice",
        "environment": "python",
        "program": "Experiments/x.ipynb",
        "bestDir": "Experiments/app_1/abc",
        "metric": 0.5,
        "state": "FINISHED",
        "duration": 1500,
    }
    assert all(platform.directories.values())
    assert said == []


def test_the_experiments_directory_is_there_first_wherever_its_records_are(platform):
    said = []
    HopsworksEnvironment().register(CARD, said.append).close(END)
    assert list(platform.directories.values()) == [True, True]
    assert (platform.experiments["app_1"]["state"], said) == ("FINISHED", [])


@pytest.mark.parametrize(("name", "shown"), [("no-name", "my_job"), ("mine", "mine")])
def test_an_experiment_without_a_name_of_its_own_is_shown_with_its_jobs(platform, name, shown):
    HopsworksEnvironment().register(dataclasses.replace(CARD, name=name), print).close(END)
    assert [each.body["name"] for each in platform.asked("PUT", "/experiments/")] == [shown, shown]


@pytest.mark.parametrize("state", ["FINISHED", "FAILED", "KILLED"])
def test_the_state_is_as_it_was_and_a_metric_that_is_no_number_is_null(platform, state):
    registered(platform).close(ExperimentEnd(state, 1.0, None, float("nan")))
    last = platform.asked("PUT", "FULL_UPDATE")[0].body
    assert (last["state"], last["metric"]) == (state, None)
    assert "bestDir" not in last


def test_the_call_of_hops_before_2_0_is_known_by_its_parameters(platform, monkeypatch):
    calls = []

    def old(app_id, run_id, json_data, xattr):
        calls.append((app_id, run_id, json_data["state"], xattr))
        return {**json_data, "userFullName": "Alice"}

    monkeypatch.setattr(
        import_hops("experiment_impl.util.experiment_utils"), "_attach_experiment_xattr", old
    )
    registered(platform).close(END)
    assert calls == [("app", "1", "RUNNING", "CREATE"), ("app", "1", "FINISHED", "REPLACE")]


def test_home_stays_what_it_was(platform, monkeypatch):
    import os

    home = os.environ.get("HOME")
    registered(platform).close(END)
    assert os.environ.get("HOME") == home
    assert "ML_ID" not in os.environ


def seconds_of_experiment(platform, said):
    """How long an experiment without trials takes; with limits of ten minutes, waiting is told from a slow machine."""
    began = time.monotonic()
    registered(platform, said).close(END)
    return time.monotonic() - began


def hang_up(request):
    raise ConnectionAbortedError


@pytest.mark.parametrize(
    "ill", ["down", "500", "broken", "cut", "a list", "another record", "no token"]
)
def test_an_ill_service_costs_one_line(platform, monkeypatch, ill):
    if ill == "down":
        monkeypatch.setenv("REST_ENDPOINT", "http://127.0.0.1:9")
    if ill == "no token":
        monkeypatch.delenv("SECRETS_DIR")
    platform.status = 500 if ill == "500" else 200
    platform.broken = ill == "broken"
    answers = {
        "cut": hang_up,
        "a list": lambda _: (200, [1]),
        "another record": lambda _: (200, {"id": "other"}),
    }
    monkeypatch.setattr(platform, "answer", answers.get(ill, platform.answer))
    monkeypatch.setattr(hopsworks, "START_SECONDS", 600.0)
    monkeypatch.setattr(hopsworks, "END_SECONDS", 600.0)
    said = []
    assert seconds_of_experiment(platform, said) < 60
    assert len(said) == 1
    assert said[0].startswith("Hopsworks does not show this experiment as it should (")
    assert said[0].endswith("; the experiment itself goes on.")


def test_a_slow_service_is_not_waited_for_and_gets_everything_in_the_end(platform, monkeypatch):
    monkeypatch.setattr(hopsworks, "START_SECONDS", 0.05)
    monkeypatch.setattr(hopsworks, "END_SECONDS", 0.05)
    platform.gate = threading.Event()
    said = []
    assert seconds_of_experiment(platform, said) < 60
    assert len(said) == 1
    assert "slow" in said[0]
    platform.gate.set()
    for thread in threading.enumerate():
        if thread.name == "maggy-hopsworks":
            assert (
                thread.daemon
            )  # a service that never answers does not keep the process from ending
            thread.join(HANG)
    assert platform.experiments["app_1"]["state"] == "FINISHED"


def test_a_service_that_was_slow_before_is_hardly_waited_for_at_the_end(platform, monkeypatch):
    monkeypatch.setattr(hopsworks, "START_SECONDS", 0.05)
    monkeypatch.setattr(hopsworks, "END_SECONDS", 600.0)
    monkeypatch.setattr(experiments_service, "HURRY_SECONDS", 0.05)
    platform.gate = threading.Event()
    assert seconds_of_experiment(platform, []) < 60
    platform.gate.set()


def test_a_service_that_was_slow_once_is_said_so_and_waited_for_when_it_is_quick_again(
    platform, monkeypatch
):
    monkeypatch.setattr(hopsworks, "START_SECONDS", 0.05)
    monkeypatch.setattr(experiments_service, "SLOW_SECONDS", 0.2)
    monkeypatch.setattr(experiments_service, "HURRY_SECONDS", 0.0)
    monkeypatch.setattr(hopsworks, "END_SECONDS", HANG)
    platform.gate, said = threading.Event(), []
    registration = registered(platform, said)
    registration.listen("127.0.0.1", "localhost")
    wait_until(lambda: platform.requests, "the first request")
    threading.Event().wait(0.3)  # longer than what counts as slow
    platform.gate.set()
    wait_until(lambda: platform.drivers and not registration._service._slow, "a quick answer")
    registration.close(END)
    assert platform.experiments["app_1"]["state"] == "FINISHED"
    assert len(said) == 1
    assert "seconds to answer" in said[0]


def test_a_service_that_recovers_shows_the_end(platform):
    platform.status, said = 500, []
    registration = registered(platform, said)
    platform.status = 200
    registration.close(END)
    assert platform.experiments["app_1"]["state"] == "FINISHED"
    assert [each.path.rpartition("=")[2] for each in platform.asked("PUT", "/experiments/")] == [
        "INIT",
        "INIT",
        "FULL_UPDATE",
    ]
    assert len(said) == 1


@pytest.mark.parametrize("variable", ["API_KEY", "SECRETS_DIR"])
def test_a_token_that_cannot_be_sent_is_not_shown(platform, monkeypatch, variable):
    if variable == "API_KEY":
        monkeypatch.setenv("API_KEY", "mysecret\n")
    (platform.secrets / "token.jwt").write_text("mysecret\n")
    said = []
    registered(platform, said).close(END)
    assert len(said) == 1
    assert "InvalidHeader" in said[0]
    assert "mysecret" not in said[0]


def test_the_secret_of_the_driver_is_not_shown_when_the_service_sends_it_back(
    platform, monkeypatch
):
    answer, said = platform.answer, []
    monkeypatch.setattr(
        platform,
        "answer",
        lambda request: (500, request.body) if request.method == "POST" else answer(request),
    )
    registration = registered(platform, said)
    registration.listen("127.0.0.1", "localhost")
    registration.close(END)
    assert platform.asked("POST", "drivers")[0].body["secret"] not in said[0]
    assert "500" in said[0]


def test_an_expired_token_is_read_again_and_tried_once_more(platform):
    platform.token, platform.renew = "renewed", True
    said = []
    registered(platform, said).close(END)
    assert platform.experiments["app_1"]["state"] == "FINISHED"
    assert said == []


@pytest.mark.parametrize("refused", ["/maggy/drivers", "FULL_UPDATE"])
def test_a_token_that_expires_during_the_experiment_is_read_again(platform, monkeypatch, refused):
    answer = platform.answer

    def expire(request):
        if refused in request.path and platform.token == hopsworks_platform.TOKEN:
            platform.token, platform.renew = "renewed", True
        return answer(request)

    monkeypatch.setattr(platform, "answer", expire)
    said = []
    registration = registered(platform, said)
    registration.listen("127.0.0.1", "localhost")
    registration.close(END)
    assert said == []
    assert platform.token == "renewed"
    assert "app" in platform.drivers
    assert platform.experiments["app_1"]["state"] == "FINISHED"


def test_a_token_that_stays_refused_is_tried_once_more_and_costs_one_line(platform):
    platform.token, said = "another", []
    registration = registered(platform, said)
    assert len(platform.requests) == 4  # hops itself sends each of the two calls twice
    registration.close(END)
    assert len(said) == 1
    assert "401" in said[0]
    assert platform.experiments == {}


def test_tls_with_a_private_authority(platform, tmp_path, monkeypatch):
    context, authority = hopsworks_platform.private_authority(tmp_path)
    server = platform.serve(context)
    monkeypatch.setenv("REST_ENDPOINT", platform.endpoint)
    monkeypatch.setenv("REQUESTS_VERIFY", "true")
    monkeypatch.setenv("DOMAIN_CA_TRUSTSTORE_PEM", str(authority))
    platform.token, platform.renew = "renewed", True  # also when the first token is refused
    said = []
    try:
        registered(platform, said).close(END)
    finally:
        server.shutdown()
        server.server_close()
    assert said == []
    assert platform.experiments["app_1"]["state"] == "FINISHED"


def test_a_certificate_of_a_stranger_is_refused(platform, tmp_path, monkeypatch):
    context, _ = hopsworks_platform.private_authority(tmp_path)
    server = platform.serve(context)
    monkeypatch.setenv("REST_ENDPOINT", platform.endpoint)
    monkeypatch.setenv("REQUESTS_VERIFY", "true")
    said = []
    try:
        registered(platform, said).close(END)
    finally:
        server.shutdown()
        server.server_close()
    assert len(said) == 1
    assert "SSLError" in said[0]
    assert platform.requests == []


# The driver.


def test_the_driver_is_registered_and_answers(platform):
    registration = registered(platform)
    registration.listen("127.0.0.1", "localhost")
    registration.board.update(num_trials=4, to_date=1, stopped=0, metric=0.25)
    registration.close(END)
    assert registration._polls.join(HANG)  # nobody has asked
    driver = platform.asked("POST", "/maggy/drivers")[0]
    assert driver.path == "/hopsworks-api/api/maggy/drivers"
    assert sorted(driver.body) == ["appId", "hostIp", "port", "secret"]
    assert (driver.body["appId"], driver.body["hostIp"]) == ("app", "127.0.0.1")
    assert 1 <= len(driver.body["secret"]) <= 128
    again = registered(platform)
    again.listen("127.0.0.1", "localhost")
    again.close(END)
    secrets = {each.body["secret"] for each in platform.asked("POST", "/maggy/drivers")}
    assert len(secrets) == 2  # another one for each experiment


def test_a_driver_that_cannot_be_registered_costs_no_more_than_the_line(platform, monkeypatch):
    answer = platform.answer
    monkeypatch.setattr(
        platform,
        "answer",
        lambda request: (500, {}) if request.method == "POST" else answer(request),
    )
    said = []
    registration = registered(platform, said)
    registration.listen("127.0.0.1", "localhost")
    registration.close(END)
    assert len(said) == 1
    assert "/hopsworks-api/api/maggy/drivers answered 500" in said[0]
    assert platform.experiments["app_1"]["state"] == "FINISHED"
