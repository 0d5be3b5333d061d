"""Checkpoints of real searches: of Keras models, of trials that ran out of time, and on S3."""

import os
import signal
import threading
import time
from pathlib import Path

import numpy as np
import pytest
from helpers.checkpoints import count_up, die_on_record
from helpers.s3_server import S3, new_bucket

from maggy import Searchspace, Trial, experiment, load
from maggy.experiment_config import OptimizationConfig
from maggy.optimizer import AbstractOptimizer

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("spark", "experiments")]

SPACE = Searchspace(x=("DISCRETE", [1, 2]))
OPTIONS = {"hb_interval": 0.1, "name": "models"}


@pytest.fixture
def s3_bucket(spark, monkeypatch):
    """Return the URL of a new bucket, which the workers reach, too."""
    server = S3()
    try:
        with new_bucket(server, monkeypatch) as url:
            for name, value in os.environ.items():
                if name.startswith("AWS_"):
                    monkeypatch.setitem(spark.sparkContext.environment, name, value)
            yield url
    finally:
        server.stop()


def test_the_best_keras_model_is_there_when_the_search_has_ended():
    space = Searchspace(rate=("DISCRETE", [0.0, 0.5]))

    def train(rate, reporter):
        import keras
        import numpy as np

        from maggy.callbacks import KerasCheckpoint, KerasEpochEnd

        x = np.linspace(-1, 1, 8, dtype="float32").reshape(-1, 1)
        model = keras.Sequential(
            [keras.Input((1,)), keras.layers.Dense(1, kernel_initializer="zeros")]
        )
        model.compile(keras.optimizers.SGD(rate), "mse")
        report = KerasEpochEnd(reporter, metric="loss")
        callbacks = [report, KerasCheckpoint(reporter)]
        model.fit(x, 3 * x, epochs=3, batch_size=8, verbose=0, callbacks=callbacks)
        loss = float(model.evaluate(x, 3 * x, verbose=0))
        return {"metric": loss, "kernel": float(np.asarray(model.get_weights()[0])[0, 0])}

    options = {**OPTIONS, "direction": "min"}
    result = experiment.lagom(train, OptimizationConfig(2, "gridsearch", space, **options))
    best, worst = sorted(result.trials, key=lambda row: row["metric"])
    assert (best["params"], worst["params"]) == ({"rate": 0.5}, {"rate": 0.0})
    for opened in (result, load(result.directory)):
        model = opened.best_model()
        kernel = float(np.asarray(model.get_weights()[0])[0, 0])
        assert kernel == pytest.approx(best["outputs"]["kernel"])
        assert kernel != 0
        # The optimizer is saved with the model, so it trains on.
        assert int(model.optimizer.iterations) == 3


@pytest.mark.parametrize("isolation", ["worker", "process"])
def test_a_keras_trial_goes_on_after_its_process_was_killed(isolation):
    def train(rate, reporter):
        import keras
        import numpy as np

        from maggy.callbacks import KerasCheckpoint, KerasEpochEnd

        class Die(keras.callbacks.Callback):
            """Kill the process of the first run once a checkpoint of it is on record."""

            def on_epoch_end(self, epoch, logs=None):
                record = Path(os.environ["MAGGY_TRIAL_LOGDIR"], "checkpoints.json")
                deadline = time.monotonic() + 60
                while epoch == 2 and rate == 0.5 and reporter.restore() is None:
                    assert time.monotonic() < deadline
                    if record.exists():
                        os.kill(os.getpid(), signal.SIGKILL)
                    threading.Event().wait(0.01)

            def on_epoch_begin(self, epoch, logs=None):
                trained.append(epoch)

        trained = []
        x = np.linspace(-1, 1, 8, dtype="float32").reshape(-1, 1)
        model = keras.Sequential(
            [keras.Input((1,)), keras.layers.Dense(1, kernel_initializer="zeros")]
        )
        model.compile(keras.optimizers.SGD(rate), "mse")
        report = KerasEpochEnd(reporter, metric="loss")
        callbacks = [report, KerasCheckpoint(reporter), Die()]
        history = model.fit(x, 3 * x, epochs=5, batch_size=8, verbose=0, callbacks=callbacks)
        return {"metric": history.history["loss"][-1], "trained": trained}

    space = Searchspace(rate=("DISCRETE", [0.25, 0.5]))
    options = {**OPTIONS, "direction": "min", "isolation": isolation}
    result = experiment.lagom(train, OptimizationConfig(2, "gridsearch", space, **options))
    rows = {row["params"]["rate"]: row for row in result.trials}
    assert (rows[0.25]["attempts"], rows[0.25]["outputs"]["trained"]) == (1, [0, 1, 2, 3, 4])
    assert rows[0.5]["attempts"] == 2
    assert rows[0.5]["outputs"]["trained"] in ([1, 2, 3, 4], [2, 3, 4], [3, 4])
    assert rows[0.5]["steps"] == [0, 1, 2, 3, 4]
    model = result.best_model()
    assert int(model.optimizer.iterations) == 5
    # Each epoch is a step towards 3, by the same share of what is missing.
    share = 2 * 0.5 * np.mean(np.linspace(-1, 1, 8) ** 2)
    kernel = float(np.asarray(model.get_weights()[0])[0, 0])
    assert kernel == pytest.approx(3 - 3 * (1 - share) ** 5, rel=1e-4)


@pytest.mark.parametrize("isolation", ["worker", "process"])
def test_a_trial_that_ran_out_of_time_goes_on_only_if_failed_trials_run_again(isolation, tmp_path):
    starts = tmp_path / "starts"

    def train(x, reporter):
        def wait(reporter):
            deadline = threading.Event()
            deadline.wait(0.3)  # the checkpoint is acknowledged with a heartbeat
            deadline.wait(600)

        checkpoint = reporter.restore()
        with starts.open("a") as file:
            file.write(f"{x} {None if checkpoint is None else checkpoint.step}\n")
        return count_up({"x": x}, reporter, fail_at=1 if x == 2 else None, fails=wait)

    def run(**options):
        options = {**OPTIONS, "max_trial_seconds": 4, "isolation": isolation, **options}
        return experiment.lagom(train, OptimizationConfig(2, "gridsearch", SPACE, **options))

    def row_of(result):
        (row,) = [row for row in result.trials if row["params"]["x"] == 2]
        return row

    first = run(num_workers=1)
    assert (row_of(first)["status"], first["failed"]) == ("ERROR", 1)
    assert "max_trial_seconds=4" in row_of(first)["error"]
    second = run(resume=first.directory)
    assert row_of(second) == row_of(first)
    third = run(resume=first.directory, retry_failed=True)
    row = row_of(third)
    assert (row["status"], row["metric"]) == ("FINALIZED", 14)
    assert (row["steps"], row["history"]) == ([0, 1, 2, 3], [2, 5, 9, 14])
    assert sorted(starts.read_text().splitlines()) == ["1 None", "2 1", "2 None"]


def test_a_search_whose_checkpoints_lie_on_s3_goes_on_there_and_warms_another_one(
    s3_bucket, tmp_path
):
    starts = tmp_path / "starts"

    def train(x, reporter):
        with starts.open("a") as file:
            handover = reporter._checkpoints.handover
            file.write(f"{x} {None if handover is None else handover.step}\n")
        return count_up({"x": x}, reporter, fail_at=1 if x == 2 else None, fails=die_on_record)

    options = {**OPTIONS, "num_workers": 1, "isolation": "process"}
    config = OptimizationConfig(2, "gridsearch", SPACE, log_dir=f"{s3_bucket}/runs", **options)
    first = experiment.lagom(train, config)
    assert first.directory.startswith("s3://")
    (row,) = [row for row in first.trials if row["params"]["x"] == 2]
    assert (row["attempts"], row["history"]) == (2, [2, 5, 9, 14])
    begun = sorted(starts.read_text().splitlines())
    assert begun[0] == "1 None"
    assert begun[1:] in (["2 0", "2 None"], ["2 1", "2 None"])
    assert (load(first.directory).best_checkpoint() / "total").read_text() == "14"

    class Continue(AbstractOptimizer):
        def initialize(self):
            self.is_over = False

        def get_suggestion(self, trial=None):
            if self.is_over:
                return None
            self.is_over = True
            parent = max(self.final_store, key=lambda final: final.final_metric)
            child = Trial(dict(parent.params))
            child.parent = parent.trial_id
            return child

    def train_longer(x, reporter):
        return count_up({"x": x}, reporter, epochs=6)

    # The records of the second one lie on this disk, its checkpoints in another folder of S3.
    options.update(warm_start=first.directory, checkpoint_dir=f"{s3_bucket}/checkpoints")
    config = OptimizationConfig(1, Continue(), SPACE, **options)
    second = experiment.lagom(train_longer, config)
    (row,) = second.trials
    assert row["history"] == [2, 5, 9, 14, 20, 27]
    assert Path(second.directory).is_dir()
    assert second.best_checkpoint().step == 5
