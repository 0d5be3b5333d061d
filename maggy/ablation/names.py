"""Reading the names that users include in a study; knows nothing of data sets or models."""

from __future__ import annotations

import logging
from collections.abc import Iterable

from maggy.common.exceptions import BadArgumentsError
from maggy.common.json_values import closest

__all__ = ["exclude", "flat_names", "require_name"]

_log = logging.getLogger(__name__)


def require_name(value: object, what: str) -> str:
    """``value`` when it is a string that is not empty, else an error that calls it ``what``."""
    if isinstance(value, str) and value:
        return value
    raise BadArgumentsError(f"{what} must be a string that is not empty, but got {value!r:.80}.")


def flat_names(given: Iterable[object], what: str) -> list[str]:
    """The names in strings and lists of strings, each once, in the order given."""
    names: list[str] = []
    for item in given:
        if not isinstance(item, (str, list)):
            raise BadArgumentsError(
                f"{what}s are given as strings or lists of strings, but got {type(item).__name__}: {item!r:.80}."
            )
        names += [require_name(name, what) for name in (item if isinstance(item, list) else [item])]
    return list(dict.fromkeys(names))


def exclude(included: list[str], names: Iterable[str], what: str) -> list[str]:
    """``included`` without ``names``; a name that is not included changes nothing and is logged."""
    gone = list(names)
    for name in gone:
        if name not in included:
            _log.warning(
                "%s '%s' is not included, so it cannot be excluded.%s",
                what,
                name,
                closest(name, included),
            )
    return [name for name in included if name not in gone]
