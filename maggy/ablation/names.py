"""Read the names that users include in a study. This module knows no data sets and no models."""

from __future__ import annotations

import logging
from collections.abc import Iterable

from maggy.common.exceptions import BadArgumentsError
from maggy.common.json_values import closest

__all__ = ["exclude", "flat_names", "has_prefix", "require_name", "sorted_groups"]

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


def sorted_groups(groups: Iterable[list[str]], noun: str) -> list[list[str]]:
    """Return the groups without duplicates, and the names in each of them sorted.

    Args:
        groups: What the user wrote.
        noun: What the names are those of, in the singular and in lower case.

    Raises:
        BadArgumentsError: If a group is not a list of two or more names.
    """
    lists = [_sorted_group(group, noun) for group in groups]
    return [group for position, group in enumerate(lists) if group not in lists[:position]]


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


def _sorted_group(group: list[str], noun: str) -> list[str]:
    if not isinstance(group, list):
        raise BadArgumentsError(
            f"A {noun} group must be a list of two or more names, "
            f"but got {type(group).__name__}: {group!r:.80}. "
            f"For all {noun}s whose names begin alike use prefix='...'; "
            f"for a single {noun} use include()."
        )
    # Sorted, because the names are the label, which must not depend on the order of writing.
    names = sorted({require_name(name, f"A {noun} in a group") for name in group})
    if len(names) < 2:
        raise BadArgumentsError(
            f"A {noun} group must have two or more {noun}s, but got {group!r:.80}. "
            f"For a single {noun} use include()."
        )
    return names
