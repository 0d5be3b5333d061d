"""Keras models as a study sees them: their kinds, their layers, and which layers can be removed.

This module changes no model. The protocols name what is used of Keras, which is optional.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping, Sequence
from types import ModuleType
from typing import Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray

from maggy.ablation.names import has_prefix
from maggy.common.exceptions import AblationError
from maggy.common.json_values import closest
from maggy.common.keras_session import import_keras

__all__ = [
    "KerasInputLayer",
    "KerasLayer",
    "KerasModel",
    "KerasTensor",
    "KerasVariable",
    "LayerConfig",
    "Optimizer",
    "TensorTree",
    "has_input",
    "input_layer",
    "input_width",
    "is_functional",
    "is_sequential",
    "layers_with_prefix",
    "require_keras_model",
    "require_layers",
    "require_removable",
]


class KerasTensor(Protocol):
    """A value that flows between layers, or a weight."""

    name: str
    dtype: str
    shape: tuple[int | None, ...]


class KerasVariable(KerasTensor, Protocol):
    """A value that a layer keeps."""

    def assign(self, value: KerasTensor) -> object:
        """Set it."""


TensorTree: TypeAlias = "KerasTensor | Sequence[TensorTree] | Mapping[str, TensorTree]"
"""The inputs or the outputs of a layer: one tensor, or tensors in lists and dicts."""


LayerConfig: TypeAlias = dict[str, object]
"""The arguments of a constructor by name. They may be of any type, functions included."""


class KerasLayer(Protocol):
    """A layer of a Keras model."""

    name: str
    built: bool
    trainable: bool
    weights: list[KerasTensor]
    variables: list[KerasVariable]
    output: TensorTree

    def __call__(self, *args: TensorTree, **kwargs: TensorTree) -> TensorTree:
        """Return the outputs for inputs."""

    @classmethod
    def from_config(cls, config: LayerConfig) -> KerasLayer:
        """Return a new layer from the arguments of the constructor."""

    def get_config(self) -> LayerConfig:
        """Return the arguments of the constructor that make this layer anew."""

    def get_weights(self) -> list[NDArray[np.generic]]:
        """Return copies of the weights."""

    def set_weights(self, weights: list[NDArray[np.generic]]) -> None:
        """Set the weights, in the same order."""


class KerasInputLayer(KerasLayer, Protocol):
    """The layer that says what a model takes."""

    batch_shape: tuple[int | None, ...]
    dtype: str


class Optimizer(Protocol):
    """An optimizer of Keras."""

    @classmethod
    def from_config(cls, config: LayerConfig) -> Optimizer:
        """Return a new optimizer from the arguments of the constructor."""

    def get_config(self) -> LayerConfig:
        """Return the arguments of the constructor that make this optimizer anew."""


class KerasModel(KerasLayer, Protocol):
    """A Keras model, which is a layer, too."""

    layers: list[KerasLayer]
    compiled: bool
    input: TensorTree
    outputs: list[KerasTensor]
    optimizer: Optimizer

    def get_compile_config(self) -> LayerConfig:
        """Return the arguments with which the model was compiled."""

    def compile(self, **arguments: object) -> None:
        """Set optimizer, loss and metrics."""

    def compile_from_config(self, config: LayerConfig) -> None:
        """Set optimizer, loss and metrics to those of another model."""


def require_keras_model(model: object) -> KerasModel:
    """Return the model that a user's generator has made.

    Raises:
        AblationError: If it is not a Keras model.
    """
    keras = import_keras("Removing layers from a model")
    if isinstance(model, keras.Model):
        keras_model: KerasModel = model
        return keras_model
    raise AblationError(
        "The base model generator must return a Keras model, if layers are to be removed, "
        f"but it returned {type(model).__name__}."
    )


def layers_with_prefix(model: KerasModel, prefix: str) -> list[str]:
    """Return the names of the removable layers that begin with a prefix.

    Upper and lower case count as the same. A prefix that ends in a digit does not fit a name that
    continues with a digit: ``block_1`` fits ``block_1_expand``, and not ``block_10_expand``. The
    first and the last layer are never among them.

    Raises:
        AblationError: If there is no such layer, so that nothing would be removed.
    """
    names, ends = _layer_names(model), _end_names(model)
    matches = [name for name in names if has_prefix(name, prefix)]
    if not matches:
        raise AblationError(
            f"No layer of the base model has a name that begins with '{prefix}'."
            f"{closest(prefix, names)} Its layers are: {', '.join(names)}."
        )
    removable = [name for name in matches if name not in ends]
    if not removable:
        raise AblationError(
            f"The prefix '{prefix}' fits only the first or last layer of the base model "
            f"({', '.join(matches)}), and these are never removed. "
            "Give the other layers names that begin alike."
        )
    return removable


def require_layers(model: KerasModel, names: Iterable[str]) -> None:
    """Check that the model has layers of these names.

    Raises:
        AblationError: If a name does not exist. The message lists the layers and the closest name.
    """
    layer_names = _layer_names(model)
    for name in names:
        if name not in layer_names:
            raise AblationError(
                f"The base model has no layer '{name}'.{closest(name, layer_names)} "
                f"Its layers are: {', '.join(layer_names)}."
            )


def require_removable(model: KerasModel, names: Iterable[str], may_be_first: bool = False) -> None:
    """Check that the model has layers of these names and that none of them is the first or last.

    Args:
        model: The model.
        names: The names of the layers.
        may_be_first: Whether the first layer is among the removable ones, if the model knows its
            input.

    Raises:
        AblationError: If a name does not exist or belongs to the first or last layer. The message
            lists the layers and the closest name.
    """
    ends = _end_names(model)
    if may_be_first and has_input(model):
        # A model of one layer loses its output with it.
        ends -= set(_layer_names(model)[:1]) - _output_names(model)
    for name in names:
        require_layers(model, [name])
        if name in ends:
            raise AblationError(
                f"Layer '{name}' is the first or last layer of the base model, and these are never "
                "removed, because the model would lose its input or its output. "
                "Exclude it from the study."
            )


def has_input(model: KerasModel) -> bool:
    """Return whether the model knows its input, so that removals can be tried without data."""
    keras = import_keras("A model")
    return not is_sequential(keras, model) or input_layer(keras, model) is not None


def is_sequential(keras: ModuleType, model: KerasLayer) -> bool:
    """Return whether a new model can be made from the layers of this one in their order."""
    cls = type(model)
    return issubclass(cls, keras.Sequential) and _has_constructor_of(cls, keras.Sequential)


def is_functional(model: KerasLayer) -> bool:
    """Return whether Keras can make the model anew from the graph of its layers."""
    cls = type(model)
    # Keras does not export this class, so it is found by its name.
    functional = next((base for base in cls.__mro__ if base.__name__ == "Functional"), None)
    return functional is not None and _has_constructor_of(cls, functional)


def input_layer(keras: ModuleType, model: KerasModel) -> KerasInputLayer | None:
    """Return the InputLayer of a Sequential, or None if the model does not know its input."""
    # The property of Sequential leaves the InputLayer out, that of its base class does not.
    first: KerasInputLayer | None = next(iter(keras.Model.layers.fget(model)), None)
    return first if isinstance(first, keras.layers.InputLayer) else None


def input_width(model: object) -> int | None:
    """Return the number of columns that a Keras model takes.

    Returns:
        None if it takes any number, something else than one table, or is no Keras model.
    """
    # Without Keras in memory, no object can be a model of it.
    keras = sys.modules.get("keras")
    if keras is None or not isinstance(model, keras.Model):
        return None
    shape = getattr(model, "input_shape", None) if getattr(model, "inputs", None) else None
    if not isinstance(shape, tuple) or len(shape) != 2 or not isinstance(shape[1], int):
        return None
    return shape[1]


def _has_constructor_of(cls: type, base: type) -> bool:
    """Return whether a class has no constructor of its own and takes the arguments of its base."""
    # With another constructor, Keras could not make an instance from layers and a name alone.
    return cls.__init__ is base.__init__  # type: ignore[misc]


def _layer_names(model: KerasModel) -> list[str]:
    """Return the names of the layers in order, without inputs.

    Raises:
        AblationError: If layers cannot be removed from a model of this kind.
    """
    keras = import_keras("Removing layers from a model")
    require_keras_model(model)
    if not is_sequential(keras, model) and not is_functional(model):
        raise AblationError(
            "Layers can be removed from Sequential and functional models, but the base model is a "
            f"{type(model)!r}, whose code calls its layers itself. "
            "Add its variants with model.add_custom_model_generator()."
        )
    return [layer.name for layer in model.layers if not isinstance(layer, keras.layers.InputLayer)]


def _end_names(model: KerasModel) -> set[str]:
    """Return the names of the first layer, of the last one and of all that give an output."""
    return {*_layer_names(model)[:1], *_output_names(model)}


def _output_names(model: KerasModel) -> set[str]:
    # A functional model may have several outputs, and the last layer need not be one of them.
    return {*_layer_names(model)[-1:], *getattr(model, "output_names", [])}
