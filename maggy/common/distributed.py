"""Says what to use instead of release 1's distributed training of one model, which is not offered."""

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
    """Raise the sentence for a name of release 1; the ``__getattr__`` of modules that have only such names.

    Raises:
        MissingDependencyError: An ``ImportError``, for everything that an import statement asks for.
        AttributeError: For what Python looks up in any module by itself.
    """
    # Whatever is imported from below a module makes Python look for its __path__ first.
    if name.startswith("__") and name != "__path__":
        raise AttributeError(f"This module has no attribute {name!r}.")
    what = "this path" if name == "__path__" else name
    raise MissingDependencyError(
        f"Maggy trains one model on one worker, so {what} of release 1 is not offered. To train one model on several "
        "workers use pyspark.ml.torch.distributor.TorchDistributor with PyTorch, or MirroredStrategyRunner of the "
        "package spark-tensorflow-distributor with TensorFlow. To train many models at once use OptimizationConfig."
    )


def refuse_config(name: str) -> NoReturn:
    """Raise the sentence for the configs of distributed training; the ``__getattr__`` of packages of configs.

    Raises:
        MissingDependencyError: An ``ImportError``, for the names of distributed training.
        AttributeError: For every other name, as any module does.
    """
    if name in _CONFIGS:
        refuse(name)
    raise AttributeError(f"Among the configs there is no {name!r}.")
