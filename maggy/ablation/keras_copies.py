"""Copies of Keras layers that are not connected to anything yet, and the weights for them."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from types import FunctionType, ModuleType
from typing import Protocol, cast

from maggy.ablation.keras_models import (
    KerasLayer,
    KerasModel,
    KerasVariable,
    LayerConfig,
    TensorTree,
    has_graph,
    inner_layers,
    is_functional,
    is_sequential,
)
from maggy.ablation.keras_targets import Targets
from maggy.common.exceptions import AblationError
from maggy.common.keras_session import import_keras

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
        return _copy_model(keras, layer)
    if hasattr(layer, "get_vocabulary"):
        # What adapt() learned is neither in the configuration nor in the weights.
        return layer
    try:
        return _copy_by_configuration(layer)
    except AblationError:
        if isinstance(layer, keras.Model) and has_graph(layer):
            return _copy_model(keras, layer)
        raise


def copy_weights(source: KerasModel, model: KerasModel, targets: Targets) -> list[str]:
    """Give a model the weights of layers of the same names, where all shapes are equal.

    If a nested model has lost a layer, its other layers get their weights one by one.

    Args:
        source: The model that has the weights.
        model: The model that gets them. Its other layers keep their fresh weights.
        targets: The layers that are replaced. A new layer may have the name of the old one.

    Returns:
        The paths of the layers that have other shapes than before, so that they start anew.
    """
    keras = import_keras("Copying weights")
    restarts: list[str] = []
    sources = {
        layer.name: layer for layer in inner_layers(keras, source) if not targets.is_replaced(layer)
    }
    for layer in inner_layers(keras, model):
        original = sources.get(layer.name)
        # A layer that could not be copied is in both models and has its weights already.
        if original is None or original is layer or not layer.built:
            continue
        _copy_random_states(original, layer)
        shapes = [weight.shape for weight in layer.weights]
        if [weight.shape for weight in original.weights] == shapes:
            _set_weights(original, layer)
        elif inner_layers(keras, original) and inner_layers(keras, layer):
            inner = cast("KerasModel", original), cast("KerasModel", layer)
            restarts += copy_weights(*inner, targets)
        elif original.weights:
            restarts.append(targets.path(original))
    return restarts


def _set_weights(source: KerasLayer, layer: KerasLayer) -> None:
    if not source.weights:
        return
    layer.set_weights(source.get_weights())
    flatten = getattr(layer, "_flatten_layers", lambda: [layer])
    for inner in flatten():
        if hasattr(inner, "finalize_state"):
            # Normalization computes with values that it makes from its weights.
            inner.finalize_state()


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


def _copy_model(keras: ModuleType, model: KerasLayer) -> KerasLayer:
    # Keras would copy the layers inside by their configurations, without users' own functions.
    copy: KerasLayer = keras.models.clone_model(
        model, clone_function=lambda inner: copy_layer(keras, inner)
    )
    return copy


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
