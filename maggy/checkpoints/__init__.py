"""Keep the state of a training on a store, so that another worker can go on with it."""

from maggy.checkpoints.checkpoint import Checkpoint

__all__ = ["Checkpoint"]
