"""Where an experiment runs and where its files lie: one small contract, one implementation per platform."""

from __future__ import annotations

from maggy.core.environment.base import Environment
from maggy.core.environment.local import LocalEnvironment

__all__ = ["Environment", "LocalEnvironment", "find_environment"]


def find_environment() -> Environment:
    """The environment of this process."""
    return LocalEnvironment()
