"""The connections of a functional model without some layers: what passes a removed layer by."""

from __future__ import annotations

from types import ModuleType

from maggy.ablation.keras_models import KerasLayer, KerasTensor, TensorTree
from maggy.ablation.keras_targets import Targets
from maggy.common.exceptions import AblationError

__all__ = ["REMEDY", "Bypass"]

REMEDY = "Add a custom model without it: model.add_custom_model_generator()."
_MERGES = ("Add", "Average", "Concatenate", "Maximum", "Minimum", "Multiply", "Subtract")
"""The layers of Keras that merge tensors, and the operations of the same names."""


class Bypass:
    """Connect the layers of a new model, but hand on the input of each removed layer.

    If a whole branch is removed, a merge (a sum, a product, a concatenation) would get the same
    tensor twice and would compute, for example, its square. So its inputs that became equal are
    one input, and a merge with a single input left is removed, too.

    Args:
        keras: The module.
        targets: The layers that are removed or replaced.

    Attributes:
        merges: The names of the merges that were removed with a branch, in the order of their
            calls.
    """

    def __init__(self, keras: ModuleType, targets: Targets) -> None:
        self.merges: list[str] = []
        self._keras = keras
        self._targets = targets
        # The tensors that stand in for the output of a removed layer, by id.
        self._stand_ins: dict[int, KerasTensor] = {}

    def call(self, layer: KerasLayer, *args: TensorTree, **kwargs: TensorTree) -> TensorTree:
        """Return the outputs of a layer in the new model."""
        if self._targets.is_replaced(layer):
            # Without the keywords: they are those of the original, and masks follow the tensors.
            return self._targets.new_layer(layer)(*args)
        if self._targets.is_removed(layer):
            return self._stand_in(self._only_input(layer, args, kwargs))
        if _is_merge(layer):
            tensors = self._tensors(args)
            distinct = self._without_repetitions(tensors)
            if len(distinct) == 1 < len(tensors):
                self.merges.append(layer.name)
                return self._stand_in(distinct[0])
            if len(distinct) < len(tensors):
                return layer(distinct, **kwargs)
        return layer(*args, **kwargs)

    def _stand_in(self, tensor: KerasTensor) -> KerasTensor:
        self._stand_ins[id(tensor)] = tensor
        return tensor

    def _without_repetitions(self, tensors: list[KerasTensor]) -> list[KerasTensor]:
        """Return the tensors without those that a removal has made equal to an earlier one."""
        # By identity, because comparing two tensors gives a tensor. A tensor that the user merges
        # with itself stays.
        previous_ids: set[int] = set()
        distinct = []
        for tensor in tensors:
            if id(tensor) not in previous_ids or id(tensor) not in self._stand_ins:
                distinct.append(tensor)
            previous_ids.add(id(tensor))
        return distinct

    def _only_input(
        self, layer: KerasLayer, args: TensorTree, kwargs: dict[str, TensorTree]
    ) -> KerasTensor:
        """Return the one tensor that goes into the layer.

        Several uses of the same tensor, as in self-attention, are one. Masks do not count: they
        belong to the tensor and follow it.
        """
        inputs = {name: value for name, value in kwargs.items() if not name.endswith("mask")}
        tensors = {id(tensor): tensor for tensor in self._tensors((args, inputs))}
        if len(tensors) != 1:
            raise AblationError(
                f"Layer '{self._targets.path(layer)}' has {len(tensors)} inputs, so it cannot be "
                f"removed: all but one of them would be lost. {REMEDY}"
            )
        return next(iter(tensors.values()))

    def _tensors(self, values: TensorTree) -> list[KerasTensor]:
        flat = self._keras.tree.flatten(values)
        return [value for value in flat if isinstance(value, self._keras.KerasTensor)]


def _is_merge(layer: KerasLayer) -> bool:
    cls = type(layer)
    return cls.__name__ in _MERGES and cls.__module__.startswith("keras.")
