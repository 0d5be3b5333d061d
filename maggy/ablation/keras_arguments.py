"""Compare the arguments with which layers were made, as far as configurations and values say."""

from __future__ import annotations

import inspect
from collections.abc import Mapping, Sequence

import numpy as np

from maggy.ablation.keras_models import KerasLayer, KerasModel, LayerConfig, inner_layers
from maggy.ablation.keras_paths import layer_paths
from maggy.common.keras_session import import_keras

__all__ = ["first_other_argument", "lacking_arguments"]

_PLAIN = (bool, int, float, str, bytes, type(None))
_OF_EVERY_LAYER = {"name", "trainable", "dtype", "seed"}
"""Arguments that may differ between a layer and its copy: names and dtypes by form, seeds because a
layer without one draws its own."""


def first_other_argument(model: KerasModel, copy: KerasModel) -> str | None:
    """Return the path of the first layer that was made with other arguments than its copy.

    A value that the constructor keeps under the name of its argument counts, too, since an argument
    that get_config() lacks is in neither configuration.

    Args:
        model: The model.
        copy: Its copy.
    """
    keras = import_keras("Copying a model")
    copies = layer_paths(copy)
    for path, layer in layer_paths(model).items():
        # The arguments of a nested model are its layers, which have paths of their own.
        is_nested = bool(inner_layers(keras, layer))
        other = copies.get(path)
        if other is None or not (is_nested or _are_alike(_arguments(layer), _arguments(other))):
            return path
    return None


def lacking_arguments(layer: KerasLayer) -> list[str]:
    """Return the arguments of the constructor that get_config() does not return."""
    config = _config(layer)
    return [name for name in _parameters(layer) if name not in config]


def _parameters(layer: KerasLayer) -> list[str]:
    # The signature of the class itself would be that of Keras' __new__(), which takes everything.
    parameters = list(inspect.signature(type(layer).__init__).parameters.values())[1:]
    variable = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
    names = [parameter.name for parameter in parameters if parameter.kind not in variable]
    return [name for name in names if name not in _OF_EVERY_LAYER]


def _arguments(layer: KerasLayer) -> dict[str, object]:
    values = {
        name: getattr(layer, name, getattr(layer, f"_{name}", None)) for name in _parameters(layer)
    }
    arguments = {**values, **_config(layer)}
    return {name: value for name, value in arguments.items() if name not in _OF_EVERY_LAYER}


def _config(layer: KerasLayer) -> LayerConfig:
    try:
        return layer.get_config()
    except Exception:  # a nested model of a class that cannot be saved
        return {}


def _are_alike(first: object, second: object) -> bool:
    """Return whether two values are equal. Objects that cannot be compared only need one type."""
    if isinstance(first, _PLAIN) or isinstance(second, _PLAIN):
        # By text, so that NaN equals itself.
        return type(first) is type(second) and repr(first) == repr(second)
    if isinstance(first, Mapping) and isinstance(second, Mapping):
        names = {*first, *second} - _OF_EVERY_LAYER
        return all(_are_alike(first.get(name), second.get(name)) for name in names)
    if isinstance(first, np.ndarray) and isinstance(second, np.ndarray):
        return bool(np.array_equal(first, second))
    if isinstance(first, Sequence) and isinstance(second, Sequence):
        return len(first) == len(second) and all(map(_are_alike, first, second))
    return type(first) is type(second)
