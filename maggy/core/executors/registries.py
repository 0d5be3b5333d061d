"""Remember and restore builtins, log levels and import hooks, where user code may add entries."""

from __future__ import annotations

import builtins
import logging
import sys
from contextlib import suppress
from typing import Any

__all__ = ["Registries"]


class Registries:
    """Remember builtins, names of log levels and import hooks, and restore them after each trial.

    Replaced and removed entries are restored. Entries that a trial adds are removed, except where
    it has loaded modules: these register their own entries only once, when they are imported.
    """

    def __init__(self) -> None:
        self._builtins = _Table(vars(builtins))
        tables = [self._builtins, _Table(logging._levelToName), _Table(logging._nameToLevel)]
        hooks = [_HookList("meta_path"), _HookList("path_hooks")]
        self._registries: list[_Table | _HookList] = [*tables, *hooks]
        self._remember()

    def restore(self) -> None:
        """Make all of them as they were."""
        if self._is_untouched():
            self._module_count = len(sys.modules)
            return
        self._builtins.restore_items()  # First, since everything below calls some.
        has_loaded = len(sys.modules) != self._module_count
        for registry in self._registries:
            registry.restore(has_loaded)
        sys.path_importer_cache.clear()  # It holds what hooks have made.
        self._remember()

    def _remember(self) -> None:
        self._module_count = len(sys.modules)
        # One comparison of two lists is quicker than one for each registry.
        self._currents = [registry.current for registry in self._registries]
        self._originals = [registry.original for registry in self._registries]

    def _is_untouched(self) -> bool:
        meta_path, path_hooks = self._currents[-2:]
        if sys.meta_path is not meta_path or sys.path_hooks is not path_hooks:
            return False
        # Entries that are the same objects are not compared further. Others may raise, such as
        # numpy arrays, which are neither equal nor unequal.
        try:
            return self._currents == self._originals
        except BaseException:
            return False


class _Table:
    """A dict whose entries are remembered."""

    def __init__(self, items: dict[Any, Any]) -> None:
        self.current = items
        self.original = dict(items)

    def restore_items(self) -> None:
        """Restore what was replaced or removed."""
        self.current.update(self.original)

    def restore(self, has_loaded: bool) -> None:
        """Restore what was replaced or removed, and remove what was added.

        Args:
            has_loaded: Whether modules were loaded: then only what user code owns is removed.
        """
        self.restore_items()
        for key in self.current.keys() - self.original.keys():
            if not has_loaded or _is_of_user(self.current[key]):
                del self.current[key]
        self.original = dict(self.current)


class _HookList:
    """A list of ``sys`` whose items are remembered, such as ``sys.meta_path``."""

    def __init__(self, name: str) -> None:
        self._name = name
        self.current: list[object] = getattr(sys, name)
        self.original = self.current.copy()

    def restore(self, has_loaded: bool) -> None:
        """Restore the list and its items, and remove what was added.

        Args:
            has_loaded: Whether modules were loaded: then only what user code owns is removed.
        """
        items = getattr(sys, self._name, self.current)
        remaining = [item for item in items if self._is_kept(item, has_loaded)]
        missing = [item for item in self.original if not _contains(remaining, item)]
        self.current[:] = remaining + missing
        setattr(sys, self._name, self.current)
        self.original = self.current.copy()

    def _is_kept(self, item: object, has_loaded: bool) -> bool:
        return _contains(self.original, item) or (has_loaded and not _is_of_user(item))


def _contains(items: list[object], item: object) -> bool:
    return any(item is other for other in items)


def _is_of_user(value: object) -> bool:
    """Return whether the value or its class belongs to the notebook or script."""
    with suppress(Exception):
        return getattr(value, "__module__", None) == "__main__"
    return True
