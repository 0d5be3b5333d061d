"""Make the config that the keywords of the releases 0.3 to 0.5 describe."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import Any, TypeAlias

from maggy.common.exceptions import BadArgumentsError
from maggy.experiment_config.ablation import AblationConfig
from maggy.experiment_config.lagom import CommonConfig, LagomConfig
from maggy.experiment_config.optimization import OptimizationConfig
from maggy.experiment_config.unknown_keywords import unknown_keyword
from maggy.optimizer import resolve_optimizer

__all__ = ["ExperimentConfig", "Keywords", "config_from_keywords"]

ExperimentConfig: TypeAlias = LagomConfig | OptimizationConfig | AblationConfig
"""The config of an experiment of any kind."""

Keywords: TypeAlias = Mapping[str, Any]
"""The keywords of a call by name. The config that they describe checks the values."""

DEFAULT_INTERVAL = 300
"""Seconds between two early-stop checks in the releases 0.3 and 0.4."""

_KINDS = {"optimization": OptimizationConfig, "ablation": AblationConfig}
# The old function had defaults for these, so a call of an ablation may hold them. None of them has
# an effect there: no trial of an ablation was stopped early.
_IGNORED_IN_ABLATIONS = frozenset({"es_policy", "es_interval", "es_min", "num_trials"})


def config_from_keywords(keywords: Keywords, *, has_map_fun: bool) -> ExperimentConfig:
    """Return the config that the keywords describe.

    Args:
        keywords: The keywords of the call without its function.
        has_map_fun: Whether the function came as ``map_fun``, as in the releases 0.3 and 0.4. There
            ``es_interval`` is in seconds, later in training steps.

    Raises:
        TypeError: If there is no such keyword, or if an optimizer or a stop rule is of another
            type.
        BadArgumentsError: If a value breaks its rule, or belongs to another kind of experiment.
    """
    if not keywords and not has_map_fun:
        return LagomConfig()
    _check_names(keywords)
    experiment_type = keywords.get("experiment_type", "optimization")
    if experiment_type not in ("optimization", "ablation"):
        raise BadArgumentsError(
            "experiment_type must be 'optimization' or 'ablation', "
            f"but got {experiment_type!r:.80}."
        )
    fields = _fields(_KINDS[experiment_type])
    for keyword, value in keywords.items():
        # The old signature has the arguments of both kinds. None means that one is left out.
        is_allowed = keyword in fields or keyword in _IGNORED_IN_ABLATIONS or value is None
        if not is_allowed and keyword != "experiment_type":
            raise BadArgumentsError(
                f"{keyword} does not belong to an experiment of type {experiment_type!r}, "
                f"but got {value!r:.80}. Leave it out, or set experiment_type."
            )
    options = {name: value for name, value in keywords.items() if name in fields}
    options.setdefault("name", "no-name")
    if experiment_type == "ablation":
        return _ablation_config(options)
    return _search_config(options, has_map_fun=has_map_fun)


def _check_names(keywords: Keywords) -> None:
    names = [*_fields(OptimizationConfig), *_fields(AblationConfig), "experiment_type"]
    # The old calls say es_interval for both kinds of intervals.
    names = [name for name in dict.fromkeys(names) if name != "es_seconds"]
    for keyword, value in keywords.items():
        if keyword not in names:
            raise unknown_keyword("lagom", keyword, value, names)


def _ablation_config(options: Keywords) -> AblationConfig:
    if options.get("ablation_study") is None:
        raise BadArgumentsError(
            "An ablation needs ablation_study=AblationStudy(...), but got none."
        )
    options = {name: value for name, value in options.items() if name not in _IGNORED_IN_ABLATIONS}
    ablator = options.get("ablator")
    return AblationConfig(**{**options, "ablator": "loco" if ablator is None else ablator})


def _search_config(options: Keywords, *, has_map_fun: bool) -> OptimizationConfig:
    options = {"optimizer": None, "searchspace": None, **options}
    if has_map_fun:
        # In these releases es_interval was in seconds.
        options["es_seconds"] = options.pop("es_interval", DEFAULT_INTERVAL)
    # The old default of num_trials is 1. A grid counts its own trials.
    if resolve_optimizer(options["optimizer"]).needs_num_trials:
        options.setdefault("num_trials", 1)
    return OptimizationConfig(**options)


def _fields(config: type[CommonConfig]) -> list[str]:
    return list(inspect.signature(config).parameters)
