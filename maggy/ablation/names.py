"""Reading the names that users include in a study; knows nothing of data sets or models."""

from __future__ import annotations

import logging
from collections.abc import Iterable

from maggy.common.exceptions import BadArgumentsError
from maggy.common.json_values import closest

__all__ = ["exclude", "flat_names", "has_prefix", "require_name"]

_log = logging.getLogger(__name__)


def require_name(value: object, noun: str) -> str:
    """Return the value if it is a string that is not empty.

    Args:
        value: What the user wrote.
        noun: The subject of the error.

    Raises:
        BadArgumentsError: If the value is anything else.
    """
    if isinstance(value, str) and value:
        return value
    raise BadArgumentsError(f"{noun} must be a string that is not empty, but got {value!r:.80}.")


def flat_names(names_or_lists: Iterable[str | list[str]], noun: str) -> list[str]:
    """Return the names in strings and lists of strings in their order, without duplicates.

    Args:
        names_or_lists: What the user wrote.
        noun: The subject of the error, in the singular.

    Raises:
        BadArgumentsError: If there is something else among them.
    """
    names: list[str] = []
    for item in names_or_lists:
        if not isinstance(item, (str, list)):
            raise BadArgumentsError(
                f"{noun}s are given as strings or lists of strings, "
                f"but got {type(item).__name__}: {item!r:.80}."
            )
        names += [require_name(name, noun) for name in (item if isinstance(item, list) else [item])]
    # A dict keeps the order of inclusion, which is the order of the trials.
    return list(dict.fromkeys(names))


def exclude(included_names: list[str], names: Iterable[str], noun: str) -> list[str]:
    """Return the included names without others. Log those that are not included.

    Args:
        included_names: The names in the study.
        names: The names to take out of it.
        noun: The subject of the log line.
    """
    removal = list(names)
    for name in removal:
        if name not in included_names:
            _log.warning(
                "%s '%s' is not included, so it cannot be excluded.%s",
                noun,
                name,
                closest(name, included_names),
            )
    return [name for name in included_names if name not in removal]


def has_prefix(name: str, prefix: str) -> bool:
    """Return whether a name begins with a prefix, in upper or lower case.

    Example:
        >>> has_prefix("Block_1_expand", "block_1"), has_prefix("block_10", "block_1")
        (True, False)

    Args:
        name: The name or path of a layer.
        prefix: A text that is not empty. If it ends in a digit, the name must not go on with one.
    """
    if not name.lower().startswith(prefix.lower()):
        return False
    rest = name[len(prefix) :]
    return not (prefix[-1].isdigit() and rest[:1].isdigit())
