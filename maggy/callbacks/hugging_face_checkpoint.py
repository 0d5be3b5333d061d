"""A callback for Hugging Face's ``Trainer`` that keeps its checkpoints for the next run."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import Protocol

from maggy.callbacks.checkpoint_saving import OnlyTraining, SavingReporter
from maggy.common.exceptions import BadArgumentsError
from maggy.common.extras import install_command
from maggy.common.optional import import_optional

__all__ = ["HuggingFaceCheckpoint"]


class _Arguments(Protocol):
    """The part of Hugging Face's ``TrainingArguments`` that the callback uses."""

    output_dir: str
    save_only_model: bool
    save_strategy: str


class _State(Protocol):
    """The part of Hugging Face's ``TrainerState`` that the callback uses."""

    global_step: int
    max_steps: int


class _Control(Protocol):
    """The part of Hugging Face's ``TrainerControl`` that the callback uses."""

    should_save: bool


class HuggingFaceCheckpoint(OnlyTraining):
    """Save the training after evaluations of Hugging Face's ``Trainer``, and let it be continued.

    The training is continued with ``trainer.train(resume_from_checkpoint=save.path)``. The path is
    None in a run that begins at the beginning. ``num_train_epochs`` or ``max_steps`` is the whole.

    The checkpoint is the trainer's own, with the optimizer, the scheduler and the random
    generators, so on a CPU the continued training ends with the same weights, to the bit. The
    callback asks the trainer to save it and takes it over from ``output_dir``. It stays there, too,
    if ``save_strategy`` is not ``"no"``. With ``"best"`` the trainer saves only an evaluation whose
    metric is the best so far. ``EarlyStoppingCallback`` goes on only with
    ``restore_callback_states_from_checkpoint=True``, and ``load_best_model_at_end`` finds only
    checkpoints in ``output_dir``, so none of an earlier run.

    The ``eval_strategy`` of the training arguments says when the trainer evaluates; its default is
    never, and then nothing is saved. One ``train()`` of a training function can have the callback.
    Put it behind ``HuggingFaceEvaluate``, so that the checkpoint is of the evaluation that was
    reported last.

    Example:
        >>> def train(learning_rate, reporter):
        ...     from maggy.callbacks import HuggingFaceCheckpoint, HuggingFaceEvaluate
        ...     from transformers import Trainer, TrainingArguments
        ...
        ...     arguments = TrainingArguments(
        ...         "output", learning_rate=learning_rate, eval_strategy="epoch",
        ...         save_strategy="no", report_to="none",
        ...     )
        ...     report, save = HuggingFaceEvaluate(reporter), HuggingFaceCheckpoint(reporter)
        ...     trainer = Trainer(
        ...         model, arguments, train_dataset=data, eval_dataset=valid_data,
        ...         callbacks=[report, save],
        ...     )
        ...     trainer.train(resume_from_checkpoint=save.path)

    Args:
        reporter: The argument ``reporter`` of the training function.
        every: Number of evaluations between two checkpoints, at least 1. An evaluation after the
            last update is saved, too. From when ``reporter.should_checkpoint`` is true, the next
            update and every evaluation are.

    Raises:
        BadArgumentsError: If ``every`` is no whole number of at least 1. During ``train()``, if it
            was not given the path, or with ``save_only_model``.
        MissingDependencyError: If transformers is not installed.
        NotSupportedError: During ``train()``, if it is the second one with this reporter.
    """

    _unit = "evaluations"
    _arguments = "resume_from_checkpoint=save.path to train()"

    def __init__(self, reporter: SavingReporter, every: int = 1) -> None:
        super().__init__(reporter, every)
        self._is_training = False
        self._evaluations = 0
        self._evaluated_step = -1
        self._must_save = False
        self._has_saved_before_preemption = False

    @classmethod
    def _framework_classes(cls) -> tuple[type, ...]:
        remedy = install_command("transformers")
        return (import_optional("transformers", cls.__name__, remedy).TrainerCallback,)

    @property
    def path(self) -> str | None:
        """The path of the trainer's checkpoint; None in a run that begins at the beginning."""
        checkpoint = self._restore()
        return None if checkpoint is None else os.fspath(checkpoint)

    def on_train_begin(
        self, args: _Arguments, state: _State, control: object, **others: object
    ) -> None:
        """Check that the training continues the checkpoint. The trainer calls this method.

        Args:
            args: Says what the trainer saves.
            state: Has the number of updates so far.
            control: Not used.
            **others: Not used.
        """
        if args.save_only_model:
            raise BadArgumentsError(
                "save_only_model must be False with HuggingFaceCheckpoint, but got True. The "
                "training could not be continued without its optimizer."
            )
        self._begin(is_continued=state.global_step > 0)
        self._is_training = True

    def on_evaluate(self, args: object, state: _State, control: _Control, **others: object) -> None:
        """Let the trainer save a checkpoint if it is time to. The trainer calls this method.

        Args:
            args: Not used.
            state: Has the number of updates so far.
            control: Takes the order.
            **others: Not used.
        """
        if not self._is_training:
            return
        # Each evaluation set of a step calls this method.
        self._evaluations += state.global_step != self._evaluated_step
        self._evaluated_step = state.global_step
        if self._is_due(self._evaluations, is_last=state.global_step >= state.max_steps):
            self._must_save = control.should_save = True

    def on_step_end(self, args: object, state: object, control: _Control, **others: object) -> None:
        """Let the trainer save if the executor will be taken away. The trainer calls this method.

        Args:
            args: Not used.
            state: Not used.
            control: Takes the order.
            **others: Not used.
        """
        if self._reporter.should_checkpoint and not self._has_saved_before_preemption:
            self._has_saved_before_preemption = True
            self._must_save = control.should_save = True

    def on_save(self, args: _Arguments, state: _State, control: object, **others: object) -> None:
        """Take over the checkpoint that the trainer has saved. The trainer calls this method.

        Args:
            args: Has the folder.
            state: Has the number of updates so far.
            control: Not used.
            **others: Not used.
        """
        if not self._must_save:
            return
        self._must_save = False
        source = Path(args.output_dir, f"checkpoint-{state.global_step}")
        with self._checkpoint(step=state.global_step) as folder:
            shutil.copytree(source, folder, dirs_exist_ok=True)
        if args.save_strategy == "no":
            shutil.rmtree(source)

    def on_train_end(self, args: object, state: object, control: object, **others: object) -> None:
        """Ask for no further checkpoint. The trainer calls this method.

        Args:
            args: Not used.
            state: Not used.
            control: Not used.
            **others: Not used.
        """
        self._is_training = False
