"""The config of a hyperparameter search."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from maggy.common.exceptions import BadArgumentsError
from maggy.earlystop import stop_rules
from maggy.experiment_config.lagom import (
    CommonConfig,
    check_choice,
    check_count,
    check_flag,
    check_positive,
)
from maggy.optimizer import SingleRun, resolve_optimizer
from maggy.searchspace import Searchspace

__all__ = ["HyperparameterOptConfig", "OptimizationConfig", "check_key"]

_MISSING: Any = object()


@dataclass
class OptimizationConfig(CommonConfig):
    """A search for the hyperparameters with the best metric.

    Args:
        num_trials: How many trials to run; with ``'asha'`` and ``'hyperband'``, how many runs. May be None (or left
            out, with the others by keyword) for ``'gridsearch'`` and ``'hyperband'``, which know it themselves. A
            user's own optimizer alone decides how many there are.
        optimizer: ``'randomsearch'``, ``'gridsearch'``, ``'asha'``, ``'hyperband'``; of Optuna's ``'tpe'``, ``'gp'``,
            ``'cmaes'``, ``'qmc'``, ``'nsgaii'`` or any ``optuna.samplers.BaseSampler``; ``'none'`` (or None: the same
            empty configuration ``num_trials`` times); or an :class:`~maggy.optimizer.AbstractOptimizer`.
        searchspace: The :class:`~maggy.Searchspace`; None where the optimizer needs none.
        optimization_key: Where the metric is when the training function returns a dict.
        direction: ``'max'`` or ``'min'``.
        es_interval: Training steps between two early-stop checks of a running trial.
        es_min: Early stopping begins once more than so many trials have ended.
        es_policy: ``'median'``, ``'percentile'``, ``'successivehalving'``, ``'none'``, an
            :class:`~maggy.earlystop.AbstractEarlyStop`, any ``optuna.pruners.BasePruner``, or a rule that ends the
            whole experiment (:class:`~maggy.earlystop.Patience`, :class:`~maggy.earlystop.Threshold`); or a list of
            these.
        name: A name to find the experiment again.
        description: What it is about, at any length.
        hb_interval: Seconds between two heartbeats of a worker; may be a fraction.
        model: What the training function's parameter ``model`` gets unless a hyperparameter has that name; sent to
            each worker once. With it, or with ``dataset``, a returned value is read as
            :class:`HyperparameterOptConfig` does.
        dataset: What its parameter ``dataset`` gets, likewise.
        es_seconds: Check running trials every so many seconds, in place of ``es_interval`` steps.
        initial_trials: Configurations to try first, as dicts; they count among the ``num_trials``.
        allow_repeats: Let random search and the model-based optimizers run a configuration again although the search
            space, of at most 1,000,000 configurations, holds untried ones.

    Raises:
        BadArgumentsError: An argument breaks its rule; a ``ValueError``.

    Example:
        >>> from maggy import Searchspace
        >>> config = OptimizationConfig(20, "randomsearch", Searchspace(lr=("DOUBLE", [1e-4, 1e-1], "log")), seed=1)
    """

    num_trials: int | None = None
    optimizer: Any = _MISSING
    searchspace: Searchspace | None = None
    optimization_key: str = "metric"
    direction: str = "max"
    es_interval: int = 1
    es_min: int = 10
    es_policy: Any = "median"
    name: str = "HPOptimization"
    description: str = ""
    hb_interval: float = 1
    model: Any = field(default=None, kw_only=True)
    dataset: Any = field(default=None, kw_only=True)
    es_seconds: float | None = None
    initial_trials: Sequence[Mapping[str, Any]] | None = None
    allow_repeats: bool = field(default=False, kw_only=True)

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.optimizer is _MISSING:
            name = type(self).__name__
            raise TypeError(f"{name} needs an optimizer: {name}(num_trials, optimizer, ...).")
        optimizer = resolve_optimizer(self.optimizer)
        if self.num_trials is not None or optimizer.needs_num_trials:
            check_count("num_trials", self.num_trials)
        if self.searchspace is not None and not isinstance(self.searchspace, Searchspace):
            raise BadArgumentsError(
                f"searchspace must be a maggy.Searchspace, but got {type(self.searchspace).__name__}: "
                f"{self.searchspace!r:.80}. Make one with Searchspace(lr=('DOUBLE', [0.001, 0.1]))."
            )
        if isinstance(optimizer, SingleRun) and self.searchspace is not None:
            raise BadArgumentsError(
                "A search space needs an optimizer that draws from it, but the optimizer is "
                f"{self.optimizer!r}. Pass optimizer='randomsearch', or no search space."
            )
        if (
            self.searchspace is None
            and isinstance(self.optimizer, str)
            and not isinstance(optimizer, SingleRun)
        ):
            raise BadArgumentsError(
                f"The optimizer {self.optimizer!r} needs a search space, but searchspace is None."
            )
        if self.searchspace is not None and not len(self.searchspace):
            raise BadArgumentsError(
                "The search space must hold at least one parameter, but it is empty. Add some."
            )
        check_key(self.optimization_key)
        self.direction = check_choice("direction", self.direction, ("max", "min"))
        check_count("es_interval", self.es_interval)
        check_count("es_min", self.es_min, least=0)
        if self.es_seconds is not None:
            check_positive("es_interval", self.es_seconds, "seconds")
        stop_rules(self.es_policy)
        check_flag("allow_repeats", self.allow_repeats)
        self._check_initial_trials()

    def _check_initial_trials(self) -> None:
        given: Any = self.initial_trials
        if given is None:
            return
        if not isinstance(given, (list, tuple)):
            raise BadArgumentsError(
                f"initial_trials must be a list of dicts, but got {given!r:.80}."
            )
        if given and self.searchspace is None:
            raise BadArgumentsError(
                "initial_trials need a search space that they are in, but searchspace is None."
            )
        if self.num_trials is not None and len(given) > self.num_trials:
            raise BadArgumentsError(
                f"There must be at most num_trials={self.num_trials} initial trials, but got {len(given)}."
            )
        checked = []
        for number, params in enumerate(given):
            try:
                checked.append((self.searchspace or Searchspace()).checked(params))
            except BadArgumentsError as error:
                raise BadArgumentsError(
                    f"initial_trials[{number}] must lie in the search space. {error}"
                ) from None
        self.initial_trials = checked


def check_key(key: Any) -> None:
    """Refuse what cannot be an optimization key."""
    if not isinstance(key, str) or not key:
        raise BadArgumentsError(
            f"optimization_key must be a string that is not empty, but got {key!r:.80}."
        )


@dataclass
class HyperparameterOptConfig(OptimizationConfig):
    """A search as release 1.1 described it: ``model`` and ``dataset``, and a lenient reading of what is returned.

    A returned dict counts with the value at ``optimization_key``, else at ``'metric'`` in any case, else with its
    first value; a returned list counts with its first item. A line in the notebook says which value counts.

    The positions are those of release 1.1: up to ``hb_interval`` those of :class:`OptimizationConfig`, then ``model``
    and ``dataset``. All further options are given by keyword.

    Example:
        >>> from maggy import Searchspace
        >>> space = Searchspace(lr=("DOUBLE", [1e-4, 1e-1], "log"))
        >>> HyperparameterOptConfig(20, "randomsearch", space, dataset=["train.csv"]).optimization_key
        'Metric'
    """

    optimization_key: str = "Metric"
    # The fields of the base keep their order; only whether they have a position changes.
    model: Any = None
    dataset: Any = None
    es_seconds: float | None = field(default=None, kw_only=True)
    initial_trials: Sequence[Mapping[str, Any]] | None = field(default=None, kw_only=True)
