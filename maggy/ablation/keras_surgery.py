"""Building a Keras 3 model anew without some of its layers, or with others in their place.

A Sequential model becomes a new Sequential of the other layers. A functional model is cloned, and
its clone bypasses the removed layers. Shapes are inferred anew, so neighbours may have any width.
Weights that still fit are copied, since they may be pretrained; the others start fresh.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from types import ModuleType

from maggy.ablation.keras_bypass import REMEDY, Bypass
from maggy.ablation.keras_compiling import compile_like, uncompiled
from maggy.ablation.keras_copies import copy_layer, copy_weights, user_classes
from maggy.ablation.keras_edit import Edit
from maggy.ablation.keras_models import (
    KerasLayer,
    KerasModel,
    KerasTensor,
    TensorTree,
    has_input,
    input_layer,
    require_layers,
    require_removable,
)
from maggy.common.exceptions import AblationError
from maggy.common.keras_session import import_keras

__all__ = ["edit_model", "remove_layers"]


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
    return edit_model(model, Edit(frozenset(names)))


def edit_model(model: KerasModel, edit: Edit) -> KerasModel:
    """Return a new model like ``model``, but with some layers taken out or replaced.

    Like :func:`remove_layers`. A replaced layer may be the first or the last one.

    Args:
        model: A Sequential or functional Keras model.
        edit: The changes.

    Raises:
        AblationError: As for :func:`remove_layers`; also if the new model's output has another
            shape or type.
    """
    keras = import_keras("Removing layers from a model")
    # Sorted, so that of several mistakes the error always names the same one.
    require_removable(model, sorted(edit.removal), edit.may_remove_first)
    require_layers(model, sorted(edit.replacements))
    try:
        # Users need not register their layer classes.
        with keras.saving.custom_object_scope(user_classes(model)):
            if isinstance(model, keras.Sequential):
                new = _edited_sequential(keras, model, edit)
            else:
                new = _edited_functional(keras, model, edit)
    except AblationError:
        raise
    except Exception as error:
        raise AblationError(
            f"{edit.describe()} the rest of the model no longer fits together, most "
            "likely because the next layer needs a shape that only the original gives. Remove "
            "them as a group with what depends on them, replace the layer by one that gives the "
            "same shape (model.layers.replace()), or add a custom model. "
            f"Keras says: {type(error).__name__}: {error}"
        ) from error
    _check_outputs(model, new, edit)
    return new


def _check_outputs(model: KerasModel, new: KerasModel, edit: Edit) -> None:
    """Refuse a model whose outputs differ from those of the original in shape or type.

    A loss may accept them by broadcasting, and would measure something else.
    """
    if not has_input(model):
        return
    for output, new_output in zip(model.outputs, new.outputs, strict=True):
        if (tuple(output.shape), output.dtype) != (tuple(new_output.shape), new_output.dtype):
            raise AblationError(
                f"{edit.describe()} the model's output has the shape {tuple(new_output.shape)} and "
                f"the type {new_output.dtype}, but that of the base model has "
                f"{tuple(output.shape)} and {output.dtype}, so their metrics cannot be compared. "
                "Replace the layer by one that gives the same shape, such as a pooling: "
                "model.layers.replace('name', factory)."
            )


def _edited_sequential(keras: ModuleType, model: KerasModel, edit: Edit) -> KerasModel:
    remaining = [layer for layer in model.layers if layer.name not in edit.removal]
    source = input_layer(keras, model)
    make: Callable[..., KerasModel] = type(model)

    def new_layer(layer: KerasLayer) -> KerasLayer:
        if layer.name in edit.replacements:
            return edit.new_layer(keras, layer.name)
        # Without an input nothing has been connected yet: the layers are as the generator made
        # them and can be used as they are.
        return layer if source is None else copy_layer(keras, layer)

    layers = [new_layer(layer) for layer in remaining]
    if source is None:
        new = make(layers, name=model.name, trainable=model.trainable)
    else:
        first = keras.Input(batch_shape=source.batch_shape, dtype=source.dtype, name=source.name)
        new = make([first, *layers], name=model.name, trainable=model.trainable)
        copy_weights(_kept(remaining, edit), new)
    compile_like(model, new)
    return new


def _edited_functional(keras: ModuleType, model: KerasModel, edit: Edit) -> KerasModel:
    for layer in model.layers:
        if layer.name in edit.removal and len(keras.tree.flatten(layer.output)) != 1:
            raise AblationError(
                f"Layer '{layer.name}' has several outputs, so it cannot be removed. {REMEDY}"
            )

    def copy(layer: KerasLayer) -> KerasLayer:
        is_edited = layer.name in edit.removal or layer.name in edit.replacements
        # The operations of a model (sums, slices) are no layers and hold nothing.
        if is_edited or not isinstance(layer, keras.layers.Layer):
            return layer
        return copy_layer(keras, layer)

    with uncompiled(model):
        new: KerasModel = keras.models.clone_model(
            model,
            input_tensors=_new_inputs(keras, model),
            clone_function=copy,
            call_function=Bypass(keras, edit).call,
        )
    # clone_model() does not copy the flag of the model itself.
    if not model.trainable:
        new.trainable = False
    copy_weights(_kept(model.layers, edit), new)
    compile_like(model, new)
    return new


def _kept(layers: Iterable[KerasLayer], edit: Edit) -> list[KerasLayer]:
    """Return the layers that are not replaced. A new layer may have the name of the old one."""
    return [layer for layer in layers if layer.name not in edit.replacements]


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
