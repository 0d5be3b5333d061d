"""Complete the docstrings of configs by the arguments that a config inherits."""

from __future__ import annotations

import inspect
import re
import textwrap
from collections.abc import Iterable
from typing import Final, TypeVar

__all__ = ["explain_inherited_arguments", "explained_arguments"]

Config = TypeVar("Config", bound=type)

MAX_COLUMNS: Final = 92
"""The width of the explanations. ``help`` indents them by another four columns."""

_SECTION = re.compile(r"^Args:\n((?:    .*\n|\n)*)", re.MULTILINE)
"""The section of the arguments in a docstring that has no indentation itself."""
_ARGUMENT = re.compile(r"^    (\*{0,2}\w+): (.*\n(?:     .*\n|\n)*)", re.MULTILINE)
"""One argument with its explanation, which may go on in lines with a deeper indentation."""


def explained_arguments(docstring: str | None) -> dict[str, str]:
    """Return the explanations in the section ``Args:`` of a docstring by the argument's name.

    Example:
        >>> explained_arguments(explained_arguments.__doc__)
        {'docstring': 'A docstring in the style of Google.'}

    Args:
        docstring: A docstring in the style of Google.
    """
    section = _SECTION.search(inspect.cleandoc(docstring or "") + "\n")
    if section is None:
        return {}
    return {name: text.rstrip() for name, text in _ARGUMENT.findall(section[1])}


def explain_inherited_arguments(config: Config) -> Config:
    """Complete the docstring of a config by the arguments that only its base classes explain.

    The arguments get the order of the constructor. Use it as the outermost decorator.
    """
    if config.__doc__ is None:  # python -OO removes docstrings
        return config
    explanations: dict[str, str] = {}
    for config_class in reversed(config.__mro__):
        explanations.update(explained_arguments(config_class.__doc__))
    order = dict.fromkeys([*inspect.signature(config).parameters, *explanations])
    section = _section((name, explanations[name]) for name in order if name in explanations)
    text = inspect.cleandoc(config.__doc__) + "\n"
    # A function, since backslashes in a replacement text have a meaning.
    config.__doc__ = _SECTION.sub(lambda _: section, text, count=1).rstrip()
    return config


def _section(arguments: Iterable[tuple[str, str]]) -> str:
    lines = "".join(f"{_wrap(f'{name}: {text}')}\n" for name, text in arguments)
    return f"Args:\n{lines}\n"


def _wrap(text: str) -> str:
    # A list of names, which a decorator has filled in, may have made a line too long.
    return textwrap.fill(
        " ".join(text.split()),
        MAX_COLUMNS,
        initial_indent=" " * 4,
        subsequent_indent=" " * 8,
        break_long_words=False,
        break_on_hyphens=False,
    )
