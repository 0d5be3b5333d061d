"""Define the configs of a hyperparameter search."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import TYPE_CHECKING, Any

from maggy.common.by_name import with_names
from maggy.common.exceptions import BadArgumentsError
from maggy.common.types import Json, ParameterValue
from maggy.earlystop import stop_rules
from maggy.earlystop.registry import STOP_RULES, StopRule
from maggy.experiment_config.argument_docs import explain_inherited_arguments
from maggy.experiment_config.checks import (
    check_count,
    check_direction,
    check_flag,
    check_key,
    check_positive,
)
from maggy.experiment_config.lagom import CommonConfig
from maggy.experiment_config.unknown_keywords import refuse_unknown_keywords
from maggy.optimizer import AbstractOptimizer, SingleRun, resolve_optimizer
from maggy.optimizer.registry import OPTIMIZERS
from maggy.result import ExperimentResult
from maggy.searchspace import Searchspace

if TYPE_CHECKING:
    from optuna.samplers import BaseSampler

__all__ = ["HyperparameterOptConfig", "OptimizationConfig"]


class _Required(Enum):
    """Mark an argument without a value. ``help`` shows it as the argument's default."""

    YES = "required"

    def __repr__(self) -> str:
        return "<required>"


@explain_inherited_arguments
@with_names(OPTIMIZERS, "{optimizers}")
@with_names(STOP_RULES, "{stop_rules}")
@refuse_unknown_keywords
@dataclass
class OptimizationConfig(CommonConfig):
    """Describe a search for the hyperparameters with the best metric.

    Example:
        >>> from maggy import Searchspace
        >>> space = Searchspace(lr=("DOUBLE", [1e-4, 1e-1], "log"))
        >>> config = OptimizationConfig(20, "randomsearch", space, seed=1)

    Args:
        num_trials: Number of trials; with ``'asha'`` and ``'hyperband'`` the number of runs. None
            is allowed for ``'gridsearch'`` and ``'hyperband'``, which know the number themselves.
            Then give the other arguments by keyword. A user's own optimizer alone decides how many
            trials there are.
        optimizer: The optimizer that suggests the trials: {optimizers}, an
            :class:`~maggy.optimizer.AbstractOptimizer`, or any ``optuna.samplers.BaseSampler``.
            Names may be in upper or lower case. Other distributions can register names as entry
            points of the group ``maggy.optimizers``. ``'none'`` or None runs the same empty
            configuration ``num_trials`` times. There is no default.
        searchspace: The :class:`~maggy.Searchspace` from which the optimizer suggests
            configurations. None, the default, is for an optimizer that needs none.
        optimization_key: The key of the metric, ``'metric'`` by default, if the training function
            returns a dict.
        direction: ``'max'``, the default, if a higher metric is better; ``'min'`` if a lower one.
        es_interval: Training steps, 1 by default, between two checks of a running trial by the stop
            rule. A longer interval stops trials later and costs fewer checks.
        es_min: A stop rule checks no trial until more than this number of trials, 10 by default,
            have ended with a metric. ``'successivehalving'`` and pruners of Optuna do not wait.
        es_policy: The rule that stops trials early: {stop_rules}, an
            :class:`~maggy.earlystop.AbstractEarlyStop`, any ``optuna.pruners.BasePruner``, or a
            rule that ends the whole experiment (:class:`~maggy.earlystop.Patience`,
            :class:`~maggy.earlystop.Threshold`); or a list of these. Names may be in upper or lower
            case. Other distributions can register names as entry points of the group
            ``maggy.stop_rules``. The default is ``'median'``. ``'none'`` or None stops no trial.
        name: A name by which you find the experiment again.
        description: The purpose of the experiment, at any length.
        hb_interval: Seconds, 1 by default, between two heartbeats of a worker; may be a fraction.
            Metrics and output reach the driver with a heartbeat, so a longer interval stops trials
            later.
        model: The argument ``model`` of the training function, unless a hyperparameter has this
            name. Each worker receives the value once. With ``model`` or ``dataset``, the return
            value is read as :class:`HyperparameterOptConfig` describes.
        dataset: The argument ``dataset`` of the training function, like ``model``.
        es_seconds: Seconds between two checks of all running trials, in place of ``es_interval``
            steps. None, the default, checks by steps.
        initial_trials: Configurations to try first, as dicts in the search space. They count among
            the ``num_trials``. None, the default, means none.
        allow_repeats: Let random search and the optimizers with a model run a configuration again,
            although the search space has untried ones. By default they repeat none, if the space
            has at most 1,000,000 configurations.
        warm_start: An earlier search whose ended trials the optimizer is told before it begins: its
            result, directory or id. They do not count among the ``num_trials``, and they do not
            run again. None, the default, tells it nothing.

    Raises:
        BadArgumentsError: If an argument breaks its rule.
        TypeError: If there is no optimizer, or if an optimizer or a stop rule is of another type.
    """

    num_trials: int | None = None
    optimizer: str | AbstractOptimizer | BaseSampler | _Required | None = _Required.YES
    searchspace: Searchspace | None = None
    optimization_key: str = "metric"
    direction: str = "max"
    es_interval: int = 1
    es_min: int = 10
    es_policy: StopRule | Sequence[StopRule] = "median"
    name: str = "HPOptimization"
    description: str = ""
    hb_interval: float = 1
    model: Any = field(default=None, kw_only=True)
    dataset: Any = field(default=None, kw_only=True)
    es_seconds: float | None = None
    initial_trials: Sequence[Mapping[str, ParameterValue]] | None = None
    allow_repeats: bool = field(default=False, kw_only=True)
    warm_start: ExperimentResult | str | os.PathLike[str] | None = field(default=None, kw_only=True)

    def __post_init__(self) -> None:
        super().__post_init__()
        # num_trials comes first and may be None, so Python cannot demand an optimizer by itself.
        if self.optimizer is _Required.YES:
            name = type(self).__name__
            raise TypeError(f"{name} needs an optimizer: {name}(num_trials, optimizer, ...).")
        optimizer = resolve_optimizer(self.optimizer)
        if self.num_trials is not None or optimizer.needs_num_trials:
            check_count("num_trials", self.num_trials)
        self._check_searchspace(optimizer)
        check_key(self.optimization_key)
        self.direction = check_direction(self.direction)
        check_count("es_interval", self.es_interval)
        check_count("es_min", self.es_min, least=0)
        if self.es_seconds is not None:
            # The calls of 0.3 and 0.4 give the seconds as es_interval.
            check_positive("es_interval", self.es_seconds, "seconds")
        stop_rules(self.es_policy)
        check_flag("allow_repeats", self.allow_repeats)
        self._check_initial_trials()
        self._check_warm_start()

    def further_identity(self) -> Mapping[str, Json]:
        """Return what must be equal when the search is resumed, besides its own options.

        Subclasses whose training functions are all alike return what these depend on, such as a
        digest of the data. Here it is empty.
        """
        return {}

    def _check_searchspace(self, optimizer: AbstractOptimizer) -> None:
        is_single_run = isinstance(optimizer, SingleRun)
        if self.searchspace is None:
            # An instance may bring its own configurations.
            if isinstance(self.optimizer, str) and not is_single_run:
                raise BadArgumentsError(
                    f"The optimizer {self.optimizer!r} needs a search space, "
                    "but searchspace is None."
                )
            return
        if not isinstance(self.searchspace, Searchspace):
            raise BadArgumentsError(
                f"searchspace must be a maggy.Searchspace, but got "
                f"{type(self.searchspace).__name__}: {self.searchspace!r:.80}. "
                "Make one with Searchspace(lr=('DOUBLE', [0.001, 0.1]))."
            )
        if is_single_run:
            raise BadArgumentsError(
                "A search space needs an optimizer that draws from it, but the optimizer is "
                f"{self.optimizer!r}. Pass optimizer='randomsearch', or no search space."
            )
        if not len(self.searchspace):
            raise BadArgumentsError(
                "The search space must hold at least one parameter, but it is empty. Add some."
            )

    def _check_initial_trials(self) -> None:
        """Convert the initial trials to plain values of the search space."""
        trials, space = self.initial_trials, self.searchspace
        if trials is None:
            return
        if not isinstance(trials, (list, tuple)):
            raise BadArgumentsError(
                f"initial_trials must be a list of dicts, but got {trials!r:.80}."
            )
        if not trials:
            self.initial_trials = []
            return
        if space is None:
            raise BadArgumentsError(
                "initial_trials need a search space that they are in, but searchspace is None."
            )
        if self.num_trials is not None and len(trials) > self.num_trials:
            raise BadArgumentsError(
                f"There must be at most num_trials={self.num_trials} initial trials, "
                f"but got {len(trials)}."
            )
        self.initial_trials = [
            _checked_trial(space, index, params) for index, params in enumerate(trials)
        ]

    def _check_warm_start(self) -> None:
        """Keep the directory of a result in its place."""
        source = self.warm_start
        if source is None:
            return
        if self.searchspace is None:
            raise BadArgumentsError(
                "warm_start needs a search space that its trials may fit into, but searchspace is "
                "None. Pass one, or leave warm_start out."
            )
        if isinstance(source, ExperimentResult):
            if source.directory is None:
                raise BadArgumentsError(
                    "warm_start must be the result of a recorded experiment, but this one has no "
                    "directory. Pass what lagom or maggy.load has returned."
                )
            self.warm_start = source.directory
        elif not isinstance(source, (str, os.PathLike)) or not os.fspath(source):
            raise BadArgumentsError(
                "warm_start must be the result, the directory or the id of an earlier experiment, "
                f"but got {type(source).__name__}: {source!r:.80}. Pass for example "
                "maggy.load(directory)."
            )


def _checked_trial(
    space: Searchspace, index: int, params: Mapping[str, ParameterValue]
) -> Mapping[str, ParameterValue]:
    try:
        return space.checked(params)
    except BadArgumentsError as error:
        raise BadArgumentsError(
            f"initial_trials[{index}] must lie in the search space. {error}"
        ) from None


@explain_inherited_arguments
@refuse_unknown_keywords
@dataclass
class HyperparameterOptConfig(OptimizationConfig):
    """Describe a search as in release 1.1: with a model, a data set and lenient return values.

    If the training function returns a dict, the metric is the value at ``optimization_key``, else
    at ``'metric'`` in upper or lower case, else the first value. If it returns a list, the metric
    is the first item. A line in the notebook says which value counts.

    The positions of the arguments are those of release 1.1: up to ``hb_interval`` those of
    :class:`OptimizationConfig`, then ``model`` and ``dataset``. Give all other arguments by
    keyword.

    Example:
        >>> from maggy import Searchspace
        >>> space = Searchspace(lr=("DOUBLE", [1e-4, 1e-1], "log"))
        >>> config = HyperparameterOptConfig(20, "randomsearch", space, dataset=["train.csv"])
        >>> config.optimization_key
        'Metric'

    Args:
        optimization_key: The key of the metric, ``'Metric'`` by default, if the training function
            returns a dict. Without this key another value counts, as described above.
        model: The argument ``model`` of the training function, unless a hyperparameter has this
            name. Each worker receives the value once.

    Raises:
        BadArgumentsError: If an argument breaks its rule.
        TypeError: If there is no optimizer, or if an optimizer or a stop rule is of another type.
    """

    optimization_key: str = "Metric"
    # A field that a subclass defines again keeps its order. Only its kind changes: with a position
    # or by keyword only.
    model: Any = None
    dataset: Any = None
    es_seconds: float | None = field(default=None, kw_only=True)
    initial_trials: Sequence[Mapping[str, ParameterValue]] | None = field(
        default=None, kw_only=True
    )
