"""The ablators that have a name; a new one is one line here."""

from __future__ import annotations

from typing import Any

from maggy.ablation.ablationstudy import AblationStudy
from maggy.ablation.ablator.abstractablator import AbstractAblator
from maggy.ablation.ablator.loco import LOCO
from maggy.common.by_name import resolve

__all__ = ["ablator_by_name"]


def ablator_by_name(name_or_instance: Any, study: AblationStudy) -> AbstractAblator:
    """The ablator that is meant: an instance itself, or a new one by name (in any case) for ``study``.

    Raises:
        BadArgumentsError: A ``ValueError``: there is no ablator of this name; None is no name either.
        TypeError: It is a class, or something else altogether.
    """
    return resolve(name_or_instance, "ablator", AbstractAblator, {"loco": lambda: LOCO(study, [])})  # type: ignore[type-abstract]
