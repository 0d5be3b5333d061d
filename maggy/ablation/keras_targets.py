"""The layers of a Keras model that an edit changes, at any depth of nested models.

Layers are told apart by identity: one that stands in several places is changed in all of them.
"""

from __future__ import annotations

from types import ModuleType

from maggy.ablation.keras_edit import Edit
from maggy.ablation.keras_models import KerasLayer, KerasModel, inner_layers
from maggy.ablation.keras_paths import SEPARATOR, layer_paths

__all__ = ["Targets"]


class Targets:
    """Find the layers of an edit in a model.

    A nested model that loses all it does is removed itself.

    Args:
        keras: The module.
        model: The model, which has all layers of the edit.
        edit: The layers to remove or to replace.
    """

    def __init__(self, keras: ModuleType, model: KerasModel, edit: Edit) -> None:
        self._keras = keras
        self._edit = edit
        self._layers = layer_paths(model)
        self._paths = {id(layer): path for path, layer in reversed(self._layers.items())}
        self._removal = {id(self._layers[path]) for path in edit.removal}
        self._replacements = {id(self._layers[path]): path for path in edit.replacements}
        self._new_layers: dict[int, KerasLayer] = {}
        self._remove_empty_models()
        # From the inside out, so that a model around a changed model is changed, too.
        self._changes = self._removal | set(self._replacements)
        for layer in reversed(self._layers.values()):
            if any(id(inner) in self._changes for inner in inner_layers(keras, layer)):
                self._changes.add(id(layer))

    def is_removed(self, layer: KerasLayer) -> bool:
        """Return whether the layer is taken out."""
        return id(layer) in self._removal

    def is_replaced(self, layer: KerasLayer) -> bool:
        """Return whether another layer stands in place of this one."""
        return id(layer) in self._replacements

    def is_changed_inside(self, layer: KerasLayer) -> bool:
        """Return whether the layer is a model that stays, but without some of its layers."""
        is_gone = self.is_removed(layer) or self.is_replaced(layer)
        return id(layer) in self._changes and not is_gone

    def path(self, layer: KerasLayer) -> str:
        """Return the first path of a layer; its name if it is none of the model's."""
        return self._paths.get(id(layer), layer.name)

    def new_layer(self, layer: KerasLayer) -> KerasLayer:
        """Return the layer that replaces another one, which is the same in all places.

        Raises:
            AblationError: If the user's function returns something else.
        """
        key = id(layer)
        if key not in self._new_layers:
            self._new_layers[key] = self._edit.new_layer(self._keras, self._replacements[key])
        return self._new_layers[key]

    def missing_paths(self, new: KerasModel) -> list[str]:
        """Return the paths of layers that a new model lacks, without those inside missing models.

        Args:
            new: The model after the edit.
        """
        remaining = layer_paths(new)
        missing: list[str] = []
        for path, layer in self._layers.items():
            is_gone = self.is_removed(layer) or path not in remaining
            is_inside = any(
                parent in missing or self.is_replaced(self._layers[parent])
                for parent in _parents(path)
            )
            if is_gone and not is_inside and not self.is_replaced(layer):
                missing.append(path)
        return missing

    def _remove_empty_models(self) -> None:
        # From the inside out, since the last layer of a model may be an empty model.
        for layer in reversed(self._layers.values()):
            if not inner_layers(self._keras, layer):
                continue
            # Sums and slices in a functional model are operations, and no layers.
            operations = [
                part
                for part in getattr(layer, "operations", None) or inner_layers(self._keras, layer)
                if not isinstance(part, self._keras.layers.InputLayer)
            ]
            if all(id(part) in self._removal for part in operations):
                self._removal.add(id(layer))


def _parents(path: str) -> list[str]:
    """Return the paths of the models around a layer, from the outside in."""
    names = path.split(SEPARATOR)
    return [SEPARATOR.join(names[:count]) for count in range(1, len(names))]
