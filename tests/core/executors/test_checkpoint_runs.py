"""A worker's uploads say what the driver has to know of them."""

from pathlib import Path

from maggy.checkpoints.run import CheckpointPlace
from maggy.core.executors.checkpoint_runs import CheckpointRuns
from maggy.core.messages import Assign
from maggy.core.reporter import Reporter

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
