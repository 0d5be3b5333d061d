"""``experiment.lagom(train_fn, config)``: the one call that runs an experiment."""

from __future__ import annotations

import inspect
import sys
import threading
from collections.abc import Callable
from typing import Any

from maggy.common.exceptions import BadArgumentsError
from maggy.common.json_values import closest
from maggy.common.signature import check_callable
from maggy.experiment_config import AblationConfig, CommonConfig, LagomConfig, OptimizationConfig
from maggy.optimizer import resolve_optimizer

__all__ = ["experiment", "lagom"]

# In release 1.1 this was a package, and the call stood in maggy.experiment.experiment. Both paths name this module.
experiment = sys.modules[f"{__name__}.experiment"] = sys.modules[__name__]

# The one global of the package: two experiments at once would take each other's task slots.
_running = threading.Lock()


def lagom(train_fn: Callable[..., Any] | None = None, config: Any = None, **keywords: Any) -> Any:
    """Run an experiment on Spark: a hyperparameter search, an ablation study, or a function once.

    With a config this is the call of releases 1.0 and 1.1. Without one, the keywords of releases 0.3 to 0.5 make it:
    ``map_fun=`` for 0.3 and 0.4 (there ``es_interval`` is in seconds, 300 if left out), ``train_fn`` for 0.5 (in
    training steps, 1 if left out). ``lagom(train_fn)`` alone runs the function once on one executor.

    Without an active Spark session one is started, which off a cluster runs on all local cores. May be called from
    any thread; one experiment runs at a time.

    Args:
        train_fn: The training function. Its parameters say what it gets: hyperparameters by name, ``hparams`` for
            all of them in a dict, ``reporter`` for the :class:`~maggy.core.reporter.Reporter`, ``model`` and
            ``dataset`` for the config's, and in an ablation ``dataset_function`` and ``model_function``. It returns a
            number, or a dict that holds the ``optimization_key``
            (:class:`~maggy.experiment_config.HyperparameterOptConfig` reads more).
        config: A :class:`~maggy.experiment_config.OptimizationConfig`,
            :class:`~maggy.experiment_config.AblationConfig` or :class:`~maggy.experiment_config.LagomConfig`; in the
            call of 0.x a string is the name.
        **keywords: ``name``, ``experiment_type`` (``'optimization'`` or ``'ablation'``), and the fields of the
            config that it stands for.

    Returns:
        An :class:`~maggy.result.ExperimentResult`, a dict; or exactly what the function returned, if it was to be run
        once.

    Raises:
        RuntimeError: Another experiment is running in this process.
        TypeError: A keyword that does not exist, a config that is none, or a function whose signature does not fit.
        ValueError: An argument breaks its rule.
        ExperimentError: Every trial failed (the message holds the first one's traceback), or Spark gave up.

    Example:
        >>> from maggy import Searchspace, experiment
        >>> from maggy.experiment_config import OptimizationConfig
        >>> def train(x):
        ...     return -((x - 3) ** 2)
        >>> config = OptimizationConfig(20, "randomsearch", Searchspace(x=("DOUBLE", [0, 10])), seed=1)
        >>> result = experiment.lagom(train, config)  # doctest: +SKIP
        >>> result["best_hp"]  # doctest: +SKIP
        {'x': 3.1}
    """
    function, experiment_config = _arguments(train_fn, config, keywords)
    if not _running.acquire(blocking=False):
        raise RuntimeError("An experiment is currently running.")
    try:
        from maggy.core.launch import launch

        return launch(function, experiment_config)
    finally:
        _running.release()


def _arguments(
    train_fn: Any, config: Any, keywords: dict[str, Any]
) -> tuple[Callable[..., Any], Any]:
    """The training function and the config that a call of any release stands for."""
    old_call = "map_fun" in keywords
    if old_call and train_fn is not None:
        raise TypeError(
            "lagom takes one training function, but got both train_fn and map_fun. Pass train_fn only."
        )
    function = keywords.pop("map_fun") if old_call else train_fn
    if isinstance(config, str):
        if "name" in keywords:
            raise TypeError(f"lagom got the name twice: {config!r} and {keywords['name']!r}.")
        keywords["name"], config = config, None
    if function is None:
        raise BadArgumentsError(
            "lagom needs a training function, but got none. Call lagom(train_fn, config)."
        )
    check_callable(function)
    if config is None:
        return function, _config_of(keywords, old_call)
    if not isinstance(config, CommonConfig):
        raise TypeError(
            "config must be an OptimizationConfig, an AblationConfig or a LagomConfig of maggy.experiment_config, "
            f"but got {type(config).__name__}: {config!r:.80}."
        )
    if keywords:
        raise TypeError(
            f"lagom takes a config or the keywords of releases 0.3 to 0.5, but got both: {', '.join(keywords)}. "
            "Set them in the config."
        )
    return function, config


def _config_of(keywords: dict[str, Any], old_call: bool) -> CommonConfig:
    """The config that the keywords of 0.3 to 0.5 stand for."""
    if not keywords and not old_call:
        return LagomConfig()
    known = {**_fields(OptimizationConfig), **_fields(AblationConfig), "experiment_type": None}
    del known["es_seconds"]
    for keyword in keywords:
        if keyword not in known:
            raise TypeError(
                f"lagom has no argument {keyword!r}.{closest(keyword, list(known))} It has: {', '.join(known)}."
            )
    kind = keywords.pop("experiment_type", "optimization")
    if kind not in ("optimization", "ablation"):
        raise BadArgumentsError(
            f"experiment_type must be 'optimization' or 'ablation', but got {kind!r:.80}."
        )
    wanted = _fields(OptimizationConfig if kind == "optimization" else AblationConfig)
    for keyword, value in keywords.items():
        # The old signature has the arguments of both kinds; what belongs to the other one may be given as None.
        if (
            keyword not in wanted
            and value is not None
            and keyword not in _ES_FIELDS
            and keyword != "num_trials"
        ):
            raise BadArgumentsError(
                f"{keyword} does not belong to an experiment of type {kind!r}, but got {value!r:.80}. "
                f"Leave it out, or set experiment_type."
            )
    chosen: dict[str, Any] = {"name": "no-name", **keywords}
    if kind == "ablation":
        if chosen.get("ablation_study") is None:
            raise BadArgumentsError(
                "An ablation needs ablation_study=AblationStudy(...), but got none."
            )
        if chosen.get("ablator") is None:
            chosen["ablator"] = "loco"
        return AblationConfig(**{name: value for name, value in chosen.items() if name in wanted})
    if old_call:
        chosen["es_seconds"] = chosen.pop("es_interval", 300)
    chosen = {"optimizer": None, "searchspace": None, **chosen}
    if resolve_optimizer(chosen["optimizer"]).needs_num_trials:
        chosen = {"num_trials": 1, **chosen}
    return OptimizationConfig(
        **{name: value for name, value in chosen.items() if name in (*wanted, "es_seconds")}
    )


_ES_FIELDS = ("es_policy", "es_interval", "es_min")


def _fields(config: type[CommonConfig]) -> dict[str, Any]:
    return dict(inspect.signature(config).parameters)
