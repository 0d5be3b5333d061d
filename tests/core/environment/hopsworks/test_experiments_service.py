"""An experiment and its driver in Hopsworks' services: the real hops over a local server."""

import dataclasses
import os
import threading
import time

import pytest
from helpers import hopsworks_platform
from helpers.waiting import HANG, wait_until

from maggy.core.environment import (
    ExperimentCard,
    ExperimentEnd,
    HopsworksEnvironment,
)
from maggy.core.environment.hopsworks import environment as hopsworks
from maggy.core.environment.hopsworks import experiments_service
from maggy.core.environment.hopsworks.package import import_hops

pytestmark = pytest.mark.loopback

PROJECT = "hdfs://namenode:8020/Projects/demo"
CARD = ExperimentCard("app_1", "app", "mine", "what it is", "randomsearch", "max", "metric", 0.0)
END = ExperimentEnd("FINISHED", 1.5, "abc", 0.5)


def register(platform, messages=None):
    return HopsworksEnvironment().register(CARD, (messages if messages is not None else []).append)


def test_an_experiment_is_registered_and_updated_with_the_servers_record(platform):
    messages = []
    register(platform, messages).close(END)
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
    assert messages == []


def test_the_experiments_directory_exists_before_its_registration_wherever_the_records_are(
    platform,
):
    messages = []
    HopsworksEnvironment().register(CARD, messages.append).close(END)
    assert list(platform.directories.values()) == [True, True]
    assert (platform.experiments["app_1"]["state"], messages) == ("FINISHED", [])


@pytest.mark.parametrize(("name", "display_name"), [("no-name", "my_job"), ("mine", "mine")])
def test_an_experiment_without_a_name_has_the_name_of_its_job(platform, name, display_name):
    HopsworksEnvironment().register(dataclasses.replace(CARD, name=name), print).close(END)
    names = [request.body["name"] for request in platform.asked("PUT", "/experiments/")]
    assert names == [display_name, display_name]


@pytest.mark.parametrize("state", ["FINISHED", "FAILED", "KILLED"])
def test_the_state_is_kept_and_a_metric_of_nan_becomes_null(platform, state):
    register(platform).close(ExperimentEnd(state, 1.0, None, float("nan")))
    last = platform.asked("PUT", "FULL_UPDATE")[0].body
    assert (last["state"], last["metric"]) == (state, None)
    assert "bestDir" not in last


def test_the_call_of_hops_before_2_0_is_recognized_by_its_parameters(platform, monkeypatch):
    calls = []

    def attach_before_2_0(app_id, run_id, json_data, xattr):
        calls.append((app_id, run_id, json_data["state"], xattr))
        return {**json_data, "userFullName": "Alice"}

    monkeypatch.setattr(
        import_hops("experiment_impl.util.experiment_utils"),
        "_attach_experiment_xattr",
        attach_before_2_0,
    )
    register(platform).close(END)
    assert calls == [("app", "1", "RUNNING", "CREATE"), ("app", "1", "FINISHED", "REPLACE")]


def test_an_experiment_does_not_change_home(platform, monkeypatch):
    home = os.environ.get("HOME")
    register(platform).close(END)
    assert os.environ.get("HOME") == home
    assert "ML_ID" not in os.environ


def seconds_of_experiment(platform, messages):
    """Return how long an experiment without trials takes.

    Limits of ten minutes tell an experiment that waits from a slow machine.
    """
    began = time.monotonic()
    register(platform, messages).close(END)
    return time.monotonic() - began


def hang_up(request):
    raise ConnectionAbortedError


@pytest.mark.parametrize(
    "fault", ["down", "500", "broken", "cut", "a list", "another record", "no token"]
)
def test_a_failing_service_costs_one_line(platform, monkeypatch, fault):
    if fault == "down":
        monkeypatch.setenv("REST_ENDPOINT", "http://127.0.0.1:9")
    if fault == "no token":
        monkeypatch.delenv("SECRETS_DIR")
    platform.status = 500 if fault == "500" else 200
    platform.broken = fault == "broken"
    answers = {
        "cut": hang_up,
        "a list": lambda _: (200, [1]),
        "another record": lambda _: (200, {"id": "other"}),
    }
    monkeypatch.setattr(platform, "answer", answers.get(fault, platform.answer))
    monkeypatch.setattr(hopsworks, "START_SECONDS", 600.0)
    monkeypatch.setattr(hopsworks, "END_SECONDS", 600.0)
    messages = []
    assert seconds_of_experiment(platform, messages) < 60
    assert len(messages) == 1
    assert messages[0].startswith("Hopsworks does not show this experiment as it should (")
    assert messages[0].endswith("; the experiment itself goes on.")


def test_the_experiment_does_not_wait_for_a_slow_service_which_gets_all_requests_in_the_end(
    platform, monkeypatch
):
    monkeypatch.setattr(hopsworks, "START_SECONDS", 0.05)
    monkeypatch.setattr(hopsworks, "END_SECONDS", 0.05)
    platform.gate = threading.Event()
    messages = []
    assert seconds_of_experiment(platform, messages) < 60
    assert len(messages) == 1
    assert "slow" in messages[0]
    platform.gate.set()
    for thread in threading.enumerate():
        if thread.name == "maggy-hopsworks":
            # A service that never answers does not keep the process from ending.
            assert thread.daemon
            thread.join(HANG)
    assert platform.experiments["app_1"]["state"] == "FINISHED"


def test_the_end_waits_only_briefly_for_a_service_that_was_slow_before(platform, monkeypatch):
    monkeypatch.setattr(hopsworks, "START_SECONDS", 0.05)
    monkeypatch.setattr(hopsworks, "END_SECONDS", 600.0)
    monkeypatch.setattr(experiments_service, "HURRY_SECONDS", 0.05)
    platform.gate = threading.Event()
    assert seconds_of_experiment(platform, []) < 60
    platform.gate.set()


def test_a_service_that_was_slow_once_is_reported_and_the_end_waits_if_it_is_quick_again(
    platform, monkeypatch
):
    monkeypatch.setattr(hopsworks, "START_SECONDS", 0.05)
    monkeypatch.setattr(experiments_service, "SLOW_SECONDS", 0.2)
    monkeypatch.setattr(experiments_service, "HURRY_SECONDS", 0.0)
    monkeypatch.setattr(hopsworks, "END_SECONDS", HANG)
    platform.gate, messages = threading.Event(), []
    registration = register(platform, messages)
    registration.serve_progress("127.0.0.1", "localhost")
    wait_until(lambda: platform.requests, "the first request")
    threading.Event().wait(0.3)  # longer than what counts as slow
    platform.gate.set()
    wait_until(lambda: platform.drivers and not registration._service._is_slow, "a quick answer")
    registration.close(END)
    assert platform.experiments["app_1"]["state"] == "FINISHED"
    assert len(messages) == 1
    assert "seconds to answer" in messages[0]


def test_a_service_that_recovers_shows_the_end(platform):
    platform.status, messages = 500, []
    registration = register(platform, messages)
    platform.status = 200
    registration.close(END)
    assert platform.experiments["app_1"]["state"] == "FINISHED"
    requests = platform.asked("PUT", "/experiments/")
    modes = [request.path.rpartition("=")[2] for request in requests]
    assert modes == ["INIT", "INIT", "FULL_UPDATE"]
    assert len(messages) == 1


@pytest.mark.parametrize("variable", ["API_KEY", "SECRETS_DIR"])
def test_a_token_that_cannot_be_sent_is_not_shown(platform, monkeypatch, variable):
    if variable == "API_KEY":
        monkeypatch.setenv("API_KEY", "mysecret\n")
    (platform.secrets / "token.jwt").write_text("mysecret\n")
    messages = []
    register(platform, messages).close(END)
    assert len(messages) == 1
    assert "InvalidHeader" in messages[0]
    assert "mysecret" not in messages[0]


def test_the_secret_of_the_driver_is_not_shown_when_the_service_sends_it_back(
    platform, monkeypatch
):
    answer, messages = platform.answer, []
    monkeypatch.setattr(
        platform,
        "answer",
        lambda request: (500, request.body) if request.method == "POST" else answer(request),
    )
    registration = register(platform, messages)
    registration.serve_progress("127.0.0.1", "localhost")
    registration.close(END)
    assert platform.asked("POST", "drivers")[0].body["secret"] not in messages[0]
    assert "500" in messages[0]


def test_an_expired_token_is_read_again_and_the_call_repeated_once(platform):
    platform.token, platform.renew = "renewed", True
    messages = []
    register(platform, messages).close(END)
    assert platform.experiments["app_1"]["state"] == "FINISHED"
    assert messages == []


@pytest.mark.parametrize("path_part", ["/maggy/drivers", "FULL_UPDATE"])
def test_a_token_that_expires_during_the_experiment_is_read_again(platform, monkeypatch, path_part):
    answer = platform.answer

    def expire(request):
        if path_part in request.path and platform.token == hopsworks_platform.TOKEN:
            platform.token, platform.renew = "renewed", True
        return answer(request)

    monkeypatch.setattr(platform, "answer", expire)
    messages = []
    registration = register(platform, messages)
    registration.serve_progress("127.0.0.1", "localhost")
    registration.close(END)
    assert messages == []
    assert platform.token == "renewed"
    assert "app" in platform.drivers
    assert platform.experiments["app_1"]["state"] == "FINISHED"


def test_a_call_with_a_token_that_stays_refused_is_repeated_once_and_costs_one_line(platform):
    platform.token, messages = "another", []
    registration = register(platform, messages)
    assert len(platform.requests) == 4  # hops itself sends each of the two calls twice
    registration.close(END)
    assert len(messages) == 1
    assert "401" in messages[0]
    assert platform.experiments == {}


def test_tls_with_a_private_authority(platform, tmp_path, monkeypatch):
    context, authority = hopsworks_platform.private_authority(tmp_path)
    server = platform.serve(context)
    monkeypatch.setenv("REST_ENDPOINT", platform.endpoint)
    monkeypatch.setenv("REQUESTS_VERIFY", "true")
    monkeypatch.setenv("DOMAIN_CA_TRUSTSTORE_PEM", str(authority))
    platform.token, platform.renew = "renewed", True  # also when the first token is refused
    messages = []
    try:
        register(platform, messages).close(END)
    finally:
        server.shutdown()
        server.server_close()
    assert messages == []
    assert platform.experiments["app_1"]["state"] == "FINISHED"


def test_a_certificate_of_an_unknown_authority_is_refused(platform, tmp_path, monkeypatch):
    context, _ = hopsworks_platform.private_authority(tmp_path)
    server = platform.serve(context)
    monkeypatch.setenv("REST_ENDPOINT", platform.endpoint)
    monkeypatch.setenv("REQUESTS_VERIFY", "true")
    messages = []
    try:
        register(platform, messages).close(END)
    finally:
        server.shutdown()
        server.server_close()
    assert len(messages) == 1
    assert "SSLError" in messages[0]
    assert platform.requests == []


def test_the_driver_is_registered_and_answers(platform):
    registration = register(platform)
    registration.serve_progress("127.0.0.1", "localhost")
    registration.board.update(num_trials=4, num_ended=1, num_stopped=0, best_metric=0.25)
    registration.close(END)
    assert registration._channel.join(HANG)  # no front end has asked
    driver = platform.asked("POST", "/maggy/drivers")[0]
    assert driver.path == "/hopsworks-api/api/maggy/drivers"
    assert sorted(driver.body) == ["appId", "hostIp", "port", "secret"]
    assert (driver.body["appId"], driver.body["hostIp"]) == ("app", "127.0.0.1")
    assert 1 <= len(driver.body["secret"]) <= 128
    second = register(platform)
    second.serve_progress("127.0.0.1", "localhost")
    second.close(END)
    requests = platform.asked("POST", "/maggy/drivers")
    secrets = {request.body["secret"] for request in requests}
    assert len(secrets) == 2  # each experiment has its own


def test_a_driver_that_cannot_be_registered_costs_one_line(platform, monkeypatch):
    answer = platform.answer
    monkeypatch.setattr(
        platform,
        "answer",
        lambda request: (500, {}) if request.method == "POST" else answer(request),
    )
    messages = []
    registration = register(platform, messages)
    registration.serve_progress("127.0.0.1", "localhost")
    registration.close(END)
    assert len(messages) == 1
    assert "/hopsworks-api/api/maggy/drivers answered 500" in messages[0]
    assert platform.experiments["app_1"]["state"] == "FINISHED"
