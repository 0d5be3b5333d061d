"""Trainings with PyTorch that save checkpoints and continue from them."""

import contextlib
import itertools

import numpy as np
import torch

from helpers.framework_trainings import X, Y
from helpers.runs import Interruption

__all__ = ["train_hugging_face", "train_lightning"]

_SEEDS = itertools.count()


def train_lightning(reporter, total=8, *, die_after=None, told=("path",), **options):
    """Train with shuffled rows, dropout and a schedule, and return the weights.

    Each call begins with other weights and other random numbers.

    Args:
        reporter: The reporter of the run.
        total: Number of epochs of the whole training.
        die_after: The epoch, from 1, after which the worker is lost.
        told: What the training is given of the saved state; "nothing of it" if the training
            function reads it only.
        **options: The options of the checkpoint.
    """
    import lightning

    from maggy.callbacks import LightningCheckpoint, LightningEpochEnd

    class Model(lightning.LightningModule):
        def __init__(self):
            super().__init__()
            self.layers = torch.nn.Sequential(
                torch.nn.Linear(3, 8),
                torch.nn.Dropout(0.3),
                torch.nn.BatchNorm1d(8),
                torch.nn.Linear(8, 2),
            )

        def training_step(self, batch, number):
            return torch.nn.functional.cross_entropy(self.layers(batch[0]), batch[1])

        def validation_step(self, batch, number):
            self.log("val_loss", self.training_step(batch, number))

        def configure_optimizers(self):
            optimizer = torch.optim.Adam(self.parameters(), lr=0.05)
            return [optimizer], [torch.optim.lr_scheduler.StepLR(optimizer, 2, 0.5)]

    class Die(lightning.Callback):
        def on_train_epoch_start(self, trainer, pl_module):
            if trainer.current_epoch == die_after:
                raise Interruption

    begin_anew(reporter)
    save = LightningCheckpoint(reporter, **options)
    if told == ("nothing of it",):
        assert save.path
    trainer = lightning.Trainer(
        max_epochs=total,
        accelerator="cpu",
        devices=1,
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        callbacks=[LightningEpochEnd(reporter), save, Die()],
    )
    data = torch.utils.data.TensorDataset(torch.from_numpy(X), torch.from_numpy(Y))
    model = Model()
    with contextlib.suppress(Interruption):
        trainer.fit(
            model,
            torch.utils.data.DataLoader(data, batch_size=16, shuffle=True),
            torch.utils.data.DataLoader(data, batch_size=16),
            ckpt_path=save.path if "path" in told else None,
        )
    return [weight.tolist() for weight in model.state_dict().values()]


def train_hugging_face(reporter, total=8, *, die_after=None, told=("path",), **options):
    """Train a tiny model with 2 updates an epoch, and return the weights; see `train_lightning`."""
    from transformers import (
        BertConfig,
        BertForSequenceClassification,
        Trainer,
        TrainerCallback,
        TrainingArguments,
    )

    from maggy.callbacks import HuggingFaceCheckpoint, HuggingFaceEvaluate

    class Die(TrainerCallback):
        def on_epoch_begin(self, args, state, control, **others):
            if round(state.epoch) == die_after:
                raise Interruption

    begin_anew(reporter)
    save = HuggingFaceCheckpoint(reporter, **options)
    if told == ("nothing of it",):
        assert save.path
    tokens = np.random.default_rng(0).integers(0, 20, size=(8, 4))
    data = [{"input_ids": row, "labels": int(row[0] > 9)} for row in tokens]
    sizes = {"hidden_size": 8, "num_hidden_layers": 1, "num_attention_heads": 1}
    config = BertConfig(vocab_size=20, intermediate_size=8, max_position_embeddings=8, **sizes)
    arguments = TrainingArguments(
        str(reporter._checkpoints.folder.parent / "output"),
        num_train_epochs=total,
        per_device_train_batch_size=4,
        learning_rate=0.01,
        lr_scheduler_type="constant",
        eval_strategy="epoch",
        save_strategy="no",
        report_to="none",
        disable_tqdm=True,
        use_cpu=True,
    )
    trainer = Trainer(
        BertForSequenceClassification(config),
        arguments,
        train_dataset=data,
        eval_dataset=data,
        callbacks=[HuggingFaceEvaluate(reporter), save, Die()],
    )
    with contextlib.suppress(Interruption):
        trainer.train(resume_from_checkpoint=save.path if "path" in told else None)
        trainer.evaluate()  # reports nothing: this step was reported
    return [weight.tolist() for weight in trainer.model.state_dict().values()]


def begin_anew(reporter):
    """Seed a run: one that begins at the beginning always in the same way, others differently."""
    torch.manual_seed(next(_SEEDS) + 1 if reporter._checkpoints.handover else 0)
