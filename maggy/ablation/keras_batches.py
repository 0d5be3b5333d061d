"""Random inputs for a Keras model, made from what it says about its inputs."""

from __future__ import annotations

from collections.abc import Iterator
from types import ModuleType
from typing import cast

import numpy as np
from numpy.typing import NDArray

from maggy.ablation.keras_models import KerasModel, KerasTensor, TensorTree, input_layer

__all__ = ["batches"]

_SIZES = (32, 128, 8)
"""The lengths, widths and heights that are tried where a model leaves them open."""
_SIZES_OF_VOLUMES = (32, 8)
"""The sizes if a model leaves three or more of them open."""
_ROWS = 2


def batches(keras: ModuleType, model: KerasModel) -> Iterator[TensorTree]:
    """Yield inputs that the model may take, the likeliest ones first.

    Whole numbers are below the size of the smallest Embedding. They are tried in place of
    fractions, too, since an Embedding also takes inputs of a float type.

    Args:
        keras: The module.
        model: A model that knows its input.
    """
    source = input_layer(keras, model) if isinstance(model, keras.Sequential) else None
    inputs = model.input if source is None else source.output
    tensors = keras.tree.flatten(inputs)
    open_sizes = max((tensor.shape[1:].count(None) for tensor in tensors), default=0)
    sizes = _SIZES if open_sizes < 3 else _SIZES_OF_VOLUMES
    has_fractions = any("float" in tensor.dtype for tensor in tensors)
    limit = _smallest_embedding(model)
    for size in sizes if open_sizes else sizes[:1]:
        for is_whole in (False, True) if has_fractions else (True,):
            # The generators of libraries are shared with the trials, so this is one of its own.
            generator = np.random.default_rng(0)

            def tensor_like(
                tensor: KerasTensor,
                size: int = size,
                is_whole: bool = is_whole,
                generator: np.random.Generator = generator,
            ) -> TensorTree:
                values = _values(generator, tensor, size, limit, is_whole)
                # Backends without texts take them as they are.
                if values.dtype == object:
                    return cast("KerasTensor", values)
                backend_tensor: TensorTree = keras.ops.convert_to_tensor(values, dtype=tensor.dtype)
                return backend_tensor

            batch: TensorTree = keras.tree.map_structure(tensor_like, inputs)
            if not open_sizes or _fits(keras, model, batch):
                yield batch


def _fits(keras: ModuleType, model: KerasModel, batch: TensorTree) -> bool:
    """Return whether the shapes of a batch fit the model, without computing anything.

    TensorFlow ends the whole process if the input of a pooling layer is too small.
    """

    def spec(tensor: KerasTensor) -> KerasTensor:
        name = str(tensor.dtype)
        dtype = "string" if name == "object" else keras.backend.standardize_dtype(tensor.dtype)
        like: KerasTensor = keras.KerasTensor(tensor.shape, dtype)
        return like

    try:
        model.compute_output_spec(keras.tree.map_structure(spec, batch))
    except Exception:
        return False
    return True


def _values(
    generator: np.random.Generator, tensor: KerasTensor, size: int, limit: int, is_whole: bool
) -> NDArray[np.generic]:
    rows = _ROWS if tensor.shape[0] is None else tensor.shape[0]
    shape = (rows, *(size if length is None else length for length in tensor.shape[1:]))
    if tensor.dtype == "string":
        return generator.choice(np.array(["a", "b", "c"], dtype=object), shape)
    if "float" in tensor.dtype and not is_whole:
        return generator.normal(size=shape).astype("float32")
    return generator.integers(0, 2 if tensor.dtype == "bool" else limit, shape)


def _smallest_embedding(model: KerasModel) -> int:
    """Return the number of rows of the smallest Embedding at any depth; 2 without one."""
    flatten = getattr(model, "_flatten_layers", lambda: model.layers)
    sizes = [getattr(layer, "input_dim", None) for layer in flatten()]
    return max(1, min((size for size in sizes if isinstance(size, int)), default=2))
