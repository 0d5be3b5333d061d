"""The name of release 1 for the environment of this process."""

from __future__ import annotations

from maggy.core.environment import Environment, find_environment

__all__ = ["EnvSing"]


class EnvSing:
    """Gives the environment; none is kept."""

    @staticmethod
    def get_instance() -> Environment:
        """Return the environment of this process; see :func:`maggy.core.environment.find_environment`."""
        return find_environment()
