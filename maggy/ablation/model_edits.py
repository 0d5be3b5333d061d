"""The edits of a study on the base model: Keras or PyTorch, decided by the type of the model.

No other module tells the two apart.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from typing import cast

import numpy as np

from maggy.ablation import keras_paths, torch_models
from maggy.ablation.edited_model import EditedModel
from maggy.ablation.keras_edit import Edit, require_new_layers
from maggy.ablation.keras_models import has_input, require_keras_model
from maggy.ablation.keras_selfcheck import check_copy
from maggy.ablation.keras_surgery import perform_edit
from maggy.ablation.torch_checks import check_module_edits
from maggy.ablation.torch_models import ExampleInput, TorchModule, is_torch_module
from maggy.ablation.torch_surgery import edit_module
from maggy.common.seeding import unchanged_generators

__all__ = [
    "check_edits",
    "check_layers",
    "edit_base_model",
    "has_nan_weights",
    "layers_with_prefix",
    "num_parameters",
]


def layers_with_prefix(model: object, prefix: str) -> list[str]:
    """Return the names of the layers that a component of a prefix leaves out.

    Args:
        model: What the base model generator has returned.
        prefix: The prefix.

    Raises:
        AblationError: If the model has no such layer, or is no Keras model and no module.
    """
    if is_torch_module(model):
        return torch_models.modules_with_prefix(cast("TorchModule", model), prefix)
    return keras_paths.layers_with_prefix(require_keras_model(model), prefix)


def edit_base_model(model: object, edit: Edit) -> EditedModel[object]:
    """Return the base model after an edit, and what has changed. It should not be used any more.

    Args:
        model: What the base model generator has returned.
        edit: The changes.

    Raises:
        AblationError: If the model cannot be changed like this.
    """
    if is_torch_module(model):
        return edit_module(cast("TorchModule", model), edit)
    return perform_edit(require_keras_model(model), edit)


def num_parameters(model: object) -> int | None:
    """Return the number of the parameters of a model of Keras or PyTorch.

    None if the model knows it only after it has seen data, or is of another library.
    """
    if is_torch_module(model):
        return sum(weight.numel() for weight in cast("TorchModule", model).parameters())
    count = getattr(model, "count_params", None)
    return int(count()) if count is not None and getattr(model, "built", False) else None


def has_nan_weights(model: object) -> bool:
    """Return whether a weight of a model of Keras or PyTorch is NaN, as after a loss of NaN."""
    if is_torch_module(model):
        return any(weight.isnan().any() for weight in cast("TorchModule", model).parameters())
    keras = sys.modules.get("keras")
    if keras is None or not isinstance(model, keras.Model):
        return False
    arrays = (np.asarray(keras.ops.convert_to_numpy(weight)) for weight in model.weights)
    return any(bool(np.isnan(array).any()) for array in arrays)


def check_layers(model: object, edit: Edit) -> None:
    """Check that a model has the layers of an edit, which need not be removable alone.

    Args:
        model: What the base model generator has returned.
        edit: The changes.

    Raises:
        AblationError: If a layer does not exist, or is never removed.
    """
    if is_torch_module(model):
        for names in (edit.removal, edit.replacements):
            torch_models.require_modules(cast("TorchModule", model), sorted(names))
        return
    keras_model = require_keras_model(model)
    keras_paths.require_removable(keras_model, sorted(edit.removal), edit.may_remove_first)
    keras_paths.require_layers(keras_model, sorted(edit.replacements))


def check_edits(
    model: object,
    edits: Sequence[Edit],
    build: Callable[[], object],
    example_input: ExampleInput | None = None,
) -> None:
    """Try all edits of a study, as far as the base model allows that without data.

    The shared random generators are as before afterwards.

    Args:
        model: What the base model generator has returned.
        edits: The edits.
        build: Return another base model.
        example_input: Return what a PyTorch model takes. Keras models say that themselves.

    Raises:
        AblationError: If an edit names a layer that does not exist or cannot be left out, if a
            copy of a Keras model computes something else, or if two trials would share a layer.
    """
    if not edits:
        return
    with unchanged_generators():
        if is_torch_module(model):
            make = cast("Callable[[], TorchModule]", build)
            check_module_edits(cast("TorchModule", model), edits, make, example_input)
        else:
            _check_keras_edits(model, edits)
        require_new_layers(edits)


def _check_keras_edits(model: object, edits: Sequence[Edit]) -> None:
    keras_model = require_keras_model(model)
    for edit in edits:
        check_layers(keras_model, edit)
    # Without an input nothing is connected yet, so that Keras could not refuse the rest.
    if has_input(keras_model):
        check_copy(keras_model)
        for edit in edits:
            perform_edit(keras_model, edit)
