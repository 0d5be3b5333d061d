"""Build a Keras 3 model anew without some of its layers, or with others in their place.

A Sequential model becomes a new Sequential of the other layers. A functional model is cloned, and
its clone bypasses the removed layers. Shapes are inferred anew, so neighbours may have any width.
Weights that still fit are copied, since they may be pretrained; the others start fresh.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from types import ModuleType
from typing import cast

from maggy.ablation.edited_model import EditedModel
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
    is_sequential,
)
from maggy.ablation.keras_paths import SEPARATOR, require_layers, require_removable
from maggy.ablation.keras_targets import Targets
from maggy.common.exceptions import AblationError
from maggy.common.keras_session import import_keras

__all__ = ["copy_model", "edit_model", "perform_edit", "remove_layers"]


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
        names: Names of layers, or paths of layers in nested models; neither the first nor the
            last.

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
    return perform_edit(model, edit).model


def perform_edit(model: KerasModel, edit: Edit) -> EditedModel[KerasModel]:
    """Return what :func:`edit_model` returns, together with what has really changed.

    Args:
        model: A Sequential or functional Keras model.
        edit: The changes.

    Raises:
        AblationError: As for :func:`edit_model`.
    """
    keras = import_keras("Removing layers from a model")
    # Sorted, so that of several mistakes the error always names the same one.
    require_removable(model, sorted(edit.removal), edit.may_remove_first)
    require_layers(model, sorted(edit.replacements))
    try:
        edited = _edited(keras, model, Targets(keras, model, edit))
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
    _check_outputs(model, edited.model, edit)
    return replace(edited, replacements=tuple(sorted(edit.replacements)))


def copy_model(model: KerasModel) -> KerasModel:
    """Return a model like another one, made as if layers were removed, but with all of them.

    Args:
        model: A Sequential or functional Keras model.

    Raises:
        Exception: Of any type, if a layer cannot be made anew.
    """
    keras = import_keras("Copying a model")
    return _edited(keras, model, Targets(keras, model, Edit())).model


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


def _edited(keras: ModuleType, model: KerasModel, targets: Targets) -> EditedModel[KerasModel]:
    # Users need not register their layer classes.
    with keras.saving.custom_object_scope(user_classes(model)):
        surgery = _Surgery(keras, targets)
        new = surgery.model(model)
    restarts = copy_weights(model, new, targets)
    compile_like(model, new)
    missing = targets.missing_paths(new)
    # The merges that are layers are missing, and those that are operations have no path.
    ends = {path.rpartition(SEPARATOR)[2] for path in missing}
    merges = [name for name in surgery.merges if name not in ends]
    return EditedModel(new, (*missing, *merges), restarts=tuple(restarts))


class _Surgery:
    """Make a model and the models in it anew. One in several places stays a single one."""

    def __init__(self, keras: ModuleType, targets: Targets) -> None:
        self.merges: list[str] = []
        self._keras = keras
        self._targets = targets
        self._models: dict[int, KerasModel] = {}

    def model(self, model: KerasModel) -> KerasModel:
        """Return the new model, without weights."""
        if id(model) not in self._models:
            make = self._sequential if is_sequential(self._keras, model) else self._functional
            self._models[id(model)] = make(model)
        return self._models[id(model)]

    def _sequential(self, model: KerasModel) -> KerasModel:
        keras, source = self._keras, input_layer(self._keras, model)
        make: Callable[..., KerasModel] = type(model)

        def new_layer(layer: KerasLayer) -> KerasLayer:
            if self._targets.is_replaced(layer):
                return self._targets.new_layer(layer)
            # Without an input nothing has been connected yet: the layers are as the generator made
            # them and can be used as they are.
            if source is None and not self._targets.is_changed_inside(layer):
                return layer
            return self._copy(layer)

        layers = [new_layer(layer) for layer in model.layers if not self._targets.is_removed(layer)]
        if source is None:
            return make(layers, name=model.name, trainable=model.trainable)
        first = keras.Input(batch_shape=source.batch_shape, dtype=source.dtype, name=source.name)
        return make([first, *layers], name=model.name, trainable=model.trainable)

    def _functional(self, model: KerasModel) -> KerasModel:
        keras, bypass = self._keras, Bypass(self._keras, model, self._targets)
        for layer in model.layers:
            if self._targets.is_removed(layer) and len(keras.tree.flatten(layer.output)) != 1:
                raise AblationError(
                    f"Layer '{self._targets.path(layer)}' has several outputs, so it cannot be "
                    f"removed. {REMEDY}"
                )
        with uncompiled(model):
            new: KerasModel = keras.models.clone_model(
                model,
                input_tensors=_new_inputs(keras, model),
                clone_function=self._copy,
                call_function=bypass.call,
            )
        # clone_model() does not copy the flag of the model itself.
        if not model.trainable:
            new.trainable = False
        self.merges += bypass.merges
        return new

    def _copy(self, layer: KerasLayer) -> KerasLayer:
        is_edited = self._targets.is_removed(layer) or self._targets.is_replaced(layer)
        # The operations of a model (sums, slices) are no layers and hold nothing.
        if is_edited or not isinstance(layer, self._keras.layers.Layer):
            return layer
        if self._targets.is_changed_inside(layer):
            return self.model(cast("KerasModel", layer))
        return copy_layer(self._keras, layer)


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
