"""The ablators that have a name. A new one needs one line here.

Other distributions register theirs by entry points of the group ``maggy.ablators``.
"""

from __future__ import annotations

from maggy.ablation.ablationstudy import AblationStudy
from maggy.ablation.ablator.abstractablator import AbstractAblator
from maggy.ablation.ablator.loco import LOCO
from maggy.common.by_name import resolve
from maggy.common.entry_points import FactoryTable

__all__ = ["ENTRY_POINTS", "ablator_by_name"]

ENTRY_POINTS = "maggy.ablators"
"""The group of entry points. Each names a class, which is called as ``cls(study, [])``."""


def ablator_by_name(
    name_or_instance: str | AbstractAblator, study: AblationStudy
) -> AbstractAblator:
    """Return the ablator that the user means: an instance itself, or a new one for the study.

    Args:
        name_or_instance: A name, in upper or lower case, or an instance.
        study: The study of a new ablator.

    Raises:
        BadArgumentsError: If no ablator has this name. None is not a name.
        TypeError: If it is a class or anything else.
    """
    # A table for each call, since the factories belong to this study.
    ablators: FactoryTable[AbstractAblator] = FactoryTable(
        {"loco": lambda: LOCO(study, [])}, ENTRY_POINTS, make=lambda cls: cls(study, [])
    )
    return resolve(
        name_or_instance,
        "ablator",
        # mypy refuses an abstract class as type[T], because T() would fail. Nothing calls it here.
        AbstractAblator,  # type: ignore[type-abstract]
        ablators,
    )
