"""Calling a training function by its signature, and saying before anything is spent when that cannot work."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Collection, Mapping
from typing import Any

from maggy.common.exceptions import BadArgumentsError, SignatureError

__all__ = [
    "accepted_parameters",
    "arguments_for",
    "check_callable",
    "check_defaults",
    "check_signature",
    "config_values",
    "parameter_names",
]

_BY_NAME = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)


def check_callable(function: Any, name: str = "train_fn") -> None:
    """Refuse what cannot be called."""
    if not callable(function):
        raise BadArgumentsError(
            f"{name} must be a function, but got {type(function).__name__}: {function!r:.80}."
        )


def accepted_parameters(function: Callable[..., Any], offered: Collection[str]) -> frozenset[str]:
    """Which of the offered names the function takes."""
    parameters = _parameters(function)
    if any(parameter.kind is inspect.Parameter.VAR_KEYWORD for parameter in parameters):
        return frozenset(offered)
    return frozenset(
        parameter.name for parameter in parameters if parameter.kind in _BY_NAME
    ) & frozenset(offered)


def parameter_names(function: Callable[..., Any]) -> list[str]:
    """The names of the parameters that can be given by name; not what ``**kwargs`` may take."""
    return [parameter.name for parameter in _parameters(function) if parameter.kind in _BY_NAME]


def check_defaults(function: Callable[..., Any], sometimes: Collection[str]) -> None:
    """Refuse a training function that needs what only some trials give.

    Raises:
        SignatureError: A ``TypeError``: a parameter of one of these names has no default.
    """
    for parameter in _parameters(function):
        if parameter.name in sometimes and parameter.default is inspect.Parameter.empty:
            raise SignatureError(
                f"The parameter {parameter.name} of the training function {getattr(function, '__name__', function)} "
                f"must have a default, since the search space gives it under a condition only. "
                f"Write for example {parameter.name}=None."
            )


def check_signature(
    function: Callable[..., Any],
    given: Collection[str],
    optional: Collection[str],
    *,
    others: bool = False,
) -> None:
    """Refuse a training function that cannot be called with what a trial will give it.

    Args:
        function: The training function.
        given: Names that every trial gives; the function must take each, by name, by ``**kwargs``, or all of them
            in one dict by a parameter named ``hparams``.
        optional: Further names it may ask for.
        others: The trials may give names that are not known yet, so an unknown required parameter is no error.

    Raises:
        SignatureError: A ``TypeError`` that names the parameters that are missing and those that are there.
    """
    parameters = _parameters(function)
    named = [parameter.name for parameter in parameters if parameter.kind in _BY_NAME]
    open_ended = any(parameter.kind is inspect.Parameter.VAR_KEYWORD for parameter in parameters)
    in_a_dict = "hparams" in named and "hparams" not in given
    lacks = [] if open_ended or in_a_dict else [name for name in given if name not in named]
    unknown = [
        parameter.name
        for parameter in parameters
        if parameter.default is inspect.Parameter.empty
        and (parameter.kind is inspect.Parameter.POSITIONAL_ONLY or parameter.kind in _BY_NAME)
        and (
            parameter.kind is inspect.Parameter.POSITIONAL_ONLY
            or parameter.name not in {*given, *optional}
        )
    ]
    if others:
        unknown = []
    if not lacks and not unknown:
        return
    problems = []
    if lacks:
        problems.append(f"it lacks the parameters {', '.join(lacks)}")
    if unknown:
        problems.append(f"nothing gives its parameters {', '.join(unknown)}")
    raise SignatureError(
        f"The training function {getattr(function, '__name__', function)}({', '.join(named)}) must take what a trial "
        f"gives it ({', '.join(given) or 'nothing'}; if asked for: {', '.join(optional)}), but "
        f"{' and '.join(problems)}; it has the parameters {', '.join(named) or '(none)'}. "
        "Name its parameters like the search space's, or take them all with **kwargs or a parameter hparams."
    )


def arguments_for(
    named: Collection[str], given: Mapping[str, Any], optional: Mapping[str, Any]
) -> dict[str, Any]:
    """Return the keyword arguments for one call: all that is ``given``, and of ``optional`` what the function names.

    A function that has a parameter ``hparams`` gets all of ``given`` in it, and by name only what it also names.
    Where a name is in both, the value that is ``given`` wins.

    Args:
        named: The function's :func:`parameter_names`, in which ``**hparams`` is not: it takes every name already.
        given: What the trial gives.
        optional: What the function may ask for.
    """
    offered = {**optional, "hparams": dict(given)}
    wanted = {name: value for name, value in offered.items() if name in named and name not in given}
    if "hparams" in wanted:
        return {**{name: value for name, value in given.items() if name in named}, **wanted}
    return {**given, **wanted}


def config_values(function: Callable[..., Any], **values: Any) -> dict[str, Any]:
    """Return what a config offers to a training function: its values, and None where the function has no default.

    Example:
        >>> config_values(lambda model, dataset="own": 0, model=None, dataset=None)
        {'model': None}
    """
    defaults = {
        parameter.name
        for parameter in _parameters(function)
        if parameter.default is not inspect.Parameter.empty
    }
    return {
        name: value for name, value in values.items() if value is not None or name not in defaults
    }


def _parameters(function: Callable[..., Any]) -> list[inspect.Parameter]:
    try:
        return list(inspect.signature(function).parameters.values())
    except ValueError as error:  # some built-in functions
        raise SignatureError(
            f"A training function must say what its parameters are, but {function!r:.80} does not. "
            "Write a function around it."
        ) from error
