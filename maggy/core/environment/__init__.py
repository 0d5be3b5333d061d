"""Where an experiment runs and where its files lie: one small contract, one implementation per platform."""

from __future__ import annotations

import os

from maggy.common.exceptions import BadArgumentsError
from maggy.common.json_values import closest
from maggy.core.environment.base import Environment
from maggy.core.environment.hopsworks.environment import HopsworksEnvironment
from maggy.core.environment.hopsworks.package import has_hops
from maggy.core.environment.local import LocalEnvironment
from maggy.core.environment.registration import ExperimentCard, ExperimentEnd, Registration

__all__ = [
    "Environment",
    "ExperimentCard",
    "ExperimentEnd",
    "HopsworksEnvironment",
    "LocalEnvironment",
    "Registration",
    "find_environment",
]


def find_environment(chosen: str | Environment | None = None) -> Environment:
    """The environment of this process, chosen on the driver, once for each experiment.

    The first of these that says something decides: the argument; the variable ``MAGGY_ENVIRONMENT``; Hopsworks' own
    variables ``REST_ENDPOINT`` and ``HOPSWORKS_PROJECT_ID``, if both are set and hops is installed. Else it is local.

    Args:
        chosen: ``"local"``, ``"hopsworks"`` or an environment.

    Raises:
        BadArgumentsError: There is no environment of this name.
        MissingDependencyError: The chosen one needs a package that is not installed.
    """
    if isinstance(chosen, Environment):
        return chosen
    known = {each.name: each for each in (LocalEnvironment, HopsworksEnvironment)}
    name = (
        chosen
        or os.environ.get("MAGGY_ENVIRONMENT")
        or ("hopsworks" if _on_hopsworks() else "local")
    )
    if not isinstance(name, str) or name.lower() not in known:
        hint = closest(name, list(known)) if isinstance(name, str) else ""
        raise BadArgumentsError(
            f"An environment must be one of {', '.join(known)}, but got {name!r:.80}.{hint}"
        )
    return known[name.lower()]()


def _on_hopsworks() -> bool:
    return (
        all(os.environ.get(name) for name in ("REST_ENDPOINT", "HOPSWORKS_PROJECT_ID"))
        and has_hops()
    )
