"""Copies of Keras layers that are not connected to anything yet, and the weights for them."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable
from types import FunctionType, ModuleType
from typing import Protocol

from maggy.ablation.keras_models import (
    KerasLayer,
    KerasModel,
    KerasVariable,
    LayerConfig,
    TensorTree,
    is_functional,
    is_sequential,
)
from maggy.common.exceptions import AblationError

__all__ = ["copy_layer", "copy_weights", "user_classes"]

_RANDOM_STATE = "seed_generator_state"
"""The name of the variable from which Keras' random layers draw."""


def copy_layer(keras: ModuleType, layer: KerasLayer) -> KerasLayer:
    """Return a new layer like another one. It has no weights yet.

    A layer that Keras cannot make anew, but that has no weights, is returned itself, and so is one
    whose ``adapt()`` has learned a vocabulary.

    Raises:
        AblationError: If the configuration of a layer with weights does not make it anew.
    """
    if isinstance(layer, keras.layers.Lambda):
        return _copy_lambda(layer)
    if isinstance(layer, keras.Model) and (is_sequential(keras, layer) or is_functional(layer)):
        # Keras would copy the layers inside by their configurations, without users' own functions.
        model: KerasLayer = keras.models.clone_model(
            layer, clone_function=lambda inner: copy_layer(keras, inner)
        )
        return model
    if hasattr(layer, "get_vocabulary"):
        # What adapt() learned is neither in the configuration nor in the weights.
        return layer
    return _copy_by_configuration(layer)


def copy_weights(source_layers: Iterable[KerasLayer], model: KerasModel) -> None:
    """Give a model the weights of layers of the same names, where all shapes are equal.

    Args:
        source_layers: The layers that have the weights.
        model: The model that gets them. Its other layers keep their fresh weights.
    """
    sources = {layer.name: layer for layer in source_layers}
    for layer in model.layers:
        source = sources.get(layer.name)
        # A layer that could not be copied is in both models and has its weights already.
        if source is None or source is layer or not layer.built:
            continue
        _copy_random_states(source, layer)
        if not source.weights:
            continue
        shapes = [weight.shape for weight in layer.weights]
        if [weight.shape for weight in source.weights] == shapes:
            layer.set_weights(source.get_weights())
            if hasattr(layer, "finalize_state"):
                # Normalization computes with values that it makes from its weights.
                layer.finalize_state()


def _copy_random_states(source: KerasLayer, copy: KerasLayer) -> None:
    """Let the copy of a layer, such as Dropout, draw the numbers that the layer would have drawn.

    A new layer draws a seed when it is made, which would depend on the layers before it.
    """
    states, copies = _random_states(source), _random_states(copy)
    if len(states) == len(copies):
        for state, new_state in zip(states, copies, strict=True):
            new_state.assign(state)


def _random_states(layer: KerasLayer) -> list[KerasVariable]:
    # Keras does not count them as weights.
    return [variable for variable in layer.variables if variable.name == _RANDOM_STATE]


def user_classes(model: KerasModel) -> dict[str, type]:
    """Return the users' own layer classes in a model at any depth, by name.

    Keras needs them to make wrapped layers anew.
    """
    # Keras has no public way to the layers inside layers.
    flatten = getattr(model, "_flatten_layers", lambda: model.layers)
    classes: list[type] = [type(layer) for layer in flatten()]
    return {cls.__name__: cls for cls in classes if not cls.__module__.startswith("keras.")}


def _copy_by_configuration(layer: KerasLayer) -> KerasLayer:
    try:
        copy = type(layer).from_config(_constructor_arguments(layer))
    except Exception as error:
        if not layer.weights:
            # It holds nothing that two models would both train, so they may share it.
            return layer
        raise AblationError(
            f"Layer '{layer.name}' ({type(layer).__name__}) cannot be made anew from its "
            f"get_config(): {error}. Give the class a get_config() that returns all arguments of "
            "its constructor."
        ) from error
    # A constructor that does not take the name and trainable has set its own.
    copy.name = layer.name
    if copy.trainable != layer.trainable:
        # Only if they differ, because this sets all layers inside as well.
        copy.trainable = layer.trainable
    return copy


class _LambdaLayer(KerasLayer, Protocol):
    """A layer that calls a function of the user's."""

    function: Callable[..., TensorTree]
    mask: Callable[..., TensorTree] | TensorTree | None
    arguments: LayerConfig
    dtype_policy: str


def _copy_lambda(layer: _LambdaLayer) -> KerasLayer:
    """Return a new Lambda layer with the same function; its configuration would serialize it."""
    make: Callable[..., KerasLayer] = type(layer)
    return make(
        layer.function,
        output_shape=getattr(layer, "_output_shape", None),
        mask=layer.mask,
        arguments=layer.arguments,
        name=layer.name,
        trainable=layer.trainable,
        dtype=layer.dtype_policy,
    )


def _constructor_arguments(layer: KerasLayer) -> LayerConfig:
    """Return the configuration of a layer as its constructor takes it."""
    # A copy, because a user's get_config() may return a dict that the layer keeps.
    config = dict(layer.get_config())
    for name in config:
        value = getattr(layer, name, None)
        # A user's own function, such as an activation, has only a name in the configuration, and
        # Keras could not look that up.
        if isinstance(value, FunctionType):
            config[name] = value
    # The signature of the class itself would be that of Keras' __new__(), which takes everything.
    parameters = inspect.signature(type(layer).__init__).parameters
    if any(parameter.kind is inspect.Parameter.VAR_KEYWORD for parameter in parameters.values()):
        return config
    # Every layer has these, also where the constructor of its class does not take them.
    surplus = {"name", "trainable", "dtype"} - set(parameters)
    return {name: value for name, value in config.items() if name not in surplus}
