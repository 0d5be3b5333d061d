"""The callback for PyTorch Lightning with the real library: `tox -e frameworks`."""

import importlib
import pickle
import subprocess
import sys
import warnings

import lightning
import pytest
import torch
from helpers.framework_trainings import (
    COPIES,
    MANY,
    assert_stopped,
    points,
    rows,
    run_and_stop,
    steps,
)

from maggy.callbacks import LightningEpochEnd
from maggy.common.exceptions import EarlyStopException, MetricKeyError

X, Y = (torch.from_numpy(array) for array in rows(16))


class Model(lightning.LightningModule):
    """Log a count of the validations, of the epochs, and the loss."""

    def __init__(self):
        super().__init__()
        self.layer = torch.nn.Linear(3, 2)
        self.validations = self.epochs = 0
        self.losses = []

    def training_step(self, batch, number):
        loss = torch.nn.functional.cross_entropy(self.layer(batch[0]), batch[1])
        self.log("train_loss", loss, on_step=False, on_epoch=True)
        self.log("step_loss", loss)
        return loss

    def on_train_epoch_end(self):
        self.epochs += 1
        self.log("late", float(self.epochs))

    def validation_step(self, batch, number):
        loss = torch.nn.functional.cross_entropy(self.layer(batch[0]), batch[1])
        self.log("val_loss", loss)
        self.log("val_epoch", float(self.current_epoch))

    def on_validation_epoch_end(self):
        self.validations += 0 if self.trainer.sanity_checking else 1
        self.log("val_count", float(self.validations))

    def configure_optimizers(self):
        return torch.optim.SGD(self.parameters(), lr=0.1)


def loader():
    return torch.utils.data.DataLoader(torch.utils.data.TensorDataset(X, Y), batch_size=4)


@pytest.fixture(autouse=True)
def _quiet():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # advice about the number of workers and of steps
        yield


def fit(*callbacks, epochs=3, validation=True, package=lightning, **options):
    torch.manual_seed(0)
    trainer = package.Trainer(
        max_epochs=epochs,
        accelerator="cpu",
        devices=1,
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        callbacks=list(callbacks),
        **options,
    )
    model = Model()
    trainer.fit(model, loader(), loader() if validation else None)
    return trainer


class Recorder(lightning.Callback):
    """Keep the values of a metric after each validation."""

    def __init__(self, metric):
        self.metric, self.values = metric, []

    def on_validation_end(self, trainer, pl_module):
        if not trainer.sanity_checking:
            self.values.append(float(trainer.callback_metrics[self.metric]))


def test_every_epoch_is_reported_with_the_librarys_own_values(reporter):
    recorder = Recorder("val_loss")
    fit(recorder, LightningEpochEnd(reporter))
    assert points(reporter) == list(enumerate(recorder.values))
    assert len(set(recorder.values)) == 3
    assert all(type(value) is float for _, value in points(reporter))


def test_the_sanity_check_reports_nothing(reporter):
    fit(LightningEpochEnd(reporter, metric="val_count"), epochs=2, num_sanity_val_steps=2)
    assert points(reporter) == [(0, 1.0), (1, 2.0)]


def test_what_the_module_logs_in_its_own_hook_at_the_end_of_an_epoch_is_of_this_epoch(reporter):
    fit(LightningEpochEnd(reporter, metric="late"))
    assert points(reporter) == [(0, 1.0), (1, 2.0), (2, 3.0)]


@pytest.mark.parametrize("validation", [True, False])
@pytest.mark.parametrize("metric", ["train_loss", "step_loss"])
def test_a_metric_of_the_training_is_reported_after_each_epoch(reporter, metric, validation):
    trainer = fit(LightningEpochEnd(reporter, metric=metric), validation=validation)
    assert steps(reporter) == [0, 1, 2]
    assert len({value for _, value in points(reporter)}) == 3
    assert points(reporter)[-1][1] == float(trainer.callback_metrics[metric])


def test_of_several_validations_in_an_epoch_the_last_one_counts(reporter):
    fit(LightningEpochEnd(reporter, metric="val_count"), epochs=2, val_check_interval=0.5)
    assert points(reporter) == [(0, 2.0), (1, 4.0)]


def test_an_epoch_without_validation_reports_no_earlier_value(reporter):
    fit(LightningEpochEnd(reporter, metric="val_epoch"), epochs=6, check_val_every_n_epoch=2)
    assert points(reporter) == [(1, 1.0), (3, 3.0), (5, 5.0)]


def test_with_rare_validations_a_metric_of_the_training_is_of_every_epoch(reporter):
    fit(LightningEpochEnd(reporter, metric="late"), epochs=4, check_val_every_n_epoch=2)
    assert points(reporter) == [(0, 1.0), (1, 2.0), (2, 3.0), (3, 4.0)]


@pytest.mark.parametrize("options", [{}, {"check_val_every_n_epoch": 2}], ids=str)
def test_a_metric_that_is_missing_is_an_error_with_those_that_are_there(reporter, options):
    with pytest.raises(
        MetricKeyError, match=r"'val_los' .*: .*val_loss.* Did you mean 'val_loss'\? Call self.log"
    ):
        fit(LightningEpochEnd(reporter, metric="val_los"), **options)
    assert points(reporter) == []


def test_without_validation_data_the_error_says_how_to_have_its_metrics(reporter):
    with pytest.raises(MetricKeyError, match=r"give fit\(\) validation data"):
        fit(LightningEpochEnd(reporter), validation=False)


@pytest.mark.parametrize("same_object", [True, False])
def test_several_trainings_share_ascending_steps(reporter, same_object):
    report = LightningEpochEnd(reporter)
    fit(report, epochs=2)
    fit(report if same_object else LightningEpochEnd(reporter), epochs=2)
    assert steps(reporter) == [0, 1, 2, 3]


def test_a_validation_alone_reports_nothing(reporter):
    trainer = fit(LightningEpochEnd(reporter), epochs=1)
    trainer.validate(Model(), loader(), verbose=False)
    assert steps(reporter) == [0]


@pytest.mark.parametrize("again", COPIES)
def test_a_copy_reports_to_the_same_reporter(reporter, again):
    report = LightningEpochEnd(reporter)
    fit(report, epochs=2)
    twin = again(report)
    assert isinstance(twin, LightningEpochEnd)
    assert isinstance(twin, lightning.Callback)
    fit(twin, epochs=2)
    assert steps(reporter) == [0, 1, 2, 3]


def test_an_early_stop_leaves_the_training(reporter):
    reporter.stop()
    with pytest.raises(EarlyStopException):
        fit(LightningEpochEnd(reporter))
    assert steps(reporter) == [0]


def test_a_stopped_trial_ends(tmp_path):
    trial = run_and_stop(tmp_path, lambda reporter: fit(LightningEpochEnd(reporter), epochs=MANY))
    assert_stopped(trial)


def test_without_the_package_lightning_it_is_of_the_other_one():
    code = (
        "import sys; sys.modules['lightning'] = None\n"
        "from maggy.callbacks import LightningEpochEnd\n"
        "report = LightningEpochEnd(None); import pytorch_lightning\n"
        "print(isinstance(report, pytorch_lightning.Callback))"
    )
    process = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=600, check=True
    )
    assert process.stdout.strip() == "True"


def test_a_callback_is_of_both_packages_that_lightning_is_published_as(reporter):
    other = importlib.import_module("pytorch_lightning")
    report = LightningEpochEnd(reporter)
    assert isinstance(report, (lightning.Callback, other.Callback))
    assert isinstance(report, other.Callback)
    assert type(pickle.loads(pickle.dumps(report))) is type(report)
