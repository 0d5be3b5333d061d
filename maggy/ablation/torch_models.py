"""PyTorch modules as a study sees them, by their names. PyTorch is optional.

This module changes no model.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from typing import Protocol, TypeAlias

__all__ = ["ExampleInput", "TorchModule", "is_torch_module"]

ExampleInput: TypeAlias = Callable[[], object]
"""A user's function that returns what the module's ``forward`` takes."""


class TorchModule(Protocol):
    """A module of PyTorch."""

    training: bool

    def __call__(self, *args: object, **kwargs: object) -> object:
        """Return the outputs for inputs."""

    def named_modules(self, *, remove_duplicate: bool) -> Iterator[tuple[str, TorchModule]]:
        """Yield the names of all modules in this one, which itself has an empty name."""

    def get_submodule(self, target: str) -> TorchModule:
        """Return the module of this name."""

    def train(self, mode: bool = True) -> TorchModule:
        """Let the module train or compute, with all modules in it."""


def is_torch_module(value: object) -> bool:
    """Return whether a value is a module of PyTorch and no Keras layer.

    With ``KERAS_BACKEND=torch``, a Keras layer is a module, too.
    """
    # Whoever has made a module has imported PyTorch.
    torch = sys.modules.get("torch")
    nn = getattr(torch, "nn", None)
    if nn is None or not isinstance(value, nn.Module):
        return False
    layer = getattr(getattr(sys.modules.get("keras"), "layers", None), "Layer", None)
    return layer is None or not isinstance(value, layer)
