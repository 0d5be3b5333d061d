"""A path of release 1.0. The config lives in :mod:`maggy.experiment_config.optimization`."""

from maggy.experiment_config.optimization import HyperparameterOptConfig

__all__ = ["HyperparameterOptConfig"]
