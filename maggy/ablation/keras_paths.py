"""Layers of a Keras model by path, such as ``backbone/conv``, at any depth of nested models.

This module changes no model. It says which layers a study may remove.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from types import ModuleType

from maggy.ablation.keras_models import (
    KerasLayer,
    KerasModel,
    has_input,
    inner_layers,
    require_editable,
)
from maggy.ablation.names import has_prefix
from maggy.common.exceptions import AblationError
from maggy.common.json_values import closest
from maggy.common.keras_session import import_keras

__all__ = [
    "SEPARATOR",
    "layer_paths",
    "layers_with_prefix",
    "require_layers",
    "require_removable",
]

SEPARATOR = "/"
"""The text between a nested model and its layer in a path. Keras allows it in no name."""


def layer_paths(model: KerasModel) -> dict[str, KerasLayer]:
    """Return all layers of a model by path, each nested model before its own layers.

    Inputs are left out. A nested model that is used in several models has several paths.

    Raises:
        AblationError: If layers cannot be removed from a model of this kind.
    """
    keras = import_keras("Removing layers from a model")
    require_editable(keras, model)
    return dict(_walk(keras, model, ""))


def _walk(keras: ModuleType, model: KerasLayer, parent: str) -> Iterator[tuple[str, KerasLayer]]:
    for layer in inner_layers(keras, model):
        yield f"{parent}{layer.name}", layer
        yield from _walk(keras, layer, f"{parent}{layer.name}{SEPARATOR}")


def layers_with_prefix(model: KerasModel, prefix: str) -> list[str]:
    """Return the paths of the removable layers that begin with a prefix.

    ``conv`` fits layers of the model itself, and ``backbone/conv`` those of the nested model
    ``backbone``. Upper and lower case count as the same. A prefix that ends in a digit does not fit
    a name that continues with a digit: ``block_1`` fits ``block_1_expand``, and not
    ``block_10_expand``. The first and the last layer are never among them.

    Raises:
        AblationError: If there is no such layer, so that nothing would be removed.
    """
    paths, ends = list(layer_paths(model)), _end_paths(model)
    depth = prefix.count(SEPARATOR)
    matches = [
        path for path in paths if path.count(SEPARATOR) == depth and has_prefix(path, prefix)
    ]
    if not matches:
        raise AblationError(
            f"No layer of the base model has a name that begins with '{prefix}'."
            f"{_closest_path(prefix, paths)} {_listing(prefix, paths)}"
        )
    removable = [path for path in matches if path not in ends]
    if not removable:
        raise AblationError(
            f"The prefix '{prefix}' fits only the first or last layer of the base model "
            f"({', '.join(matches)}), and these are never removed. "
            "Give the other layers names that begin alike."
        )
    return removable


def require_layers(model: KerasModel, paths: Iterable[str]) -> None:
    """Check that the model has layers of these names or paths.

    Raises:
        AblationError: If one does not exist. The message lists the layers and the closest path.
    """
    layer_names = list(layer_paths(model))
    for path in paths:
        if path not in layer_names:
            raise AblationError(
                f"The base model has no layer '{path}'.{_closest_path(path, layer_names)} "
                f"{_listing(path, layer_names)}"
            )


def require_removable(model: KerasModel, paths: Iterable[str], may_be_first: bool = False) -> None:
    """Check that the model has layers of these paths and that none of them is the first or last.

    If a nested model is the first or the last layer, so is its own first or last layer.

    Args:
        model: The model.
        paths: The names or paths of the layers.
        may_be_first: Whether the first layer is among the removable ones, if the model knows its
            input.

    Raises:
        AblationError: If a name does not exist or belongs to the first or last layer. The message
            lists the layers and the closest path.
    """
    ends = _end_paths(model)
    if may_be_first and has_input(model):
        # A model of one layer loses its output with it.
        ends -= _first_paths(model) - _output_paths(model)
    for path in paths:
        require_layers(model, [path])
        if path in ends:
            raise AblationError(
                f"Layer '{path}' is the first or last layer of the base model, and these are never "
                "removed, because the model would lose its input or its output. "
                "Exclude it from the study."
            )


def _closest_path(path: str, paths: list[str]) -> str:
    # Whoever forgets the nested model has written the end of a path.
    ends = [other for other in paths if other.lower().endswith(f"{SEPARATOR}{path.lower()}")]
    return f" Did you mean '{ends[0]}'?" if ends else closest(path, paths)


def _listing(path: str, paths: list[str]) -> str:
    """Return the layers next to a path, or those of the model itself, as a sentence."""
    parent, separator, _ = path.rpartition(SEPARATOR)
    siblings = [other for other in paths if other.rpartition(SEPARATOR)[0] == parent]
    if separator and siblings:
        return f"The layers of '{parent}' are: {', '.join(siblings)}."
    return f"Its layers are: {', '.join(name for name in paths if SEPARATOR not in name)}."


def _end_paths(model: KerasModel) -> set[str]:
    """Return the paths of the first layer, of the last one and of all that give an output."""
    return _first_paths(model) | _output_paths(model)


def _first_paths(model: KerasModel) -> set[str]:
    keras = import_keras("Removing layers from a model")
    return set(_ends(keras, model, lambda _, names: set(names[:1])))


def _output_paths(model: KerasModel) -> set[str]:
    keras = import_keras("Removing layers from a model")
    return set(_ends(keras, model, _output_names))


def _output_names(model: KerasLayer, names: list[str]) -> set[str]:
    # A functional model may have several outputs, and the last layer need not be one of them.
    return {*names[-1:], *getattr(model, "output_names", [])}


def _ends(
    keras: ModuleType,
    model: KerasLayer,
    end_names: Callable[[KerasLayer, list[str]], set[str]],
    parent: str = "",
) -> Iterator[str]:
    """Yield the paths of layers at an end of the model, also inside nested models there."""
    layers = inner_layers(keras, model)
    names = end_names(model, [layer.name for layer in layers])
    for layer in layers:
        if layer.name in names:
            yield f"{parent}{layer.name}"
            yield from _ends(keras, layer, end_names, f"{parent}{layer.name}{SEPARATOR}")
