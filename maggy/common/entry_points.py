"""Find classes that other distributions register by entry points. It knows no class itself."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from importlib.metadata import EntryPoint, entry_points
from typing import TypeVar

__all__ = ["FactoryTable"]

T = TypeVar("T")

logger = logging.getLogger(__name__)


def _call(factory: Callable[..., T]) -> T:
    return factory()


class FactoryTable(Mapping[str, Callable[[], T]]):
    """Map names to functions that make an object: our own names first, then those of entry points.

    A distribution registers a name in its ``pyproject.toml``::

        [project.entry-points."maggy.optimizers"]
        annealing = "acme.search:Annealing"

    Entry points are read only for a name that is not ours, and for the list of all names. They are
    read once per table, so make a table for each lookup. Reading them imports nothing; only the
    entry point with the name itself is imported. One that cannot be imported costs a line in the
    log, and its name counts as unknown. If two distributions register one name, the first on
    ``sys.path`` wins.

    Example:
        >>> table = FactoryTable({"none": dict}, "maggy.examples")
        >>> table["none"]()
        {}
        >>> "annealing" in table
        False

    Args:
        own: The library's own factories by name in lower case. An entry point never replaces one.
        group: The group of the entry points, such as ``maggy.optimizers``.
        make: Make the object from the class or function that an entry point names. By default it is
            called without arguments.
    """

    def __init__(
        self,
        own: Mapping[str, Callable[[], T]],
        group: str,
        make: Callable[[Callable[..., T]], T] = _call,
    ) -> None:
        self._own = own
        self._group = group
        self._make = make
        self._entry_points: list[EntryPoint] | None = None

    def __getitem__(self, name: str) -> Callable[[], T]:
        if name in self._own:
            return self._own[name]
        for entry_point in self._read_entry_points():
            if entry_point.name.lower() == name:
                factory = self._load(entry_point)
                if factory is not None:
                    return partial(self._make, factory)
        raise KeyError(name)

    def __iter__(self) -> Iterator[str]:
        names = (entry_point.name.lower() for entry_point in self._read_entry_points())
        yield from dict.fromkeys([*self._own, *names])

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def _read_entry_points(self) -> list[EntryPoint]:
        if self._entry_points is None:
            try:
                self._entry_points = list(entry_points(group=self._group))
            except Exception as error:  # one malformed file spoils the list of the whole group
                self._entry_points = []
                logger.warning(
                    "The entry points of the group %s cannot be read: %s.",
                    self._group,
                    _in_one_line(error),
                )
        return list(self._entry_points)

    def _load(self, entry_point: EntryPoint) -> Callable[..., T] | None:
        """Import the class or function of an entry point. Log why and return None if that fails."""
        try:
            factory: Callable[..., T] = entry_point.load()
            if not callable(factory):
                raise TypeError(f"{factory!r:.80} is neither a class nor a function")
        except Exception as error:  # an import runs code of others, which may raise anything
            self._entry_points = [
                other for other in self._read_entry_points() if other != entry_point
            ]
            logger.warning(
                "The entry point %s = %s of the group %s cannot be imported: %s. "
                "Its name is not available.",
                entry_point.name,
                entry_point.value,
                self._group,
                _in_one_line(error),
            )
            return None
        return factory


def _in_one_line(error: Exception) -> str:
    return " ".join(f"{type(error).__name__}: {error}".split())
