"""A worker's uploads say what the driver has to know of them."""

import tempfile
import threading
from dataclasses import replace
from pathlib import Path

import pytest

from maggy.checkpoints.local_folders import folder_of
from maggy.checkpoints.run import CheckpointPlace
from maggy.checkpoints.transfer import read_manifest
from maggy.common.files import AnyFiles
from maggy.core.cluster import dumps
from maggy.core.executors.checkpoint_runs import CheckpointRuns
from maggy.core.executors.children import Children
from maggy.core.executors.workload import SearchWorkload
from maggy.core.messages import Assign
from maggy.core.reporter import Reporter
from maggy.records.process import current_process

TRIAL = "a" * 16


class Clock:
    """Monotonic seconds that a test sets."""

    now = 100.0

    def __call__(self):
        return self.now


def make_runs(tmp_path, **options):
    (tmp_path / "token").write_text("secret")
    return CheckpointRuns(CheckpointPlace(str(tmp_path), "token", "secret"), "0.0.0", **options)


def save(reporter, step):
    with reporter.checkpoint(step) as folder:
        Path(folder, "model").write_text("weights")


def test_each_checkpoint_has_the_seconds_that_were_trained_before_it(tmp_path):
    clock = Clock()
    runs = make_runs(tmp_path, clock=clock)
    for run in (1, 2):
        reporter = Reporter()
        with runs.run(Assign(run, TRIAL, {}, ""), reporter):
            for step, seconds in enumerate((3, 5)):
                clock.now += seconds
                save(reporter, step)
                runs.wait()
        saved = reporter.checkpoint_news().saved
        assert [one.training_seconds for one in saved] == [3, 5]
        assert [one.size for one in saved] == [7, 7]
        clock.now += 1000
    runs.close()


@pytest.mark.skipif(not current_process().boot_id, reason="this system proves no death")
def test_the_first_checkpoint_of_a_worker_removes_what_killed_workers_have_left(
    tmp_path, monkeypatch
):
    temporary = tmp_path / "temporary"
    monkeypatch.setattr(tempfile, "gettempdir", lambda: str(temporary))
    leftover = Path(folder_of(replace(current_process(), started="1"), str(temporary)))
    leftover.mkdir(parents=True)
    runs, reporter = make_runs(tmp_path), Reporter()
    with runs.run(Assign(1, TRIAL, {}, ""), reporter):
        assert leftover.exists()
        save(reporter, 0)
        runs.wait()
        assert not leftover.exists()
        assert len(list(temporary.iterdir())) == 1
    runs.close()
    assert not list(temporary.iterdir())


def test_a_run_without_checkpoints_makes_nothing_and_says_nothing(tmp_path, monkeypatch):
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    monkeypatch.setattr(tempfile, "gettempdir", lambda: str(temporary))
    before = threading.active_count()
    runs, reporter = make_runs(tmp_path), Reporter()
    with runs.run(Assign(1, TRIAL, {}, ""), reporter):
        assert reporter.restore() is None
        reporter.broadcast(0.5, step=0)
        runs.wait()
        assert threading.active_count() == before
        assert reporter.checkpoint_news() is None
    assert list(temporary.iterdir()) == []
    runs.close()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["temporary", "token"]


def test_the_task_uploads_what_a_child_has_saved_that_was_killed_at_once(tmp_path):
    def train(x, reporter):
        import os
        import signal

        with reporter.checkpoint(0) as folder:
            (folder / "model").write_text("weights")
        with reporter.checkpoint(1) as folder:  # it never ends
            (folder / "model").write_text("half of the weights")
            os.kill(os.getpid(), signal.SIGKILL)

    runs, reporter = make_runs(tmp_path), Reporter()
    children = Children(
        dumps(SearchWorkload(train, "metric")), max_memory=None, interval=0.05, tee=False
    )
    assert children.start() is None
    try:
        assignment = Assign(1, TRIAL, {"x": 1}, "dir")
        place = runs.begin(assignment, reporter)
        outcome = children.run(assignment, reporter, place, runs.submit)
        runs.wait()
        runs.end(place)
    finally:
        children.close()
        runs.close()
    assert (outcome.answer, outcome.ended_by_us) == (None, False)
    (saved,) = reporter.checkpoint_news().saved
    assert (saved.step, saved.size) == (0, 7)
    folder = f"{tmp_path}/{TRIAL}/checkpoints/{saved.name}"
    assert read_manifest(AnyFiles(), folder).step == 0
    assert not (tmp_path / TRIAL / "checkpoints" / "1").exists()
