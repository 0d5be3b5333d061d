"""Keras models as a study sees them: their kinds, and from which of them layers can be removed.

This module changes no model. The protocols name what is used of Keras, which is optional.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from types import ModuleType
from typing import Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray

from maggy.common.exceptions import AblationError
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
    "has_graph",
    "has_input",
    "inner_layers",
    "input_layer",
    "input_width",
    "is_functional",
    "is_sequential",
    "require_editable",
    "require_keras_model",
]

_BEHAVIOUR = (
    "call",
    "train_step",
    "test_step",
    "predict_step",
    "compute_loss",
    "compute_metrics",
    "compile",
    "fit",
    "evaluate",
    "predict",
)
"""The methods by which a model computes and trains."""


class KerasTensor(Protocol):
    """A value that flows between layers, or a weight."""

    name: str
    dtype: str
    shape: tuple[int | None, ...]


class KerasVariable(KerasTensor, Protocol):
    """A value that a layer keeps."""

    def assign(self, value: KerasTensor | NDArray[np.generic]) -> object:
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
    trainable_variables: list[KerasVariable]
    non_trainable_variables: list[KerasVariable]
    output: TensorTree
    call: Callable[..., TensorTree]

    def __call__(self, *args: TensorTree, **kwargs: TensorTree | bool) -> TensorTree:
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
    inputs: list[KerasTensor]
    outputs: list[KerasTensor]
    optimizer: Optimizer

    def compute_output_spec(self, inputs: TensorTree) -> TensorTree:
        """Return the shapes of the outputs for the shapes of inputs."""

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
        "The base model generator must return a Keras model or a torch.nn.Module, if layers are to "
        f"be removed, but it returned {type(model).__name__}."
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
    """Return whether a new model of this class can be made from the graph of its layers."""
    functional = _functional_class(model)
    return functional is not None and _has_constructor_of(type(model), functional)


def has_graph(model: KerasLayer) -> bool:
    """Return whether a functional model can stand for this one: the graph says all that it does.

    The constructor of its class may take other arguments than that of ``keras.Model``.
    """
    functional = _functional_class(model)
    if functional is None or is_functional(model):
        return functional is not None
    return _has_operations(model) and not _overrides(model, functional)


def inner_layers(keras: ModuleType, layer: KerasLayer) -> list[KerasLayer]:
    """Return the layers of a model that can be removed from it, in order; none for other layers."""
    if not isinstance(layer, keras.Model) or not (is_sequential(keras, layer) or has_graph(layer)):
        return []
    return [inner for inner in layer.layers if not isinstance(inner, keras.layers.InputLayer)]


def require_editable(keras: ModuleType, model: KerasModel) -> None:
    """Check that layers can be removed from a model of this kind.

    Raises:
        AblationError: If it is no Keras model, or the graph of its layers does not say all that it
            does.
    """
    require_keras_model(model)
    if is_sequential(keras, model) or has_graph(model):
        return
    cls, functional = type(model), _functional_class(model)
    if isinstance(model, keras.Sequential):
        reason = "whose constructor does not take layers"
    elif functional is not None and _has_operations(model):
        methods = ", ".join(f"{name}()" for name in _overrides(model, functional))
        reason = f"which overrides {methods}, and a copy from the graph of its layers would not"
    else:
        reason = "whose code calls its layers itself"
    raise AblationError(
        "Layers can be removed from Sequential and functional models, but the base model is a "
        f"{cls!r}, {reason}. Add its variants with model.add_custom_model_generator()."
    )


def _functional_class(model: KerasLayer) -> type | None:
    # Keras does not export this class, so it is found by its name.
    return next((base for base in type(model).__mro__ if base.__name__ == "Functional"), None)


def _has_operations(model: KerasLayer) -> bool:
    # Keras adds the functional class to a user's class, also for instances without a graph.
    return bool(getattr(model, "operations", None))


def _overrides(model: KerasLayer, functional: type) -> list[str]:
    """Return the methods of ``keras.Model`` that the user's class computes or trains with."""
    return [
        name
        for name in _BEHAVIOUR
        if getattr(type(model), name, None) is not getattr(functional, name, None)
    ]


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
