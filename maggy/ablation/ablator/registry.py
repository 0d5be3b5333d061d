"""The ablators that have a name. A new one needs one line here.

Other distributions register theirs by entry points of the group ``maggy.ablators``.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Mapping

from maggy.ablation.ablationstudy import AblationStudy
from maggy.ablation.ablator.abstractablator import AbstractAblator
from maggy.ablation.ablator.backward import Backward
from maggy.ablation.ablator.leave_one_in import LeaveOneIn
from maggy.ablation.ablator.loco import LOCO
from maggy.ablation.ablator.other_names import OTHER_ABLATORS
from maggy.ablation.ablator.pairs import Pairs
from maggy.ablation.ablator.shapley import Shapley
from maggy.common.by_name import resolve
from maggy.common.entry_points import FactoryTable
from maggy.common.exceptions import BadArgumentsError
from maggy.common.json_values import closest
from maggy.common.types import ParameterValue

__all__ = ["ENTRY_POINTS", "ablator_by_name"]

ENTRY_POINTS = "maggy.ablators"
"""The group of entry points. Each names a class, which is called as ``cls(study, [])``."""
_OWN: dict[str, Callable[..., AbstractAblator]] = {
    "loco": LOCO,
    "pairs": Pairs,
    "leave_one_in": LeaveOneIn,
    "backward": Backward,
    "shapley": Shapley,
}
_NUM_POSITIONS = 2  # the study and the store, which are no options


def ablator_by_name(
    name_or_instance: str | AbstractAblator,
    study: AblationStudy,
    options: Mapping[str, ParameterValue] | None = None,
) -> AbstractAblator:
    """Return the ablator that the user means: an instance itself, or a new one for the study.

    Args:
        name_or_instance: A name, in upper or lower case, or an instance.
        study: The study of a new ablator.
        options: What the ablator of this name takes besides.

    Raises:
        BadArgumentsError: If no ablator has this name, or it has no such option. None is not a
            name, and an instance takes no options.
        TypeError: If it is a class or anything else.
    """
    if options is not None and not isinstance(options, Mapping):
        raise BadArgumentsError(
            "ablator_options must be a dict such as {'samples': 400}, "
            f"but got {type(options).__name__}: {options!r:.80}."
        )
    if options and isinstance(name_or_instance, AbstractAblator):
        raise BadArgumentsError(
            "ablator_options are for an ablator that is given by name, but got "
            f"{type(name_or_instance).__name__} with {dict(options)!r:.80}. "
            "Give them to the instance itself."
        )

    def make(cls: Callable[..., AbstractAblator]) -> AbstractAblator:
        if not options:
            return cls(study, [])
        _check_options(cls, options)
        return cls(study, [], **options)

    # A table for each call, since the factories belong to this study.
    ablators: FactoryTable[AbstractAblator] = FactoryTable(
        {name: functools.partial(make, cls) for name, cls in _OWN.items()}, ENTRY_POINTS, make=make
    )
    return resolve(
        name_or_instance,
        "ablator",
        # mypy refuses an abstract class as type[T], because T() would fail. Nothing calls it here.
        AbstractAblator,  # type: ignore[type-abstract]
        ablators,
        OTHER_ABLATORS,
    )


def _check_options(
    cls: Callable[..., AbstractAblator], options: Mapping[str, ParameterValue]
) -> None:
    """Raise `BadArgumentsError` if the class of an ablator does not take one of the options."""
    names = list(inspect.signature(cls).parameters)[_NUM_POSITIONS:]
    for option in options:
        if option not in names:
            raise BadArgumentsError(
                f"The ablator {getattr(cls, '__name__', cls)} has no option {option!r:.80}."
                f"{closest(str(option), names)} Its options are: {', '.join(names) or 'none'}."
            )
