"""Pruners under their names of release 1.1; they are optimizers, which run the configurations of another one."""

from maggy.pruner.hyperband import Hyperband

__all__ = ["Hyperband"]
