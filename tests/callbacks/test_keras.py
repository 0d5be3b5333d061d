"""The Keras callbacks with a real reporter and a real Keras."""

import copy
import pickle
import subprocess
import sys

import pytest

from maggy.common.exceptions import EarlyStopException, MetricKeyError, MissingDependencyError
from maggy.core.reporter import Reporter

pytestmark = pytest.mark.slow  # making a callback imports Keras


def points(reporter):
    return reporter.waiting()[1]


def steps(reporter):
    return [step for step, _ in points(reporter)]


@pytest.fixture
def fit():
    """Return a function that fits a tiny model on 8 rows, 2 batches an epoch."""
    import keras
    import numpy as np

    keras.utils.set_random_seed(1)
    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1, activation="sigmoid")])
    model.compile("sgd", "binary_crossentropy", metrics=["accuracy"])
    x, y = np.ones((8, 2), "float32"), np.zeros((8, 1), "float32")

    def run(*callbacks, epochs=2, validation=True, **others):
        return model.fit(
            x,
            y,
            epochs=epochs,
            batch_size=4,
            verbose=0,
            callbacks=list(callbacks),
            validation_data=(x, y) if validation else None,
            **others,
        )

    return run


def test_importing_the_callbacks_imports_no_keras():
    code = "import sys, maggy.callbacks; print([*{'keras', 'tensorflow'} & set(sys.modules)])"
    process = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=600, check=True
    )
    assert process.stdout.strip() == "[]"


def test_a_callback_is_of_its_class_and_of_keras(reporter):
    import keras

    from maggy.callbacks import KerasBatchEnd, KerasEpochEnd

    for kind in (KerasBatchEnd, KerasEpochEnd):
        callback = kind(reporter)
        assert isinstance(callback, kind)
        assert isinstance(callback, keras.callbacks.Callback)
        assert type(callback) is type(kind(reporter))
        assert type(callback).__name__ == kind.__name__


def test_a_users_subclass_works(reporter, fit):
    from maggy.callbacks import KerasEpochEnd

    class Mine(KerasEpochEnd):
        def __init__(self, reporter, factor):
            super().__init__(reporter, metric="loss")
            self.factor = factor

    callback = Mine(reporter, factor=2)
    fit(callback)
    assert (isinstance(callback, Mine), callback.factor, steps(reporter)) == (True, 2, [0, 1])


@pytest.mark.parametrize(
    "again", [copy.copy, copy.deepcopy, lambda callback: pickle.loads(pickle.dumps(callback))]
)
@pytest.mark.parametrize("name", ["KerasBatchEnd", "KerasEpochEnd"])
def test_a_copy_reports_to_the_same_reporter(reporter, fit, again, name):
    from maggy import callbacks

    original = getattr(callbacks, name)(reporter, metric="loss")
    fit(original)
    fit(again(original))
    assert steps(reporter) == list(range(8 if name == "KerasBatchEnd" else 4))


def test_batch_end_reports_the_loss_of_every_batch(reporter, fit):
    from maggy.callbacks import KerasBatchEnd

    fit(KerasBatchEnd(reporter))
    assert steps(reporter) == [0, 1, 2, 3]
    assert all(value > 0 for _, value in points(reporter))


def test_epoch_end_reports_the_validation_loss_of_every_epoch(reporter, fit):
    from maggy.callbacks import KerasEpochEnd

    history = fit(KerasEpochEnd(reporter), epochs=3).history
    assert points(reporter) == list(enumerate(history["val_loss"]))


@pytest.mark.parametrize("same_object", [True, False])
def test_steps_are_counted_on_over_several_fits(fit, same_object):
    from maggy.callbacks import KerasBatchEnd, KerasEpochEnd

    for kind, expected in ((KerasBatchEnd, list(range(8))), (KerasEpochEnd, list(range(4)))):
        reporter = Reporter()
        callback = kind(reporter)
        fit(callback)
        fit(callback if same_object else kind(reporter))
        assert steps(reporter) == expected


def test_a_fit_that_continues_with_initial_epoch_keeps_its_epochs(reporter, fit):
    from maggy.callbacks import KerasEpochEnd

    fit(KerasEpochEnd(reporter), epochs=2)
    fit(KerasEpochEnd(reporter), epochs=4, initial_epoch=2)
    assert steps(reporter) == [0, 1, 2, 3]


def test_both_callbacks_and_the_user_share_one_ascending_sequence(reporter, fit):
    from maggy.callbacks import KerasBatchEnd, KerasEpochEnd

    fit(KerasBatchEnd(reporter), KerasEpochEnd(reporter))
    reporter.broadcast(0.5)
    fit(KerasEpochEnd(reporter), KerasBatchEnd(reporter))
    assert steps(reporter) == list(range(13))


def test_a_fraction_as_the_users_own_step_is_passed(reporter):
    from maggy.callbacks import KerasBatchEnd

    reporter.broadcast(0.5, step=1.5)
    KerasBatchEnd(reporter).on_train_batch_end(0, {"loss": 0.5})
    assert steps(reporter) == [1.5, 2]


@pytest.mark.parametrize(("name", "logged_name"), [("acc", "accuracy"), ("accuracy", "acc")])
def test_acc_and_accuracy_are_the_same_metric(name, logged_name):
    from maggy.callbacks import KerasBatchEnd, KerasEpochEnd

    reporter = Reporter()
    KerasBatchEnd(reporter, metric=name).on_train_batch_end(0, {"loss": 9, logged_name: 0.25})
    KerasEpochEnd(reporter, metric=f"val_{name}").on_epoch_end(
        0, {"loss": 9, logged_name: 9, f"val_{logged_name}": 0.75}
    )
    assert points(reporter) == [(0, 0.25), (1, 0.75)]


def test_the_exact_name_goes_before_its_other_name(reporter):
    from maggy.callbacks import KerasEpochEnd

    KerasEpochEnd(reporter, metric="acc").on_epoch_end(0, {"accuracy": 0.25, "acc": 0.75})
    assert points(reporter) == [(0, 0.75)]


def test_any_metric_of_the_logs_can_be_reported(reporter):
    from maggy.callbacks import KerasEpochEnd

    KerasEpochEnd(reporter, metric="val_f1").on_epoch_end(0, {"val_loss": 9.0, "val_f1": 0.5})
    assert points(reporter) == [(0, 0.5)]


def test_a_missing_metric_is_an_error_that_lists_those_that_are_there(reporter, fit):
    from maggy.callbacks import KerasEpochEnd

    with pytest.raises(
        MetricKeyError,
        match=r"'val_acuracy' .*: accuracy, loss, val_accuracy, val_loss. "
        r"Did you mean 'val_accuracy'",
    ):
        fit(KerasEpochEnd(reporter, metric="val_acuracy"))
    assert points(reporter) == []


def test_without_validation_data_the_error_names_them(reporter, fit):
    from maggy.callbacks import KerasEpochEnd

    with pytest.raises(MetricKeyError, match=r"Give fit\(\) validation data"):
        fit(KerasEpochEnd(reporter), validation=False)


def test_a_validation_metric_after_a_batch_points_to_epoch_end(reporter, fit):
    from maggy.callbacks import KerasBatchEnd

    with pytest.raises(MetricKeyError, match="use KerasEpochEnd"):
        fit(KerasBatchEnd(reporter, metric="val_loss"))


def test_no_logs_at_all_is_the_same_error(reporter):
    from maggy.callbacks import KerasEpochEnd

    with pytest.raises(MetricKeyError, match="there are none"):
        KerasEpochEnd(reporter, metric="loss").on_epoch_end(0, None)


@pytest.mark.parametrize("name", ["KerasBatchEnd", "KerasEpochEnd"])
def test_an_early_stop_leaves_fit(reporter, fit, name):
    from maggy import callbacks

    reporter.stop()
    with pytest.raises(EarlyStopException):
        fit(getattr(callbacks, name)(reporter))
    assert len(points(reporter)) == 1


def test_a_reporter_that_only_broadcasts_will_do():
    from maggy.callbacks import KerasBatchEnd

    class Recorder:
        points = []

        def broadcast(self, metric, step=None):
            self.points.append((step, metric))

    callback = KerasBatchEnd(Recorder())
    callback.on_train_batch_end(0, {"loss": 0.5})
    callback.on_train_batch_end(0, {"loss": 0.25})
    assert Recorder.points == [(0, 0.5), (1, 0.25)]


def test_without_keras_the_error_names_the_remedy():
    code = (
        "import sys; sys.modules['keras'] = None; from maggy.callbacks import KerasBatchEnd\n"
        "from maggy.common.exceptions import MissingDependencyError\n"
        "try: KerasBatchEnd(None)\n"
        "except MissingDependencyError as error: print(error)"
    )
    process = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=600, check=True
    )
    assert "pip install 'tensorflow>=" in process.stdout
    assert issubclass(MissingDependencyError, ImportError)
