"""Where an experiment runs and where its files lie: one contract, one implementation a platform."""

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


def find_environment(environment: str | Environment | None = None) -> Environment:
    """Return the environment of this process.

    The driver chooses it once for each experiment. The first of these decides: the argument; the
    variable ``MAGGY_ENVIRONMENT``; Hopsworks' own variables ``REST_ENDPOINT`` and
    ``HOPSWORKS_PROJECT_ID``, if both are set and hops is installed. Otherwise the environment is
    local.

    Args:
        environment: ``"local"``, ``"hopsworks"`` or an environment, which is returned as it is.

    Raises:
        BadArgumentsError: If there is no environment of this name.
        MissingDependencyError: If the environment needs a package that is not installed.
    """
    if isinstance(environment, Environment):
        return environment
    classes = {cls.name: cls for cls in (LocalEnvironment, HopsworksEnvironment)}
    name = (
        environment
        or os.environ.get("MAGGY_ENVIRONMENT")
        or ("hopsworks" if _on_hopsworks() else "local")
    )
    if not isinstance(name, str) or name.lower() not in classes:
        hint = closest(name, list(classes)) if isinstance(name, str) else ""
        raise BadArgumentsError(
            f"An environment must be one of {', '.join(classes)}, but got {name!r:.80}.{hint}"
        )
    return classes[name.lower()]()


def _on_hopsworks() -> bool:
    return (
        all(os.environ.get(name) for name in ("REST_ENDPOINT", "HOPSWORKS_PROJECT_ID"))
        and has_hops()
    )
