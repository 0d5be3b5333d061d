"""What to change in a model: the layers to take out, and those to replace."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from types import ModuleType
from typing import TypeAlias

from maggy.ablation.keras_models import KerasLayer
from maggy.ablation.torch_models import is_torch_module
from maggy.common.exceptions import AblationError

__all__ = ["Edit", "LayerFactory"]

LayerFactory: TypeAlias = Callable[[], object]
"""A user's function that makes a new layer at each call."""


@dataclass(frozen=True)
class Edit:
    """The changes that one component makes to the base model.

    Attributes:
        removal: The names of the layers to take out, or paths of layers in nested models.
        replacements: The function that makes a new layer, by the name of the layer to replace.
        may_remove_first: Whether the first layer of a Keras model may be taken out, if the model
            knows its input.
    """

    removal: frozenset[str] = frozenset()
    replacements: Mapping[str, LayerFactory] = field(default_factory=dict)
    may_remove_first: bool = False

    def describe(self) -> str:
        """Return the edit as the beginning of a sentence: ``Without layer 'dense'``."""
        parts = []
        if self.removal:
            parts.append(f"Without {_listing(self.removal)}")
        if self.replacements:
            word = "With" if not parts else "with"
            parts.append(f"{word} {_listing(self.replacements)} replaced")
        return " and ".join(parts) or "As a copy"

    def new_layer(self, keras: ModuleType, name: str) -> KerasLayer:
        """Return the layer that replaces the layer of this name.

        Raises:
            AblationError: If the user's function returns something else.
        """
        layer = self.replacements[name]()
        if not isinstance(layer, keras.layers.Layer):
            if is_torch_module(layer):
                raise AblationError(
                    f"The factory of layers.replace('{name}', ...) returned the torch.nn module "
                    f"{type(layer).__name__}, but the base model is a Keras model. Return a Keras "
                    "layer, or wrap the module: keras.layers.TorchModuleWrapper(module), with "
                    "KERAS_BACKEND=torch."
                )
            raise AblationError(
                f"The factory of layers.replace('{name}', ...) must return a new Keras layer, "
                f"but it returned {type(layer).__name__}: {layer!r:.80}."
            )
        new: KerasLayer = layer
        return new


def _listing(names: Iterable[str]) -> str:
    quoted = [f"'{name}'" for name in sorted(names)]
    return f"{'layer' if len(quoted) == 1 else 'layers'} {', '.join(quoted)}"
