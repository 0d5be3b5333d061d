"""Say what to change in a model of Keras or PyTorch: layers to take out, layers to replace."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from types import ModuleType
from typing import TypeAlias

from maggy.ablation.keras_models import KerasLayer
from maggy.ablation.torch_models import is_torch_module
from maggy.common.exceptions import AblationError

__all__ = ["Edit", "LayerFactory", "merge_edits", "require_new_layers"]

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


def merge_edits(edits: Iterable[Edit]) -> Edit:
    """Return the edit that makes the changes of several components together.

    Raises:
        AblationError: If a layer would be replaced twice, or both taken out and replaced.
    """
    removal: frozenset[str] = frozenset()
    replacements: dict[str, LayerFactory] = {}
    may_remove_first = False
    for edit in edits:
        conflicts = (replacements.keys() & edit.replacements.keys()) | (
            (removal | edit.removal) & (replacements.keys() | edit.replacements.keys())
        )
        if conflicts:
            raise AblationError(
                "One trial can change a layer in one way only, but the components of this "
                f"combination take out or replace {_listing(conflicts)} twice. "
                "Combine other components."
            )
        removal |= edit.removal
        replacements.update(edit.replacements)
        may_remove_first = may_remove_first or edit.may_remove_first
    return Edit(removal, replacements, may_remove_first)


def require_new_layers(edits: Iterable[Edit]) -> None:
    """Check that the functions that make layers make another one at each call.

    Raises:
        AblationError: If one returns the same layer, whose weights trials would share.
    """
    for edit in edits:
        for name, make in edit.replacements.items():
            if make() is make():
                raise AblationError(
                    f"The factory of layers.replace('{name}', ...) must return a new layer at each "
                    "call, but it returned the same one twice, so a trial would go on with the "
                    "weights of another. Make the layer inside the function."
                )


def _listing(names: Iterable[str]) -> str:
    quotations = [f"'{name}'" for name in sorted(names)]
    return f"{'layer' if len(quotations) == 1 else 'layers'} {', '.join(quotations)}"
