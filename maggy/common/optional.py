"""Import packages that may be missing or broken, and say the remedy in one sentence."""

from __future__ import annotations

import importlib
from types import ModuleType

from maggy.common.exceptions import MissingDependencyError

__all__ = ["can_import", "import_optional", "problem_with"]


def import_optional(module: str, purpose: str, remedy: str) -> ModuleType:
    """Import a module of an optional package.

    Args:
        module: The full name of the module.
        purpose: What needs it, as the subject of a sentence: ``"to_pandas()"``.
        remedy: The command that installs the package.

    Raises:
        MissingDependencyError: If it cannot be imported, whatever the reason. A package that does
            not fit another one raises TypeError, AttributeError or an error of its own.
    """
    package = module.partition(".")[0]
    try:
        importlib.import_module(package)
        return importlib.import_module(module)
    except Exception as error:
        problem = problem_with(module, error)
        raise MissingDependencyError(
            f"{purpose} needs {package}, which {problem}: {remedy}"
        ) from error


def can_import(module: str) -> bool:
    """Return whether a module is installed and works."""
    try:
        importlib.import_module(module)
    except Exception:
        return False
    return True


def problem_with(module: str, error: Exception) -> str:
    """Return why a module could not be imported, as the predicate of a sentence.

    Args:
        module: The full name of the module.
        error: The error that importing it has raised.
    """
    package = module.partition(".")[0]
    # A missing module of another name is a dependency of the package, which is itself installed.
    if isinstance(error, ModuleNotFoundError) and (error.name or "").partition(".")[0] == package:
        return "is not installed"
    text = str(error).strip()
    reason = f"{type(error).__name__}: {text.splitlines()[0]}" if text else type(error).__name__
    return f"is installed but cannot be imported ({reason})"
