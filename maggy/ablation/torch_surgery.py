"""Take modules out of a PyTorch model, or put others in their place.

The model is changed in place, and ``torch.nn.Identity`` stands where a module was. So all weights
stay as they are. PyTorch does not know the graph of a model; see :mod:`maggy.ablation.torch_checks`
for what can be checked nevertheless.
"""

from __future__ import annotations

from maggy.ablation.edited_model import EditedModel
from maggy.ablation.keras_edit import Edit
from maggy.ablation.torch_models import (
    TorchModule,
    is_torch_module,
    module_names,
    removable_names,
    require_modules,
)
from maggy.common.exceptions import AblationError

__all__ = ["edit_module"]


def edit_module(model: TorchModule, edit: Edit) -> EditedModel[TorchModule]:
    """Take modules out of a model, or replace them, and return the model.

    A module that the model uses under several names changes under all of them.

    Args:
        model: The model. It is changed.
        edit: The changes, by the names of ``named_modules()``.

    Raises:
        AblationError: If a module does not exist, or a user's function returns something else than
            a module.
    """
    from torch import nn

    require_modules(model, sorted(edit.removal))
    require_modules(model, sorted(edit.replacements))
    modules = module_names(model)
    removal = removable_names(model, edit.removal)
    new_modules = {id(modules[name]): nn.Identity() for name in removal}
    for name in sorted(edit.replacements):
        new_modules[id(modules[name])] = _new_module(edit, name)
    # All seats are looked up before the first module goes, because a name inside a module that is
    # gone leads nowhere.
    seats = [
        (model.get_submodule(name.rpartition(".")[0]), name.rpartition(".")[2], module)
        for name, module in modules.items()
        if id(module) in new_modules
    ]
    for parent, name, module in seats:
        setattr(parent, name, new_modules[id(module)].train(module.training))
    return EditedModel(model, tuple(removal), tuple(sorted(edit.replacements)))


def _new_module(edit: Edit, name: str) -> TorchModule:
    module = edit.replacements[name]()
    if not is_torch_module(module):
        raise AblationError(
            f"The factory of layers.replace('{name}', ...) must return a new torch.nn.Module, "
            "because the base model is one, "
            f"but it returned {type(module).__name__}: {module!r:.80}."
        )
    return module  # type: ignore[return-value]
