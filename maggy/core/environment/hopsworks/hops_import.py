"""Lets a user import ``hops.util``, which asks for a module of an old notebook server that nothing installs any more.

It imports neither hops nor anything else, and knows nothing of Hopsworks but these two names.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib import import_module
from types import ModuleType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from importlib.machinery import ModuleSpec

__all__ = ["HopsUtilFinder", "mend_hops_util"]

_WANTING = "hops.util"
_UNDECLARED = "notebook.notebookapp"


def mend_hops_util() -> None:
    """Have every later import of ``hops.util`` find what it asks for; harmless without hops, and when repeated."""
    if not any(isinstance(finder, HopsUtilFinder) for finder in sys.meta_path):
        sys.meta_path.insert(0, HopsUtilFinder())


class HopsUtilFinder:
    """Finds ``hops.util`` where it is, and nothing else, and has it executed with the module that it asks for.

    hops takes one function out of that module and does not call it. So where the module is missing or broken, an
    empty one stands in for it, only while ``hops.util`` is executed: whoever looks for the package notebook at any
    other time finds what is really there.
    """

    def find_spec(
        self, name: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """What the finders behind this one find, for ``hops.util``; None for all other modules."""
        if name != _WANTING:
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
    """Loads as another loader does, and leaves no trace of itself in the module."""

    def __init__(self, loader: Any) -> None:
        self._loader = loader

    def create_module(self, spec: ModuleSpec) -> ModuleType | None:
        created: ModuleType | None = self._loader.create_module(spec)
        return created

    def exec_module(self, module: ModuleType) -> None:
        module.__loader__ = self._loader
        if module.__spec__ is not None:
            module.__spec__.loader = self._loader
        with _notebook_server():
            self._loader.exec_module(module)


@contextmanager
def _notebook_server() -> Iterator[None]:
    """The undeclared module, or for as long as this lasts one that stands in for it."""
    try:
        import_module(_UNDECLARED)
    except Exception:  # it is missing, or what it needs is missing or too new
        pass
    else:
        yield
        return
    placeholder = ModuleType(_UNDECLARED)
    placeholder.list_running_servers = lambda *_: iter(())  # type: ignore[attr-defined]
    parent = _UNDECLARED.partition(".")[0]
    names = [_UNDECLARED] if parent in sys.modules else [_UNDECLARED, parent]
    sys.modules[_UNDECLARED] = placeholder
    sys.modules.setdefault(parent, ModuleType(parent))
    try:
        yield
    finally:
        for name in names:
            sys.modules.pop(name, None)
