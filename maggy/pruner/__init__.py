"""Hold the pruners of release 1.1. They are optimizers that run another one's suggestions."""

from maggy.pruner.hyperband import Hyperband

__all__ = ["Hyperband"]
