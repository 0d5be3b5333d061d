"""Refuse release 1's distributed training of one model, and say what to use instead."""

from __future__ import annotations

from typing import NoReturn

from maggy.common.exceptions import MissingDependencyError

__all__ = ["refuse", "refuse_config"]

_CONFIGS = (
    "DistributedConfig",
    "TfDistributedConfig",
    "TorchDistributedConfig",
    "tf_distributed",
    "torch_distributed",
)


def refuse(name: str) -> NoReturn:
    """Refuse a name of release 1. It is the ``__getattr__`` of modules that have only such names.

    Raises:
        MissingDependencyError: For every name in an import statement. It is an ``ImportError``.
        AttributeError: For the names that Python looks up in any module by itself.
    """
    # Before Python imports anything from below a module, it looks for its __path__.
    if name.startswith("__") and name != "__path__":
        raise AttributeError(f"This module has no attribute {name!r}.")
    subject = "this path" if name == "__path__" else name
    raise MissingDependencyError(
        f"Maggy trains one model on one worker, so {subject} of release 1 is not offered. To train "
        "one model on several workers use pyspark.ml.torch.distributor.TorchDistributor with "
        "PyTorch, or MirroredStrategyRunner of the package spark-tensorflow-distributor with "
        "TensorFlow. To train many models at once use OptimizationConfig."
    )


def refuse_config(name: str) -> NoReturn:
    """Refuse the configs of distributed training. It is the ``__getattr__`` of packages of configs.

    Raises:
        MissingDependencyError: For the names of distributed training. It is an ``ImportError``.
        AttributeError: For every other name, as any module does.
    """
    if name in _CONFIGS:
        refuse(name)
    raise AttributeError(f"Among the configs there is no {name!r}.")
