"""The listeners that have a name, and the values of ``listeners``."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from maggy.common.by_name import resolve
from maggy.common.entry_points import FactoryTable
from maggy.common.exceptions import BadArgumentsError
from maggy.tracking.listener import Listener
from maggy.tracking.mlflow import MLflow

__all__ = ["LISTENERS", "resolve_listeners"]

LISTENERS: Mapping[str, Callable[[], Listener]] = {"mlflow": MLflow}
"""The listeners by name. Errors and docstrings list these names."""

ENTRY_POINTS = "maggy.listeners"
"""The group of entry points with which other distributions register listeners."""


def resolve_listeners(listeners: Sequence[str | Listener]) -> list[Listener]:
    """Return the listeners that the user means.

    Args:
        listeners: A list of listeners and of names in upper or lower case. A listener may occur
            once.

    Raises:
        BadArgumentsError: If it is no list, if no listener has one of the names, or if a listener
            occurs twice.
        TypeError: If an item is a class or anything else.
        MissingDependencyError: If the package is missing that a listener with a name needs.
    """
    if not isinstance(listeners, (list, tuple)):
        raise BadArgumentsError(
            f"listeners must be a list of listeners, but got {listeners!r:.80}. "
            "Write listeners=[...], also for one."
        )
    # A new table every time, since a package may be installed while a notebook runs.
    factories = FactoryTable(LISTENERS, ENTRY_POINTS)
    instances = [
        resolve(listener, f"listeners[{position}]", Listener, factories)
        for position, listener in enumerate(listeners)
    ]
    if len({id(listener) for listener in instances}) < len(instances):
        raise BadArgumentsError(
            "Each listener must occur once in listeners, since each has a thread of its own, "
            f"but got {listeners!r:.200}."
        )
    return instances
