"""The configs under the paths of release 1.1. They live in :mod:`maggy.experiment_config`."""

from maggy.common.distributed import refuse_config
from maggy.experiment_config import (
    AblationConfig,
    BaseConfig,
    HyperparameterOptConfig,
    LagomConfig,
    OptimizationConfig,
)

__all__ = [
    "AblationConfig",
    "BaseConfig",
    "HyperparameterOptConfig",
    "LagomConfig",
    "OptimizationConfig",
]

# An import of a config for distributed training fails with the remedy.
__getattr__ = refuse_config
