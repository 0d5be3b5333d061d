"""The one call that runs an experiment: ``experiment.lagom(train_fn, config)``."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable
from typing import Any, TypeVar, overload

from maggy.common.exceptions import BadArgumentsError
from maggy.common.signature import check_callable
from maggy.common.types import TrainingFunction
from maggy.experiment_config import (
    AblationConfig,
    LagomConfig,
    OptimizationConfig,
)
from maggy.experiment_config.keywords import ExperimentConfig, Keywords, config_from_keywords
from maggy.result import ExperimentResult

__all__ = ["experiment", "lagom"]

R = TypeVar("R")

# In release 1.1 this was a package, and the call stood in maggy.experiment.experiment. Both paths
# name this module.
experiment = sys.modules[f"{__name__}.experiment"] = sys.modules[__name__]

# The one global of the package: two experiments at once would take each other's task slots.
_running = threading.Lock()


@overload
def lagom(
    train_fn: TrainingFunction, config: OptimizationConfig | AblationConfig
) -> ExperimentResult: ...


# A call with a function and nothing else matches the next two. The first match counts.
@overload
def lagom(  # type: ignore[overload-overlap]
    train_fn: Callable[..., R], config: LagomConfig | None = None
) -> R: ...


@overload
def lagom(
    train_fn: TrainingFunction | None = None,
    config: str | None = None,
    **keywords: Any,  # noqa: ANN401 (those of release 0)
) -> ExperimentResult: ...


def lagom(
    train_fn: Callable[..., R] | None = None,
    config: ExperimentConfig | str | None = None,
    **keywords: Any,
) -> ExperimentResult | R:
    """Run an experiment on Spark: a hyperparameter search, an ablation study, or a function once.

    With a config this is the call of the releases 1.0 and 1.1. The keywords are those of the
    releases 0.3 to 0.5. In 0.3 and 0.4 the function is ``map_fun``, and ``es_interval`` is in
    seconds, 300 by default. In 0.5 the function is ``train_fn``, and ``es_interval`` is in training
    steps, 1 by default. ``lagom(train_fn)`` alone runs the function once on one executor.

    The experiment runs in the active Spark session. Without one it starts a session, which off a
    cluster runs on all local cores. You may call it from any thread. One experiment runs at a time.

    Args:
        train_fn: The training function. It receives arguments by the names of its parameters:
            hyperparameters by their names, ``hparams`` (all of them in a dict), ``reporter`` (the
            :class:`~maggy.core.reporter.Reporter`), ``model`` and ``dataset`` (those of the
            config), and in an ablation ``dataset_function`` and ``model_function``. It returns a
            number, or a dict with the ``optimization_key``.
            :class:`~maggy.experiment_config.HyperparameterOptConfig` accepts other values, too.
        config: A :class:`~maggy.experiment_config.OptimizationConfig`,
            :class:`~maggy.experiment_config.AblationConfig` or
            :class:`~maggy.experiment_config.LagomConfig`. In a call with keywords a string is the
            name of the experiment.
        **keywords: ``name``, ``experiment_type`` (``'optimization'``, the default, or
            ``'ablation'``), and the arguments of the config that they describe.

    Returns:
        An :class:`~maggy.result.ExperimentResult`, which is a dict. A function that runs once gives
        the value that it returned.

    Raises:
        RuntimeError: If another experiment is running in this process.
        TypeError: If a keyword does not exist, if ``config`` is of another type, or if the
            parameters of the function do not fit.
        ValueError: If an argument breaks its rule.
        ExperimentError: If every trial failed (the message holds the first trial's traceback), or
            if Spark gave up.

    Example:
        >>> from maggy import Searchspace, experiment
        >>> from maggy.experiment_config import OptimizationConfig
        >>> def train(x):
        ...     return -((x - 3) ** 2)
        >>> space = Searchspace(x=("DOUBLE", [0, 10]))
        >>> config = OptimizationConfig(20, "randomsearch", space, seed=1)
        >>> result = experiment.lagom(train, config)  # doctest: +SKIP
        >>> result["best_hp"]  # doctest: +SKIP
        {'x': 3.1}
    """
    function, experiment_config = _function_and_config(train_fn, config, keywords)
    # Not "with": an experiment must not wait for another one, but be refused.
    if not _running.acquire(blocking=False):
        raise RuntimeError("An experiment is currently running.")
    try:
        # Here, since it loads pyspark, which takes long and which most checks do not need.
        from maggy.core.launch import launch

        result: ExperimentResult | R = launch(function, experiment_config)
        return result
    finally:
        _running.release()


def _function_and_config(
    train_fn: TrainingFunction | None, config: ExperimentConfig | str | None, keywords: Keywords
) -> tuple[TrainingFunction, ExperimentConfig]:
    """Return the training function and the config of a call of any release."""
    options = dict(keywords)
    has_map_fun = "map_fun" in options
    if has_map_fun and train_fn is not None:
        raise TypeError(
            "lagom takes one training function, but got both train_fn and map_fun. "
            "Pass train_fn only."
        )
    function = options.pop("map_fun") if has_map_fun else train_fn
    if isinstance(config, str):
        if "name" in options:
            raise TypeError(f"lagom got the name twice: {config!r} and {options['name']!r}.")
        options["name"], config = config, None
    if function is None:
        raise BadArgumentsError(
            "lagom needs a training function, but got none. Call lagom(train_fn, config)."
        )
    check_callable(function)
    if config is None:
        return function, config_from_keywords(options, has_map_fun=has_map_fun)
    if not isinstance(config, (LagomConfig, OptimizationConfig, AblationConfig)):
        raise TypeError(
            "config must be an OptimizationConfig, an AblationConfig or a LagomConfig of "
            f"maggy.experiment_config, but got {type(config).__name__}: {config!r:.80}."
        )
    if options:
        raise TypeError(
            "lagom takes a config or the keywords of releases 0.3 to 0.5, "
            f"but got both: {', '.join(options)}. Set them in the config."
        )
    return function, config
