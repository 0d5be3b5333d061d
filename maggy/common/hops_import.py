"""Let users import ``hops.util``, which needs a module of an old notebook server.

Nothing installs that module any more. This module imports neither hops nor other parts of Maggy,
and knows nothing of Hopsworks but these two names.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib import import_module
from types import ModuleType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from importlib.abc import Loader
    from importlib.machinery import ModuleSpec

__all__ = ["HopsUtilFinder", "mend_hops_util"]

_HOPS_UTIL = "hops.util"
_NOTEBOOK_SERVER = "notebook.notebookapp"
"""The module that ``hops.util`` imports although hops does not require its package."""


def mend_hops_util() -> None:
    """Make every later import of ``hops.util`` work.

    Nothing changes if hops is not installed, or if this function was called before.
    """
    if not any(isinstance(finder, HopsUtilFinder) for finder in sys.meta_path):
        sys.meta_path.insert(0, HopsUtilFinder())


class HopsUtilFinder:
    """Find ``hops.util`` where it is, and have it executed with the module that it needs.

    hops takes one function out of that module and never calls it. If the module is missing or
    broken, an empty one stands in for it while ``hops.util`` is executed, and only then: code that
    looks for the package notebook at any other time finds what is really installed.
    """

    def find_spec(
        self, name: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """Return the spec of ``hops.util`` from the other finders; None for all other modules.

        Args:
            name: The full name of the module.
            path: The folders of its package.
            target: The module that is loaded again; None if it is loaded for the first time.
        """
        if name != _HOPS_UTIL:
            return None
        for finder in sys.meta_path:
            if isinstance(finder, HopsUtilFinder):
                continue
            spec = finder.find_spec(name, path, target)
            if spec is not None:
                if spec.loader is not None:
                    spec.loader = _Loader(spec.loader)  # type: ignore[assignment]
                return spec
        return None


class _Loader:
    """Load a module as another loader does, and leave no trace of this one in the module."""

    def __init__(self, loader: Loader) -> None:
        self._loader = loader

    def create_module(self, spec: ModuleSpec) -> ModuleType | None:
        return self._loader.create_module(spec)

    def exec_module(self, module: ModuleType) -> None:
        # linecache and importlib.resources ask the module for its loader.
        module.__loader__ = self._loader
        if module.__spec__ is not None:
            module.__spec__.loader = self._loader
        with _notebook_server():
            self._loader.exec_module(module)


@contextmanager
def _notebook_server() -> Iterator[None]:
    """Make the notebook server's module importable: the real one, or one that stands in for it."""
    try:
        import_module(_NOTEBOOK_SERVER)
    except Exception:
        # The module is missing, or a package that it needs is missing or too new.
        pass
    else:
        yield
        return
    placeholder = ModuleType(_NOTEBOOK_SERVER)
    placeholder.list_running_servers = lambda *_: iter(())  # type: ignore[attr-defined]
    parent = _NOTEBOOK_SERVER.partition(".")[0]
    # A real package of this name stays in sys.modules, if it was there before.
    names = [_NOTEBOOK_SERVER] if parent in sys.modules else [_NOTEBOOK_SERVER, parent]
    sys.modules[_NOTEBOOK_SERVER] = placeholder
    sys.modules.setdefault(parent, ModuleType(parent))
    try:
        yield
    finally:
        for name in names:
            sys.modules.pop(name, None)
