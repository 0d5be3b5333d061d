"""The callback for Hugging Face's Trainer with the real library: `tox -e frameworks`."""

import numpy as np
import pytest
import torch
from helpers.framework_trainings import COPIES, MANY, assert_stopped, points, run_and_stop, steps
from transformers import (
    BertConfig,
    BertForSequenceClassification,
    Trainer,
    TrainerCallback,
    TrainingArguments,
)

from maggy.callbacks import HuggingFaceEvaluate
from maggy.common.exceptions import EarlyStopException, MetricKeyError


def texts(count):
    """Return random tokens whose first one is the label."""
    tokens = np.random.default_rng(0).integers(0, 20, size=(count, 4))
    return [{"input_ids": row, "labels": int(row[0] > 9)} for row in tokens]


@pytest.fixture
def make_trainer(tmp_path, monkeypatch):
    """Return a function that makes a trainer of a tiny random model: 2 updates an epoch."""
    # tests/ is on the path, so transformers takes the folder tests/datasets for a package.
    monkeypatch.setattr("transformers.trainer.is_datasets_available", lambda: False)

    def make(*callbacks, valid=None, epochs=3, accuracy=False, **options):
        torch.manual_seed(0)
        config = BertConfig(
            vocab_size=20,
            hidden_size=8,
            num_hidden_layers=1,
            num_attention_heads=1,
            intermediate_size=8,
            max_position_embeddings=8,
        )
        options = {"eval_strategy": "epoch", "save_strategy": "no", **options}
        arguments = TrainingArguments(
            str(tmp_path / "output"),
            num_train_epochs=epochs,
            per_device_train_batch_size=4,
            learning_rate=0.01,
            report_to="none",
            disable_tqdm=True,
            use_cpu=True,
            **options,
        )
        return Trainer(
            BertForSequenceClassification(config),
            arguments,
            train_dataset=texts(8),
            eval_dataset=texts(8) if valid is None else valid,
            compute_metrics=(lambda result: {"accuracy": np.float32(0.5)}) if accuracy else None,
            callbacks=list(callbacks),
        )

    return make


def logs_of(trainer, name):
    return [(log["step"], log[name]) for log in trainer.state.log_history if name in log]


def test_every_evaluation_is_reported_with_the_librarys_own_values(reporter, make_trainer):
    trainer = make_trainer(HuggingFaceEvaluate(reporter))
    trainer.train()
    assert points(reporter) == logs_of(trainer, "eval_loss")
    assert steps(reporter) == [2, 4, 6]
    assert all(type(value) is float for _, value in points(reporter))


@pytest.mark.parametrize("metric", ["accuracy", "eval_accuracy"])
def test_a_users_metric_is_found_with_and_without_its_prefix(reporter, make_trainer, metric):
    make_trainer(HuggingFaceEvaluate(reporter, metric=metric), accuracy=True).train()
    assert points(reporter) == [(2, 0.5), (4, 0.5), (6, 0.5)]


def test_an_evaluation_may_come_after_any_number_of_steps(reporter, make_trainer):
    report = HuggingFaceEvaluate(reporter)
    make_trainer(report, eval_strategy="steps", eval_steps=3, eval_on_start=True).train()
    assert steps(reporter) == [0, 3, 6]


@pytest.mark.parametrize("name", ["a", "b"])
def test_of_several_evaluation_sets_one_is_named(reporter, make_trainer, name):
    report = HuggingFaceEvaluate(reporter, metric=f"eval_{name}_loss")
    trainer = make_trainer(report, valid={"a": texts(4), "b": texts(6)})
    trainer.train()
    assert points(reporter) == logs_of(trainer, f"eval_{name}_loss")
    assert len(points(reporter)) == 3


def test_evaluations_after_the_training_report_nothing(reporter, make_trainer):
    trainer = make_trainer(HuggingFaceEvaluate(reporter), epochs=1)
    trainer.train()
    trainer.evaluate()
    trainer.evaluate(texts(4), metric_key_prefix="test")
    assert steps(reporter) == [2]


@pytest.mark.parametrize("epochs", [1, 3])
@pytest.mark.parametrize("several", [True, False])
def test_a_metric_that_is_missing_is_an_error_with_those_that_are_there(
    reporter, make_trainer, epochs, several
):
    valid = {"a": texts(4), "b": texts(4)} if several else None
    trainer = make_trainer(HuggingFaceEvaluate(reporter, "eval_los"), valid=valid, epochs=epochs)
    names = "eval_a_loss.*eval_b_loss" if several else "eval_loss"
    with pytest.raises(MetricKeyError, match=rf"'eval_los' .*: .*{names}.* Did you mean"):
        trainer.train()
    assert trainer.state.global_step == 2
    assert points(reporter) == []


def test_several_trainings_share_ascending_steps(reporter, make_trainer):
    report = HuggingFaceEvaluate(reporter)
    trainer = make_trainer(report, epochs=2)
    trainer.train()
    trainer.train()
    make_trainer(HuggingFaceEvaluate(reporter), epochs=1).train()
    assert steps(reporter) == [2, 4, 5, 6, 7]


@pytest.mark.parametrize("again", COPIES)
def test_a_copy_reports_to_the_same_reporter(reporter, make_trainer, again):
    report = HuggingFaceEvaluate(reporter)
    make_trainer(report, epochs=1).train()
    twin = again(report)
    assert isinstance(twin, HuggingFaceEvaluate)
    assert isinstance(twin, TrainerCallback)
    make_trainer(twin, epochs=1).train()
    assert steps(reporter) == [2, 3]


def test_a_checkpoint_of_the_trainer_can_be_saved_and_continued(reporter, make_trainer):
    make_trainer(HuggingFaceEvaluate(reporter), epochs=1, save_strategy="epoch").train()
    trainer = make_trainer(HuggingFaceEvaluate(reporter), epochs=3, save_strategy="epoch")
    trainer.train(resume_from_checkpoint=True)
    assert steps(reporter) == [2, 4, 6]


def test_an_early_stop_leaves_the_training(reporter, make_trainer):
    reporter.stop()
    trainer = make_trainer(HuggingFaceEvaluate(reporter))
    with pytest.raises(EarlyStopException):
        trainer.train()
    assert (steps(reporter), trainer.state.global_step) == ([2], 2)


def test_a_stopped_trial_ends(tmp_path, make_trainer):
    def train(reporter):
        make_trainer(HuggingFaceEvaluate(reporter), epochs=MANY).train()

    assert_stopped(run_and_stop(tmp_path, train))
