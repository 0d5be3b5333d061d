"""A LightGBM callback that saves the model after boosting rounds, and continues a saved one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

from maggy.callbacks.boosting_checkpoint import BoostingCheckpoint
from maggy.callbacks.checkpoint_saving import SavingReporter
from maggy.common.exceptions import NotSupportedError
from maggy.common.extras import install_command
from maggy.common.optional import import_optional

__all__ = ["LightGBMCheckpoint"]

_ORDER = 25
"""LightGBM calls its callbacks in this order: ours without one, then its own, which log (10) and
record (20) the values, then this one, then ``early_stopping`` (30), which may end the training."""


class _Booster(Protocol):
    """The part of LightGBM's ``Booster`` that the callback uses."""

    def current_iteration(self) -> int: ...

    def eval_valid(self) -> Sequence[Any]: ...

    def rollback_one_iter(self) -> object: ...

    def save_model(self, filename: str, num_iteration: int) -> object: ...


class _Round(Protocol):
    """The part of LightGBM's ``CallbackEnv`` that the callback uses."""

    model: _Booster
    iteration: int
    begin_iteration: int
    end_iteration: int


class LightGBMCheckpoint(BoostingCheckpoint):
    """Save the model after rounds of LightGBM, and let a training begin with the saved one.

    ``init_model=save.model`` lets the training begin with the saved model, and
    ``save.rounds_left(n)`` is the number of rounds to add to it. Where nothing is saved yet, they
    are None and ``n``. One ``lightgbm.train``, or one ``fit()`` of an estimator, in a training
    function can have the callback. Its place in the list does not matter.

    **What is equal.** Rounds without random numbers give the same trees, to the bit, as a training
    without interruption. Rounds with ``bagging_fraction``, ``feature_fraction``, ``goss``, ``dart``
    or ``extra_trees`` draw from the beginning of their random sequence again, so the trees differ.
    ``early_stopping`` counts from the first round that is added.

    **When nothing is left to train**, LightGBM must train one round all the same: ``rounds_left()``
    is 1 then, and the callback removes this round before anything is reported. So return a metric
    that you compute with the model; what LightGBM recorded has only the added rounds.

    Example:
        >>> def train(num_leaves, reporter):
        ...     from lightgbm import LGBMClassifier
        ...     from maggy.callbacks import LightGBMCheckpoint, LightGBMRound
        ...
        ...     save = LightGBMCheckpoint(reporter)
        ...     model = LGBMClassifier(num_leaves=num_leaves, n_estimators=save.rounds_left(50))
        ...     model.fit(
        ...         x, y, eval_set=[(x_valid, y_valid)], init_model=save.model,
        ...         callbacks=[LightGBMRound(reporter), save],
        ...     )

    Args:
        reporter: The argument ``reporter`` of the training function.
        every: Number of rounds from one checkpoint to the next, at least 1. A checkpoint is also
            saved after the last round, and after each one while ``reporter.should_checkpoint``.

    Raises:
        BadArgumentsError: If ``every`` is no whole number of at least 1. During the training, if
            ``init_model`` or the number of rounds does not come from the callback.
        MissingDependencyError: If LightGBM is not installed.
        NotSupportedError: During ``lightgbm.cv``, and during a second training.
    """

    _file = "model.txt"
    _arguments = "init_model=save.model, and save.rounds_left(n) as the number of rounds"

    def __init__(self, reporter: SavingReporter, every: int = 10) -> None:
        super().__init__(reporter, every)
        self.order: float = _ORDER

    @classmethod
    def _framework_classes(cls) -> tuple[type, ...]:
        # LightGBM calls any object.
        import_optional("lightgbm", cls.__name__, install_command("lightgbm"))
        return ()

    def rounds_left(self, rounds: int) -> int:
        """Return how many rounds to train: at least 1, since LightGBM accepts no 0.

        Args:
            rounds: The number of rounds of the whole training, at least 1.

        Raises:
            BadArgumentsError: If ``rounds`` is no whole number of at least 1.
        """
        left = super().rounds_left(rounds)
        # Before all other callbacks, so that nothing reports the round that is removed.
        self.order = _ORDER if left else float("-inf")
        return left or 1

    def __call__(self, env: _Round) -> None:
        """Save the model if it is time to. LightGBM calls the callback.

        Args:
            env: The round and the model so far.
        """
        if not hasattr(env.model, "save_model") or hasattr(env.model, "boosters"):
            raise NotSupportedError(
                "LightGBMCheckpoint must be given to lightgbm.train or to an estimator, but got "
                "lightgbm.cv, whose models of the folds cannot be continued."
            )
        if env.iteration == env.begin_iteration:
            self._begin_at(env.begin_iteration)
        if self.order < 0:
            self._end_without_a_round(env)
        is_last = env.iteration + 1 == env.end_iteration
        self._save_round(
            env.iteration + 1,
            lambda path: env.model.save_model(str(path), num_iteration=-1),
            is_last,
        )

    def _end_without_a_round(self, env: _Round) -> None:
        """Remove the round that was trained, and end the training."""
        env.model.rollback_one_iter()
        callback = import_optional("lightgbm.callback", type(self).__name__, "")
        raise callback.EarlyStopException(env.iteration - 1, env.model.eval_valid())
