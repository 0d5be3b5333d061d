"""Resume an earlier experiment without Spark: what must fit, which trials count or run again."""

import pytest

from maggy.common.exceptions import OwnershipError, ResumeError
from maggy.core.environment import LocalEnvironment
from maggy.core.experiment_driver.policy import Policy
from maggy.core.resume import open_experiment, take_over
from maggy.experiment_config import LagomConfig
from maggy.records.directory import ExperimentStore
from maggy.records.process import Process
from maggy.trial import Trial

ENVIRONMENT = LocalEnvironment()


class Search(Policy):
    name = "Search"

    def __init__(self, kind="optimization"):
        self.kind = kind

    def start(self, trial_store, final_store, seed):
        pass

    def suggest(self, finished):
        return None

    def identity(self):
        return {"kind": self.kind, "direction": "max"}


RECORD = {"identity": {"kind": "optimization", "direction": "max"}, "seed": 1}


@pytest.fixture
def earlier_experiment(tmp_path):
    """Return a function that makes an ended experiment with a trial for each metric.

    With None as its metric, the trial has failed.
    """

    def make(*metrics, trial_type="optimization", released=True):
        store = ExperimentStore.create(ENVIRONMENT.files, str(tmp_path), "app")
        store.write_experiment(RECORD)
        for number, metric in enumerate(metrics):
            trial = Trial({"x": number}, trial_type)
            trial.status = Trial.ERROR if metric is None else Trial.FINALIZED
            trial.final_metric = metric
            store.end_trial(trial)
        if released:
            store.release()
        return store

    return make


def resume(tmp_path, *, policy=None, retry_failed=False, seed=1):
    policy = policy or Search()
    config = LagomConfig(resume="app_1", seed=seed)
    store, record = open_experiment(ENVIRONMENT, str(tmp_path), config, policy)
    return take_over(store, record, policy, retry_failed=retry_failed)


def numbers(trials):
    return [trial.params["x"] for trial in trials]


def test_an_experiment_that_is_not_resumed_has_no_directory_yet(tmp_path):
    assert open_experiment(ENVIRONMENT, str(tmp_path), LagomConfig(), Search()) == (None, {})


def test_trials_that_ended_count_and_failed_ones_do_not_run_again_which_is_said_with_the_remedy(
    tmp_path, earlier_experiment, capsys
):
    earlier_experiment(0.5, None, 0.25, None)
    past = resume(tmp_path)
    assert (numbers(past.trials), past.again) == ([0, 1, 2, 3], [])
    assert capsys.readouterr().out == (
        "2 trials had failed and will not run again. "
        "To run failed trials again, resume with retry_failed=True.\n"
        "Resuming: 4 trials ended before and count.\n"
    )


def test_failed_trials_run_again_if_the_config_says_so(tmp_path, earlier_experiment, capsys):
    earlier_experiment(0.5, None, 0.25, None)
    past = resume(tmp_path, retry_failed=True)
    assert (numbers(past.trials), numbers(past.again)) == ([0, 2], [1, 3])
    assert capsys.readouterr().out == (
        "2 trials had failed and will run again.\nResuming: 2 trials ended before and count.\n"
    )


def test_if_all_trials_failed_they_run_again(tmp_path, earlier_experiment, capsys):
    earlier_experiment(None)
    past = resume(tmp_path)
    assert (past.trials, numbers(past.again)) == ([], [0])
    assert capsys.readouterr().out == (
        "1 trial had failed and will run again.\nResuming: 0 trials ended before and count.\n"
    )


@pytest.mark.parametrize("retry_failed", [True, False])
def test_nothing_is_said_of_failures_if_nothing_failed(
    tmp_path, earlier_experiment, capsys, retry_failed
):
    earlier_experiment(0.5)
    assert numbers(resume(tmp_path, retry_failed=retry_failed).trials) == [0]
    earlier_experiment()
    assert capsys.readouterr().out == "Resuming: 1 trial ended before and counts.\n"


def test_a_config_that_does_not_fit_is_refused_before_the_directory_is_touched(
    tmp_path, earlier_experiment
):
    store = earlier_experiment(0.5)
    before = ENVIRONMENT.files.list(store.directory)
    with pytest.raises(ResumeError, match="must have the recorded seed"):
        resume(tmp_path, seed=2)
    with pytest.raises(ResumeError, match="must have the recorded kind"):
        resume(tmp_path, policy=Search("ablation"))
    assert ENVIRONMENT.files.list(store.directory) == before


def test_a_directory_with_a_living_driver_is_refused_and_left_as_it_is(
    tmp_path, earlier_experiment
):
    store = earlier_experiment(0.5, None)
    ExperimentStore.open(
        ENVIRONMENT.files, str(tmp_path), "app_1", process=Process("other-host", pid=7)
    ).claim()
    torn = ENVIRONMENT.files.list(store.directory)[0]
    ENVIRONMENT.files.write_bytes(f"{store.directory}/{torn}/trial.json", b"torn")
    before = ENVIRONMENT.files.list(store.directory)
    with pytest.raises(OwnershipError, match="is owned by process 7 on other-host since"):
        resume(tmp_path)
    assert ENVIRONMENT.files.list(store.directory) == before


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"[" * 200_000,
        b'{"identity": [1]}',
        b'{"identity": {}, "runs": 3}',
        b'{"format": 99}',
    ],
    ids=["empty", "torn", "deep", "wrong identity", "wrong runs", "no identity"],
)
def test_a_damaged_record_of_the_experiment_is_set_aside_and_its_trials_count(
    tmp_path, earlier_experiment, capsys, content
):
    store = earlier_experiment(0.5, 0.25)
    ENVIRONMENT.files.write_bytes(f"{store.directory}/maggy.json", content)
    assert numbers(resume(tmp_path, seed=9).trials) == [0, 1]
    assert "maggy.json, is damaged; it was set aside. Its trials count" in capsys.readouterr().out
    assert ENVIRONMENT.files.read_bytes(f"{store.directory}/maggy.json.damaged-1") == content


def test_even_then_trials_of_another_kind_are_refused_and_the_directory_is_given_back(
    tmp_path, earlier_experiment
):
    store = earlier_experiment(0.5)
    ENVIRONMENT.files.write_bytes(f"{store.directory}/maggy.json", b"")
    with pytest.raises(
        ResumeError, match="holds trials of the kind optimization and the config is for ablation"
    ):
        resume(tmp_path, policy=Search("ablation"))
    ENVIRONMENT.files.write_bytes(f"{store.directory}/maggy.json", b"")
    ExperimentStore.open(
        ENVIRONMENT.files, str(tmp_path), "app_1", process=Process("other-host")
    ).claim()


def test_an_experiment_that_a_later_release_has_recorded_goes_on(tmp_path, earlier_experiment):
    store = earlier_experiment(0.5)
    store.write_experiment({**RECORD, "format": 9, "machine": {"gpus": 2}})
    assert numbers(resume(tmp_path).trials) == [0]
