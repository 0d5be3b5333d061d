"""Building a Keras 3 model anew without some of its layers; knows nothing of studies and trials.

A Sequential model becomes a new Sequential of the other layers. A functional model is cloned, and
its clone bypasses the removed layers. Shapes are inferred anew, so neighbours may have any width.
Weights that still fit are copied, since they may be pretrained; the others start fresh.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from types import ModuleType

from maggy.ablation.keras_copies import copy_layer, copy_weights, user_classes
from maggy.ablation.keras_models import (
    KerasLayer,
    KerasModel,
    KerasTensor,
    TensorTree,
    input_layer,
    require_removable,
)
from maggy.common.exceptions import AblationError
from maggy.common.keras_session import import_keras

__all__ = ["remove_layers"]

_REMEDY = "Add a custom model without it: model.add_custom_model_generator()."


def remove_layers(model: KerasModel, names: Iterable[str]) -> KerasModel:
    """Return a new model like ``model``, but without the layers of these names.

    The model itself should not be used any more, since the new one may share layers with it. A
    Sequential model without an input stays unbuilt. A layer that a functional model uses in several
    places is removed from all of them. A compiled model gives a compiled one.

    Example:
        >>> import keras
        >>> dense = keras.layers.Dense
        >>> model = keras.Sequential([dense(8), dense(4, name="middle"), dense(1)])
        >>> [layer.units for layer in remove_layers(model, ["middle"]).layers]
        [8, 1]

    Args:
        model: A Sequential or functional Keras model.
        names: Names of layers, neither the first nor the last.

    Returns:
        A model of the same kind, with the same name and inputs.

    Raises:
        AblationError: If a layer does not exist, is the first or the last, or has several inputs
            or outputs; if the model is a subclass with layers of its own; or if the other layers
            do not fit together.
    """
    keras = import_keras("Removing layers from a model")
    removal = set(names)
    # Sorted, so that of several mistakes the error always names the same one.
    require_removable(model, sorted(removal))
    try:
        # Users need not register their layer classes.
        with keras.saving.custom_object_scope(user_classes(model)):
            if isinstance(model, keras.Sequential):
                return _without_sequential(keras, model, removal)
            return _without_functional(keras, model, removal)
    except AblationError:
        raise
    except Exception as error:
        raise AblationError(
            f"Without {_listing(removal)} the rest of the model no longer fits together, most "
            "likely because the next layer needs a shape that only the removed one gives. Remove "
            "them as a group with what depends on them, or add a custom model. "
            f"Keras says: {type(error).__name__}: {error}"
        ) from error


def _without_sequential(keras: ModuleType, model: KerasModel, removal: set[str]) -> KerasModel:
    remaining = [layer for layer in model.layers if layer.name not in removal]
    source = input_layer(keras, model)
    make: Callable[..., KerasModel] = type(model)
    if source is None:
        # Nothing has been connected yet: the layers are as the generator made them and can be used
        # as they are.
        new = make(remaining, name=model.name, trainable=model.trainable)
    else:
        first = keras.Input(batch_shape=source.batch_shape, dtype=source.dtype, name=source.name)
        copies = [copy_layer(keras, layer) for layer in remaining]
        new = make([first, *copies], name=model.name, trainable=model.trainable)
        copy_weights(remaining, new)
    if model.compiled:
        new.compile_from_config(model.get_compile_config())
    return new


def _without_functional(keras: ModuleType, model: KerasModel, removal: set[str]) -> KerasModel:
    for layer in model.layers:
        if layer.name in removal and len(keras.tree.flatten(layer.output)) != 1:
            raise AblationError(
                f"Layer '{layer.name}' has several outputs, so it cannot be removed. {_REMEDY}"
            )

    def call(layer: KerasLayer, *args: TensorTree, **kwargs: TensorTree) -> TensorTree:
        if layer.name in removal:
            return _only_input(keras, layer, (args, kwargs))
        return layer(*args, **kwargs)

    def copy(layer: KerasLayer) -> KerasLayer:
        # The operations of a model (sums, slices) are no layers and hold nothing.
        if layer.name in removal or not isinstance(layer, keras.layers.Layer):
            return layer
        return copy_layer(keras, layer)

    new: KerasModel = keras.models.clone_model(
        model, input_tensors=_new_inputs(keras, model), clone_function=copy, call_function=call
    )
    # clone_model() does not copy the flag of the model itself.
    if not model.trainable:
        new.trainable = False
    copy_weights(model.layers, new)
    return new


def _new_inputs(keras: ModuleType, model: KerasModel) -> TensorTree:
    """Return inputs like those of the model, with the names of its InputLayers."""
    # By identity, because comparing two tensors gives a tensor.
    names = {
        id(layer.output): layer.name
        for layer in model.layers
        if isinstance(layer, keras.layers.InputLayer)
    }

    def new_input(tensor: KerasTensor) -> KerasTensor:
        name = names.get(id(tensor), tensor.name)
        copy: KerasTensor = keras.Input(batch_shape=tensor.shape, dtype=tensor.dtype, name=name)
        return copy

    inputs: TensorTree = keras.tree.map_structure(new_input, model.input)
    return inputs


def _only_input(keras: ModuleType, layer: KerasLayer, arguments: TensorTree) -> KerasTensor:
    """Return the one tensor that goes into the layer.

    Several uses of the same tensor, as in self-attention, are one.
    """
    values = keras.tree.flatten(arguments)
    tensors = {id(value): value for value in values if isinstance(value, keras.KerasTensor)}
    if len(tensors) != 1:
        raise AblationError(
            f"Layer '{layer.name}' has {len(tensors)} inputs, so it cannot be removed: "
            f"all but one of them would be lost. {_REMEDY}"
        )
    tensor: KerasTensor = next(iter(tensors.values()))
    return tensor


def _listing(names: set[str]) -> str:
    word = "layer" if len(names) == 1 else "layers"
    return f"{word} " + ", ".join(f"'{name}'" for name in sorted(names))
