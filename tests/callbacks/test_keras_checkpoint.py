"""The Keras callback that saves and continues a training, with a real Keras.

The reporter of most tests is a stand-in that keeps checkpoints in a folder.
"""

import contextlib
import json
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from maggy.callbacks import KerasCheckpoint, KerasEpochEnd
from maggy.checkpoints.run import CheckpointPlace, RunCheckpoints, RunPlace
from maggy.checkpoints.saved import Handover
from maggy.checkpoints.transfer import upload
from maggy.common.exceptions import BadArgumentsError
from maggy.common.files import AnyFiles
from maggy.core.reporter import Reporter

pytestmark = pytest.mark.slow  # it imports Keras


class FolderReporter:
    """Keep checkpoints in a folder, and give the last one to a new run."""

    def __init__(self, folder, last_step=-1, checkpoint=None):
        self.folder, self.last_step, self._checkpoint = folder, last_step, checkpoint
        self.steps = []
        self.should_checkpoint = False

    @contextlib.contextmanager
    def checkpoint(self, step):
        path = self.folder / f"{len(list(self.folder.iterdir()))}-{step}"
        path.mkdir()
        yield path
        self.steps.append(step)
        self.last = path

    def restore(self):
        return self._checkpoint

    def next_run(self):
        return FolderReporter(self.folder, checkpoint=self.last)


class Interruption(Exception):
    """The worker is lost."""


def make_model(kind="functional"):
    import keras

    keras.utils.set_random_seed(1)

    class Own(keras.Model):
        def __init__(self, size):
            super().__init__()
            self.dense = keras.layers.Dense(size, activation="sigmoid")

        def call(self, x):
            return self.dense(x)

    model = {
        "functional": lambda: keras.Sequential(
            [keras.Input((2,)), keras.layers.Dense(3), keras.layers.Dense(1, activation="sigmoid")]
        ),
        "unbuilt": lambda: keras.Sequential(
            [keras.layers.Dense(3), keras.layers.Dense(1, activation="sigmoid")]
        ),
        "own_class": lambda: Own(1),
    }[kind]()
    model.compile(keras.optimizers.Adam(0.05), "binary_crossentropy")
    return model


def fit(model, reporter, epochs=6, die_in=None, preempt_in=None, callbacks=(), **options):
    """Train, and return the epochs that ran."""
    import keras

    ran = []

    def note(epoch, logs):
        ran.append(epoch)

    def die(epoch, logs):
        if preempt_in is not None:
            reporter.should_checkpoint = epoch >= preempt_in
        if epoch == die_in:
            raise Interruption

    callbacks = [
        *callbacks,
        keras.callbacks.LambdaCallback(on_epoch_begin=die, on_epoch_end=note),
        KerasCheckpoint(reporter, **options),
    ]
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(16, 2)).astype("float32"), rng.integers(0, 2, (16, 1))
    with contextlib.suppress(Interruption):
        model.fit(x, y, epochs=epochs, batch_size=16, verbose=0, callbacks=callbacks)
    return ran


def weights(model):
    return [np.asarray(weight) for weight in model.get_weights()]


@pytest.mark.parametrize("kind", ["functional", "unbuilt", "own_class"])
def test_an_interrupted_training_ends_with_the_same_weights(kind, tmp_path):
    whole, reporter = make_model(kind), FolderReporter(tmp_path)
    (tmp_path / "x").mkdir()
    fit(whole, FolderReporter(tmp_path / "x"))
    assert fit(make_model(kind), reporter, die_in=4) == [0, 1, 2, 3]
    continued = make_model(kind)
    assert fit(continued, reporter.next_run()) == [4, 5]
    assert int(continued.optimizer.iterations) == int(whole.optimizer.iterations) == 6
    for left, right in zip(weights(continued), weights(whole), strict=True):
        np.testing.assert_allclose(left, right, rtol=1e-6)


def test_weights_alone_begin_with_a_new_optimizer(tmp_path):
    reporter = FolderReporter(tmp_path)
    model = make_model()
    fit(model, reporter, epochs=3, model_and_optimizer=False)
    assert [path.name for path in sorted(reporter.last.iterdir())] == [
        "keras.json",
        "model.weights.h5",
    ]


def test_every_second_epoch_and_the_last_one_are_saved(tmp_path):
    reporter = FolderReporter(tmp_path)
    fit(make_model(), reporter, epochs=5, every=2)
    assert reporter.steps == [1, 3, 4]


def test_each_epoch_is_saved_once_the_executor_will_be_taken_away(tmp_path):
    reporter = FolderReporter(tmp_path)
    fit(make_model(), reporter, epochs=8, every=100, preempt_in=4, die_in=6)
    assert reporter.steps == [4, 5]


def test_a_checkpoint_is_of_the_step_that_was_reported_last(tmp_path):
    reporter = FolderReporter(tmp_path, last_step=37)
    fit(make_model(), reporter, epochs=1)
    assert reporter.steps == [37]


def test_a_fit_that_had_ended_is_left_out_and_the_interrupted_one_continues(tmp_path):
    reporter = FolderReporter(tmp_path)
    model = make_model()
    assert fit(model, reporter, epochs=3) == [0, 1, 2]
    assert fit(model, reporter, epochs=4, die_in=2) == [0, 1]
    position = json.loads((reporter.last / "keras.json").read_text())
    assert (position["fit"], position["next_epoch"]) == (1, 2)
    again, model = reporter.next_run(), make_model()
    assert fit(model, again, epochs=3) == []
    assert fit(model, again, epochs=4) == [2, 3]
    assert fit(model, again, epochs=2) == [0, 1]


def test_without_a_checkpoint_the_training_begins_at_its_beginning(tmp_path):
    model, reporter = make_model(), FolderReporter(tmp_path)
    assert fit(model, reporter, epochs=2) == [0, 1]
    assert fit(model, reporter, epochs=2) == [0, 1]


def test_with_a_real_reporter_a_larger_budget_trains_the_missing_epochs(tmp_path):
    (tmp_path / "token").write_text("secret")
    place, uploads = CheckpointPlace(str(tmp_path), "token", "secret"), []

    def train(run_name, epochs, handover):
        reporter, model = Reporter(), make_model()
        run_place = RunPlace(place, run_name, str(tmp_path / "here"))
        reporter.attach(RunCheckpoints(run_place, "a" * 16, handover, uploads.append, print))
        ran = fit(model, reporter, epochs=epochs, callbacks=[KerasEpochEnd(reporter, "loss")])
        return ran, [step for step, *_ in reporter.waiting()[1]], reporter, model

    ran, steps, *_ = train("1-1", 2, None)
    assert (ran, steps) == ([0, 1], [0, 1])
    for one in uploads:
        folder = Path(one.folder)
        upload(AnyFiles(), folder, one.directory, trial_id="a", step=one.step, metric=one.metric)
    handover = Handover(one.directory, one.step, one.metric)
    ran, steps, reporter, model = train("1-2", 5, handover)
    assert (ran, steps) == ([2, 3, 4], [2, 3, 4])
    assert reporter.is_restored
    assert handover.metric is not None
    assert int(model.optimizer.iterations) == 5


@pytest.mark.parametrize("every", [0, -1, 1.5, "1", None], ids=str)
def test_every_must_be_a_number_of_epochs(every):
    with pytest.raises(BadArgumentsError, match="every must be a whole number of epochs"):
        KerasCheckpoint(SimpleNamespace(), every=every)
