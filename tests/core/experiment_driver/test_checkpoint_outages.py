"""A store that is away costs checkpoints, never a trial: an fsspec file system that refuses."""

import functools
import threading
from pathlib import Path

import fsspec
import pytest
from fsspec.implementations.local import LocalFileSystem
from helpers.checkpoints import count_up, steps_on_disk
from helpers.loopback import Experiment, Given, one_after_another, records
from helpers.waiting import wait_until

from maggy import Trial
from maggy.core.executors import checkpoint_runs
from maggy.records import writer
from maggy.testing import WorkerDied

pytestmark = pytest.mark.loopback


class LeavingFileSystem(LocalFileSystem):
    """A real file system that can be away: it refuses every call, or lets the caller wait."""

    protocol = "leaving"
    cachable = False
    is_away = threading.Event()
    hangs = False
    is_back = threading.Event()

    @classmethod
    def leave(cls, *, hangs=False):
        cls.is_back.clear()
        cls.hangs = hangs
        cls.is_away.set()

    @classmethod
    def come_back(cls):
        cls.is_away.clear()
        cls.is_back.set()

    def _check(self):
        if self.is_away.is_set() and self.hangs:
            assert self.is_back.wait(120)
        if self.is_away.is_set():
            raise OSError("the store is away")

    def _open(self, path, *arguments, **options):
        self._check()
        return super()._open(path, *arguments, **options)

    def makedirs(self, path, exist_ok=False):
        self._check()
        return super().makedirs(path, exist_ok)

    def info(self, path, **options):
        self._check()
        return super().info(path, **options)

    def mv(self, path1, path2, **options):
        self._check()
        return super().mv(path1, path2, **options)

    def pipe_file(self, path, value, mode="overwrite", **options):
        self._check()
        return super().pipe_file(path, value, mode, **options)


@pytest.fixture(autouse=True)
def store(monkeypatch):
    fsspec.register_implementation("leaving", LeavingFileSystem, clobber=True)
    # What takes minutes otherwise: the delays between two attempts.
    monkeypatch.setattr(writer, "LONGEST_DELAY", 0.2)
    yield LeavingFileSystem
    LeavingFileSystem.come_back()
    LeavingFileSystem.hangs = False


def run(tmp_path, before_saving, trial_count=2, fails=()):
    """Run trials of six epochs on one worker, and return the experiment and its trials."""

    def train(params, reporter, interrupted):
        def wait_and_call(epoch):
            # The store has a checkpoint before it leaves.
            if params["x"] == 1 and epoch == 2 and reporter._restored is None:
                wait_until(lambda: reporter._first_saved + len(reporter._saved))
            before_saving(params["x"], epoch)

        fail_at = 4 if fails and params["x"] == 1 else None
        return count_up(
            params,
            reporter,
            epochs=6,
            before_saving=wait_and_call,
            fail_at=fail_at,
            fails=fails,
        )

    policy = Given(one_after_another([Trial({"x": x}) for x in range(1, trial_count + 1)]))
    experiment = Experiment(f"leaving://{tmp_path}", policy, train, workers=1)
    return experiment, experiment.run().trials


def output_of(tmp_path, trial):
    (folder,) = [path for path in tmp_path.rglob(trial.trial_id) if path.is_dir()]
    return "".join(path.read_text() for path in sorted(folder.glob("output.log*")))


@pytest.mark.parametrize("hangs", [False, True])
def test_a_store_that_is_away_for_a_while_costs_no_trial_and_later_checkpoints_work(
    tmp_path, store, hangs
):
    def before_saving(x, epoch):
        if (x, epoch) == (1, 2):
            store.leave(hangs=hangs)
        if (x, epoch) == (1, 5):
            store.come_back()

    experiment, trials = run(tmp_path, before_saving)
    assert [trial.final_metric for trial in trials] == [21, 27]
    assert all(trial.step_history == list(range(6)) for trial in trials)
    assert records(experiment).keys() == {trial.trial_id for trial in trials}
    for trial in trials:
        assert 5 in steps_on_disk(next(tmp_path.rglob(trial.trial_id)))
    if not hangs:
        lines = output_of(tmp_path, trials[0]).splitlines()
        assert sum("cannot be written at the moment" in line for line in lines) <= 1


def test_checkpoints_that_are_given_up_cost_one_line_and_the_next_trial_saves_its_own(
    tmp_path, store, monkeypatch
):
    patient = functools.partial(checkpoint_runs.Uploader, patience=0.3)
    monkeypatch.setattr(checkpoint_runs, "Uploader", patient)

    def before_saving(x, epoch):
        if (x, epoch) == (1, 2):
            store.leave()
        if (x, epoch) == (2, 2):
            store.come_back()

    experiment, trials = run(tmp_path, before_saving)
    assert [trial.final_metric for trial in trials] == [21, 27]
    # The records wait in memory until the store is back.
    assert records(experiment).keys() == {trial.trial_id for trial in trials}
    assert 5 not in steps_on_disk(next(tmp_path.rglob(trials[0].trial_id)))
    assert 5 in steps_on_disk(next(tmp_path.rglob(trials[1].trial_id)))
    lines = output_of(tmp_path, trials[0]).splitlines()
    losses = [line for line in lines if "could not be saved" in line]
    assert len(losses) == 1
    assert "5" in losses[0]
    assert losses[0].endswith("could not be saved. The training went on.")


def test_a_trial_that_loses_its_worker_while_the_store_is_away_trains_on(tmp_path, store):
    outages = iter([store.leave])

    def before_saving(x, epoch):
        if epoch == 3:
            next(outages, lambda: None)()

    def die(reporter):
        store.come_back()
        raise WorkerDied

    experiment, (trial,) = run(tmp_path, before_saving, trial_count=1, fails=die)
    assert (trial.attempts, trial.final_metric) == (2, 21)
    assert trial.step_history == list(range(6))
    assert Path(experiment.store.directory.partition("://")[2]).is_dir()
