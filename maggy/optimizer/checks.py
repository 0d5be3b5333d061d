"""What optimizers check of the search space before anything is run."""

from __future__ import annotations

from typing import Any

from maggy.common.exceptions import BadArgumentsError

__all__ = ["check_space"]


def check_space(space: Any, added: str, name: str) -> None:
    """Refuse a missing or empty search space, and one that already has the parameter which is to be added."""
    if space is None or len(space) == 0:
        raise BadArgumentsError(
            f"{name} needs a search space with at least one hyperparameter, but got {space!r}. "
            "Pass for example searchspace=Searchspace(lr=('DOUBLE', [0.001, 0.1]))."
        )
    if added in space:
        raise BadArgumentsError(
            f"{name} gives the training function a parameter {added!r}, but the search space has one of that name too. "
            "Rename it."
        )
