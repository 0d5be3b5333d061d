"""Do something around the execution of a module, when it is imported for the first time."""

from __future__ import annotations

import sys
from collections.abc import Callable, Collection, Sequence
from contextlib import AbstractContextManager
from types import ModuleType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from importlib.abc import Loader
    from importlib.machinery import ModuleSpec

__all__ = ["ImportHook"]


class ImportHook:
    """Find some modules where they are, and have them executed inside a context.

    Put an instance at the front of ``sys.meta_path``.

    Args:
        names: The full names of the modules.
        context: Return the context for the execution of the module with this name.
    """

    def __init__(
        self, names: Collection[str], context: Callable[[str], AbstractContextManager[None]]
    ) -> None:
        self._names = frozenset(names)
        self._context = context

    def find_spec(
        self, name: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """Return the spec of one of the modules from the other finders; None for all others.

        Args:
            name: The full name of the module.
            path: The folders of its package.
            target: The module that is loaded again; None if it is loaded for the first time.
        """
        if name not in self._names:
            return None
        for finder in sys.meta_path:
            if finder is self:
                continue
            spec = finder.find_spec(name, path, target)
            if spec is not None:
                if spec.loader is not None:
                    spec.loader = _Loader(  # type: ignore[assignment]
                        spec.loader, self._context(name)
                    )
                return spec
        return None


class _Loader:
    """Load a module as another loader does, and leave no trace of this one in the module."""

    def __init__(self, loader: Loader, context: AbstractContextManager[None]) -> None:
        self._loader = loader
        self._context = context

    def create_module(self, spec: ModuleSpec) -> ModuleType | None:
        return self._loader.create_module(spec)

    def exec_module(self, module: ModuleType) -> None:
        # linecache and importlib.resources ask the module for its loader.
        module.__loader__ = self._loader
        if module.__spec__ is not None:
            module.__spec__.loader = self._loader
        with self._context:
            self._loader.exec_module(module)
