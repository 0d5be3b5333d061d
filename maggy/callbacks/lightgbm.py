"""A LightGBM callback that broadcasts a metric after each round.

LightGBM is imported when the first callback is made.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

from maggy.callbacks.round_report import RoundReport
from maggy.common.extras import install_command
from maggy.common.optional import import_optional

__all__ = ["LightGBMRound"]


class _Round(Protocol):
    """The part of LightGBM's ``CallbackEnv`` that the callback uses."""

    iteration: int
    evaluation_result_list: Sequence[Any] | None


class LightGBMRound(RoundReport):
    """Report a metric to the experiment after each boosting round of LightGBM.

    ``lightgbm.train`` and the estimators report each round. With ``lightgbm.cv`` it is the mean of
    the folds.

    **The metric** is a pair: the name of the data set and that of the metric, such as
    ``("valid_0", "auc")``; ``"valid_0-auc"`` means the same. Data sets that ``valid_names`` or
    ``eval_names`` does not name are ``valid_0``, ``valid_1`` and so on. The data of the training
    are ``training``.

    **The step** is LightGBM's own number of the round, from 0, so a training with an ``init_model``
    goes on after its rounds. It is a later one where the reporter has that step already. LightGBM
    calls its ``early_stopping`` after this callback, so the round that ends the training counts.

    Example:
        >>> def train(num_leaves, reporter):
        ...     from lightgbm import LGBMClassifier
        ...     from maggy.callbacks import LightGBMRound
        ...
        ...     report = LightGBMRound(reporter, metric=("valid_0", "auc"))
        ...     model = LGBMClassifier(num_leaves=num_leaves, metric="auc")
        ...     model.fit(x, y, eval_set=[(x_valid, y_valid)], callbacks=[report])

    Args:
        reporter: The argument ``reporter`` of the training function.
        metric: The data set and the metric. None stands for the last data set, which must have one
            metric.

    Raises:
        BadArgumentsError: If ``metric`` is neither a text nor a pair of texts.
        MissingDependencyError: If LightGBM is not installed.
        MetricKeyError: During the training, if LightGBM does not compute the metric. The message
            lists the metrics that it computes.
        EarlyStopException: During the training, if the driver has asked this trial to stop.
    """

    _place = "LightGBM's evaluations"
    _remedy = "Give the training an eval_set or valid_sets, and set metric."

    @classmethod
    def _framework_classes(cls) -> tuple[type, ...]:
        # LightGBM calls any object. Without an ``order`` it is called before LightGBM's own ones.
        import_optional("lightgbm", cls.__name__, install_command("lightgbm"))
        return ()

    def __call__(self, env: _Round) -> None:
        """Report the metric. LightGBM calls the callback.

        Args:
            env: The round and its evaluations.
        """
        results = env.evaluation_result_list or []
        value = self._choose({(result[0], result[1]): result[2] for result in results})
        self._report(value, step=env.iteration)
