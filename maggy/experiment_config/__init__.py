"""The configs that :func:`maggy.experiment.lagom` takes."""

from maggy.common.distributed import refuse_config
from maggy.experiment_config.ablation import AblationConfig
from maggy.experiment_config.lagom import BaseConfig, CommonConfig, LagomConfig
from maggy.experiment_config.optimization import HyperparameterOptConfig, OptimizationConfig

__all__ = [
    "AblationConfig",
    "BaseConfig",
    "CommonConfig",
    "HyperparameterOptConfig",
    "LagomConfig",
    "OptimizationConfig",
]

# An import of a config for distributed training fails with the remedy.
__getattr__ = refuse_config
