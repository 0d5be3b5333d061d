"""Building a Keras 3 model anew without some of its layers; knows nothing of studies and trials.

A Sequential model becomes a new Sequential of the kept layers, a functional model is cloned with the
removed layers bypassed. Shapes are inferred anew, so neighbours may have any width. Weights that
still fit are taken over from the given model, since they may be pretrained; the others start fresh.
"""

from __future__ import annotations

import inspect
import types
from collections.abc import Iterable
from typing import Any

from maggy.common.exceptions import AblationError
from maggy.common.json_values import closest
from maggy.common.keras_session import import_keras

__all__ = ["has_input", "layers_with_prefix", "remove_layers", "require_removable"]


def layers_with_prefix(model: Any, prefix: str) -> list[str]:
    """The removable layers whose names begin with ``prefix``, whatever the case; the first and last layer always stay.

    Raises:
        AblationError: There is none, so that nothing would be removed.
    """
    names, ends = _layer_names(model), _ends(model)
    found = [name for name in names if name.lower().startswith(prefix.lower())]
    if not found:
        raise AblationError(
            f"No layer of the base model has a name that begins with '{prefix}'."
            f"{closest(prefix, names)} Its layers are: {', '.join(names)}."
        )
    removable = [name for name in found if name not in ends]
    if not removable:
        raise AblationError(
            f"The prefix '{prefix}' fits only the first or last layer of the base model ({', '.join(found)}), and "
            "these are never removed. Give the other layers names that begin alike."
        )
    return removable


def require_removable(model: Any, names: Iterable[str]) -> None:
    """Checks that the model has layers of these names and that none of them is the first or last.

    Raises:
        AblationError: One is not there, or is at an end; the message lists the layers and the closest name.
    """
    known, ends = _layer_names(model), _ends(model)
    for name in names:
        if name not in known:
            raise AblationError(
                f"The base model has no layer '{name}'.{closest(name, known)} Its layers are: {', '.join(known)}."
            )
        if name in ends:
            raise AblationError(
                f"Layer '{name}' is the first or last layer of the base model, and these are never removed, "
                "because the model would lose its input or its output. Exclude it from the study."
            )


def remove_layers(model: Any, names: Iterable[str]) -> Any:
    """A new model like ``model`` without the layers of these names; ``model`` itself should not be used any more.

    A Sequential model without an input stays unbuilt. A layer that a functional model uses in several
    places is removed from all of them. A compiled model gives a compiled one.

    Example:
        >>> import keras
        >>> model = keras.Sequential([keras.layers.Dense(8), keras.layers.Dense(4, name="mid"), keras.layers.Dense(1)])
        >>> [layer.units for layer in remove_layers(model, ["mid"]).layers]
        [8, 1]

    Args:
        model: A Sequential or functional Keras model.
        names: Names of layers, neither the first nor the last.

    Returns:
        A model of the same kind, name and inputs.

    Raises:
        AblationError: A layer is not there, is at an end or has several inputs or outputs; the model is
            a subclass with layers of its own; or what is left does not fit together.
    """
    keras = import_keras("Removing layers from a model")
    gone = set(names)
    require_removable(model, sorted(gone))
    try:
        with keras.saving.custom_object_scope(_classes(model)):
            if isinstance(model, keras.Sequential):
                return _without_sequential(keras, model, gone)
            return _without_functional(keras, model, gone)
    except AblationError:
        raise
    except Exception as error:
        raise AblationError(
            f"Without {_listed(gone)} the rest of the model no longer fits together, most likely because the next "
            "layer needs a shape that only the removed one gives. Remove them as a group with what depends on them, "
            f"or add a custom model. Keras says: {type(error).__name__}: {error}"
        ) from error


def has_input(model: Any) -> bool:
    """Whether the model knows its input, so that removals can be tried without data."""
    return not _is_sequential(model) or _input_layer(import_keras("A model"), model) is not None


def _layer_names(model: Any) -> list[str]:
    """The layers' names in order, without inputs; the model must be one that layers can be removed from."""
    keras = import_keras("Removing layers from a model")
    if not isinstance(model, keras.Model):
        raise AblationError(
            "The base model generator must return a Keras model, if layers are to be removed, "
            f"but it returned {type(model).__name__}."
        )
    if not _is_sequential(model) and not _is_functional(model):
        raise AblationError(
            f"Layers can be removed from Sequential and functional models, but the base model is a {type(model)!r}, "
            "whose code calls its layers itself. Add its variants with model.add_custom_model_generator()."
        )
    return [layer.name for layer in model.layers if not isinstance(layer, keras.layers.InputLayer)]


def _is_sequential(model: Any) -> bool:
    keras, kind = import_keras("A model"), _kind(model)
    return issubclass(kind, keras.Sequential) and kind.__init__ is keras.Sequential.__init__


def _is_functional(model: Any) -> bool:
    # Keras does not export the class; a subclass with a constructor of its own cannot be made anew.
    kind = _kind(model)
    functional = next((cls for cls in kind.__mro__ if cls.__name__ == "Functional"), None)
    return functional is not None and kind.__init__ is functional.__init__


def _kind(model: Any) -> Any:
    return type(model)


def _ends(model: Any) -> set[str]:
    names = _layer_names(model)
    return {*names[:1], *names[-1:], *getattr(model, "output_names", [])}


def _input_layer(keras: Any, model: Any) -> Any:
    """The InputLayer of a Sequential, which its own ``layers`` hides, or None."""
    layers = keras.Model.layers.fget(model)
    return layers[0] if layers and isinstance(layers[0], keras.layers.InputLayer) else None


def _without_sequential(keras: Any, model: Any, gone: set[str]) -> Any:
    kept = [layer for layer in model.layers if layer.name not in gone]
    source = _input_layer(keras, model)
    if source is None:
        # Nothing has been connected yet: the layers are as the generator made them and can be used as they are.
        new = type(model)(kept, name=model.name, trainable=model.trainable)
    else:
        first = keras.Input(batch_shape=source.batch_shape, dtype=source.dtype, name=source.name)
        new = type(model)(
            [first, *(_copy(keras, layer) for layer in kept)],
            name=model.name,
            trainable=model.trainable,
        )
        _take_weights(kept, new)
    if model.compiled:
        new.compile_from_config(model.get_compile_config())
    return new


def _without_functional(keras: Any, model: Any, gone: set[str]) -> Any:
    for layer in model.layers:
        if layer.name in gone and len(keras.tree.flatten(layer.output)) != 1:
            raise AblationError(
                f"Layer '{layer.name}' has several outputs, so it cannot be removed. {_CUSTOM}"
            )

    def call(layer: Any, *args: Any, **kwargs: Any) -> Any:
        return (
            _only_input(keras, layer, args, kwargs)
            if layer.name in gone
            else layer(*args, **kwargs)
        )

    def copy(layer: Any) -> Any:
        return (
            layer
            if layer.name in gone or not isinstance(layer, keras.layers.Layer)
            else _copy(keras, layer)
        )

    names = {
        id(layer.output): layer.name
        for layer in model.layers
        if isinstance(layer, keras.layers.InputLayer)
    }
    inputs = keras.tree.map_structure(
        lambda x: keras.Input(batch_shape=x.shape, dtype=x.dtype, name=names.get(id(x), x.name)),
        model.input,
    )
    new = keras.models.clone_model(
        model, input_tensors=inputs, clone_function=copy, call_function=call
    )
    if not model.trainable:
        new.trainable = False
    _take_weights(model.layers, new)
    return new


_CUSTOM = "Add a custom model without it: model.add_custom_model_generator()."


def _only_input(keras: Any, layer: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """The one tensor that goes into the layer; several uses of the same tensor, as in self-attention, are one."""
    flat = keras.tree.flatten((args, kwargs))
    tensors = {id(value): value for value in flat if isinstance(value, keras.KerasTensor)}
    if len(tensors) != 1:
        raise AblationError(
            f"Layer '{layer.name}' has {len(tensors)} inputs, so it cannot be removed: "
            f"all but one of them would be lost. {_CUSTOM}"
        )
    return next(iter(tensors.values()))


def _copy(keras: Any, layer: Any) -> Any:
    """A new layer like ``layer``, not yet connected to anything."""
    if isinstance(layer, keras.layers.Lambda):
        return type(layer)(
            layer.function,
            output_shape=getattr(layer, "_output_shape", None),
            mask=layer.mask,
            arguments=layer.arguments,
            name=layer.name,
            trainable=layer.trainable,
            dtype=layer.dtype_policy,
        )
    if isinstance(layer, keras.Model) and (_is_sequential(layer) or _is_functional(layer)):
        return keras.models.clone_model(layer, clone_function=lambda inner: _copy(keras, inner))
    if hasattr(
        layer, "get_vocabulary"
    ):  # what adapt() learned is neither in the configuration nor in the weights
        return layer
    try:
        config = layer.get_config()
        functions = {key: getattr(layer, key, None) for key in config}
        # A user's own function, say an activation, has a name in the configuration that Keras could not look up.
        live = {
            key: value for key, value in functions.items() if isinstance(value, types.FunctionType)
        }
        copy = type(layer).from_config(_accepted(layer, {**config, **live}))
    except Exception as error:
        if not layer.weights:
            return layer
        raise AblationError(
            f"Layer '{layer.name}' ({type(layer).__name__}) cannot be made anew from its get_config(): {error}. "
            "Give the class a get_config() that returns all arguments of its constructor."
        ) from error
    # A constructor that does not take these has set its own.
    copy.name = layer.name
    if copy.trainable != layer.trainable:  # only then, because it sets all layers inside as well
        copy.trainable = layer.trainable
    return copy


def _accepted(layer: Any, config: dict[str, Any]) -> dict[str, Any]:
    """``config`` without what every layer has and this class's constructor does not take."""
    parameters = inspect.signature(_kind(layer).__init__).parameters
    if any(parameter.kind is inspect.Parameter.VAR_KEYWORD for parameter in parameters.values()):
        return config
    common = {"name", "trainable", "dtype"} - set(parameters)
    return {key: value for key, value in config.items() if key not in common}


def _take_weights(old: Iterable[Any], new: Any) -> None:
    layers = {layer.name: layer for layer in old}
    for layer in new.layers:
        source = layers.get(layer.name)
        if source is None or source is layer or not source.weights or not layer.built:
            continue
        if [weight.shape for weight in source.weights] == [
            weight.shape for weight in layer.weights
        ]:
            layer.set_weights(source.get_weights())
            if hasattr(
                layer, "finalize_state"
            ):  # Normalization computes with values made from its weights
                layer.finalize_state()


def _classes(model: Any) -> dict[str, type]:
    """The users' own layer classes, at any depth, which Keras needs to make wrapped layers anew."""
    flatten = getattr(model, "_flatten_layers", lambda: model.layers)
    kinds = [type(layer) for layer in flatten()]
    return {kind.__name__: kind for kind in kinds if not kind.__module__.startswith("keras.")}


def _listed(names: set[str]) -> str:
    return ("layer " if len(names) == 1 else "layers ") + ", ".join(
        f"'{name}'" for name in sorted(names)
    )
