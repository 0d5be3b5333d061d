"""A callback for Hugging Face's ``Trainer`` that broadcasts a metric after each evaluation.

transformers is imported when the first callback is made.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from maggy.callbacks.framework_callback import FrameworkCallback
from maggy.callbacks.metric_report import MetricReport, MetricReporter, missing_metric
from maggy.common.extras import install_command
from maggy.common.optional import import_optional

__all__ = ["HuggingFaceEvaluate"]


class _State(Protocol):
    """The part of Hugging Face's ``TrainerState`` that the callback uses."""

    global_step: int
    is_world_process_zero: bool


class HuggingFaceEvaluate(MetricReport, FrameworkCallback):
    """Report a metric to the experiment after each evaluation of Hugging Face's ``Trainer``.

    The step is the trainer's ``global_step``, the number of updates so far. A step that something
    else has taken is never used again. A second evaluation at the same ``global_step``, such as
    ``trainer.evaluate()`` after the training, reports nothing. The ``eval_strategy`` of the
    training arguments says when the trainer evaluates; its default is never.

    The metric is named as in the trainer's ``metric_for_best_model``: ``"eval_loss"``, or
    ``"eval_accuracy"`` if ``compute_metrics`` returns ``accuracy``. The prefix ``eval_`` may be
    left out. With a dict of evaluation sets it is ``"eval_<set>_loss"``.

    Example:
        >>> def train(learning_rate, reporter):
        ...     from maggy.callbacks import HuggingFaceEvaluate
        ...     from transformers import Trainer, TrainingArguments
        ...
        ...     arguments = TrainingArguments(
        ...         "output", learning_rate=learning_rate, eval_strategy="epoch", report_to="none"
        ...     )
        ...     trainer = Trainer(
        ...         model, arguments, train_dataset=data, eval_dataset=valid_data,
        ...         callbacks=[HuggingFaceEvaluate(reporter, metric="eval_loss")],
        ...     )
        ...     trainer.train()

    Args:
        reporter: The argument ``reporter`` of the training function.
        metric: The metric's name in the trainer's evaluations.

    Raises:
        MissingDependencyError: If transformers is not installed.
        MetricKeyError: During ``train()``, at the step after the evaluation, if the trainer does
            not compute the metric. The message lists the metrics that it computes.
        EarlyStopException: During ``train()``, if the driver has asked this trial to stop.
    """

    _evaluated_step: int
    """The step of the last evaluation that had the metric; -1 before the first."""

    _first_step: int
    """The step of the checkpoint that ``train()`` continues; 0 if it continues none."""

    _other_names: list[str]
    """The metrics of the evaluation sets of this step, as long as none had the metric."""

    def __init__(self, reporter: MetricReporter, metric: str = "eval_loss") -> None:
        super().__init__(reporter)
        self._metric = metric
        self._begin()

    @classmethod
    def _framework_classes(cls) -> tuple[type, ...]:
        remedy = install_command("transformers")
        return (import_optional("transformers", cls.__name__, remedy).TrainerCallback,)

    def on_train_begin(
        self, args: object, state: _State, control: object, **others: object
    ) -> None:
        """Forget an earlier ``train()``. The trainer calls this method.

        Args:
            args: Not used.
            state: Has the step with which the training begins: above 0 if it continues another.
            control: Not used.
            **others: Not used.
        """
        self._begin()
        # The training that is continued has reported this step. It is the last one, too, if
        # nothing is left to train, and then trainer.evaluate() evaluates it again.
        self._first_step = state.global_step

    def on_evaluate(
        self,
        args: object,
        state: _State,
        control: object,
        metrics: Mapping[str, object] | None = None,
        **others: object,
    ) -> None:
        """Report the metric. The trainer calls this method.

        Args:
            args: Not used.
            state: Has the step.
            control: Not used.
            metrics: The metrics of one evaluation set by name.
            **others: Not used.
        """
        is_old = state.global_step in (self._evaluated_step, self._first_step or None)
        if is_old or not state.is_world_process_zero:
            return
        names = [self._metric, f"eval_{self._metric}"]
        name = next((name for name in names if name in (metrics or {})), None)
        if name is None or metrics is None:
            # Another evaluation set of this step may have it.
            self._other_names += [*(metrics or {})]
            return
        self._evaluated_step, self._other_names = state.global_step, []
        self._report(metrics[name], step=state.global_step)

    def on_step_begin(self, args: object, state: _State, control: object, **others: object) -> None:
        """Raise an error if no evaluation set had the metric. The trainer calls this method.

        Args:
            args: Not used.
            state: Not used.
            control: Not used.
            **others: Not used.
        """
        self._check()

    def on_train_end(self, args: object, state: _State, control: object, **others: object) -> None:
        """Raise an error if no evaluation set had the metric. The trainer calls this method.

        Args:
            args: Not used.
            state: Not used.
            control: Not used.
            **others: Not used.
        """
        self._check()

    def _begin(self) -> None:
        self._evaluated_step = -1
        self._first_step = 0
        self._other_names = []

    def _check(self) -> None:
        if self._other_names and self._evaluated_step < 0:
            raise missing_metric(
                self._metric, self._other_names, "the trainer's evaluations", _REMEDY
            )
        self._other_names = []


_REMEDY = "Let compute_metrics return it, and let the data have labels for eval_loss."
