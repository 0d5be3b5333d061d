"""The early stopping rules that have a name."""

from __future__ import annotations

from maggy.core.registry import resolve
from maggy.earlystop.abstractearlystop import AbstractEarlyStop
from maggy.earlystop.medianrule import MedianStoppingRule
from maggy.earlystop.nostop import NoStoppingRule

__all__ = ["earlystop_by_name"]


def earlystop_by_name(policy: str | AbstractEarlyStop | None) -> AbstractEarlyStop:
    """The early stopping rule that is meant.

    Example:
        >>> type(earlystop_by_name("median")).__name__
        'MedianStoppingRule'

    Args:
        policy: An instance, which is returned itself; or ``"median"`` or ``"none"``, in any case. None is ``"none"``.

    Raises:
        BadArgumentsError: A ``ValueError``: there is no rule of this name.
        TypeError: It is a class or something else.
    """
    known = {"median": MedianStoppingRule, "none": NoStoppingRule}
    return resolve(policy, "es_policy", AbstractEarlyStop, known)  # type: ignore[type-abstract]
