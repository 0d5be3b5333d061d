"""A path of release 1.1. The config lives in :mod:`maggy.experiment_config`."""

from maggy.experiment_config import BaseConfig

__all__ = ["BaseConfig"]
