"""Make a search space from its entries, which is how records hold it."""

from __future__ import annotations

from typing import Any

from maggy.common.exceptions import BadArgumentsError
from maggy.searchspace.parameter_rules import Options
from maggy.searchspace.space import Searchspace

__all__ = ["space_from_entries"]


def space_from_entries(entries: Any) -> Searchspace:  # noqa: ANN401 (from a record)
    """Return the space whose iteration yields these entries.

    Example:
        >>> space = Searchspace(lr=("DOUBLE", [0.001, 0.1], "log"), pool=("DISCRETE", [1, 2]))
        >>> space_from_entries(list(space)) == space
        True

    Args:
        entries: A list of dicts with ``name``, ``type``, ``values`` and the options that are set.
            Other values are refused.

    Raises:
        BadArgumentsError: If they are not the entries of a search space.
    """
    space = Searchspace()
    try:
        for entry in entries:
            options: Options = {}
            if entry.get("step") is not None:
                options["step"] = entry["step"]
            if entry.get("when") is not None:
                options["when"] = entry["when"]
            if entry.get("scale") == "log":
                options["log"] = True
            space.add(entry["name"], (entry["type"], entry["values"], options))
    # Whatever the values are, such as numbers beyond floats.
    except (TypeError, ValueError, LookupError, AttributeError, ArithmeticError) as error:
        raise BadArgumentsError(
            f"A search space must consist of dicts with name, type and values, but got "
            f"{entries!r:.80} ({error!s:.200})."
        ) from error
    return space
