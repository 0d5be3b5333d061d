"""An XGBoost callback that saves the model after boosting rounds, and continues a saved one."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol, TypeVar

from maggy.callbacks.boosting_checkpoint import BoostingCheckpoint
from maggy.callbacks.checkpoint_saving import SavingReporter
from maggy.common.exceptions import NotSupportedError
from maggy.common.extras import install_command
from maggy.common.optional import import_optional

__all__ = ["XGBoostCheckpoint"]


class _Booster(Protocol):
    """The part of XGBoost's ``Booster`` that the callback uses."""

    def num_boosted_rounds(self) -> int: ...

    def save_model(self, fname: Path) -> None: ...


_Model = TypeVar("_Model", bound=_Booster)


class XGBoostCheckpoint(BoostingCheckpoint):
    """Save the model after rounds of XGBoost, and continue from there when the trial runs again.

    A callback of XGBoost cannot change where a training begins. So the training is given the saved
    model and the number of rounds that are left: ``xgb_model=save.model`` and
    ``save.rounds_left(n)``. In a run that begins at the beginning these are None and ``n``.

    It works with ``xgboost.train`` and the estimators, for one training of a training function. Put
    it behind ``XGBoostRound``, so that the checkpoint is of the round that was reported last.

    The continued model is equal to the bit to one that was trained in one go. This does not hold
    for what draws random numbers (``subsample``, ``colsample_*``, the booster ``dart``): XGBoost
    does not save the state of its generator, so the rounds after the checkpoint draw other ones.
    XGBoost's ``EarlyStopping`` begins anew, too: it forgets the best score before the checkpoint.
    ``evals_result`` has the rounds of this run only. It is empty if none was left, so compute the
    returned metric with the model.

    Example:
        >>> def train(max_depth, reporter):
        ...     from maggy.callbacks import XGBoostCheckpoint, XGBoostRound
        ...     from xgboost import XGBClassifier
        ...
        ...     save = XGBoostCheckpoint(reporter)
        ...     model = XGBClassifier(
        ...         n_estimators=save.rounds_left(50), max_depth=max_depth, eval_metric="auc",
        ...         callbacks=[XGBoostRound(reporter), save],
        ...     )
        ...     model.fit(x, y, eval_set=[(x_valid, y_valid)], xgb_model=save.model)

    Args:
        reporter: The argument ``reporter`` of the training function.
        every: Number of rounds between two checkpoints, at least 1. The last round is saved, too,
            and every round from which on ``reporter.should_checkpoint`` is true.

    Raises:
        BadArgumentsError: If ``every`` is no whole number of at least 1. During the training, if it
            was not given the saved model and the number of rounds that are left.
        MissingDependencyError: If XGBoost is not installed.
        NotSupportedError: During the training, if it is a cross-validation or the second one.
    """

    _file = "model.ubj"
    _arguments = "xgb_model=save.model, and save.rounds_left(n) as the number of rounds"

    def __init__(self, reporter: SavingReporter, every: int = 10) -> None:
        super().__init__(reporter, every)

    @classmethod
    def _framework_classes(cls) -> tuple[type, ...]:
        remedy = install_command("xgboost")
        return (import_optional("xgboost.callback", cls.__name__, remedy).TrainingCallback,)

    def before_training(self, model: _Model) -> _Model:
        """Check that the training continues the saved model. XGBoost calls this method.

        Args:
            model: The model that the training begins with.

        Returns:
            The same model.
        """
        if hasattr(model, "cvfolds"):
            raise NotSupportedError(
                "XGBoostCheckpoint must be given to xgboost.train or to an estimator, but got "
                "xgboost.cv, whose models of the folds cannot be continued."
            )
        self._begin_at(model.num_boosted_rounds())
        return model

    def after_iteration(self, model: _Booster, epoch: int, evals_log: object) -> bool:
        """Save the model if it is time to. XGBoost calls this method.

        Args:
            model: The model so far.
            epoch: Not used.
            evals_log: Not used.

        Returns:
            False: the training goes on.
        """
        self._save_round(model.num_boosted_rounds(), model.save_model, is_last=False)
        return False

    def after_training(self, model: _Model) -> _Model:
        """Save the model of the last round. XGBoost calls this method.

        Args:
            model: The model of all rounds.

        Returns:
            The same model.
        """
        self._save_round(model.num_boosted_rounds(), model.save_model, is_last=True)
        return model
