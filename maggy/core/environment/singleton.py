"""The name that release 1 used for the environment of this process."""

from __future__ import annotations

from maggy.core.environment import Environment, find_environment

__all__ = ["EnvSing"]


class EnvSing:
    """Give access to the environment. No environment is kept between calls."""

    @staticmethod
    def get_instance() -> Environment:
        """Return the environment of this process; see `maggy.core.environment.find_environment`."""
        return find_environment()
