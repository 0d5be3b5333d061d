"""Call a training function by its signature, and refuse one that does not fit before any work."""

from __future__ import annotations

import inspect
from collections.abc import Collection, Mapping
from typing import TypeVar

from maggy.common.exceptions import BadArgumentsError, SignatureError
from maggy.common.json_values import closest
from maggy.common.types import ParameterValue, TrainingFunction

__all__ = [
    "accepted_parameters",
    "arguments_for",
    "check_callable",
    "check_defaults",
    "check_replaceable",
    "check_signature",
    "config_values",
    "parameter_names",
]

T = TypeVar("T")

_OPTUNA_PARAMETERS = frozenset({"trial"})
_DICT_PARAMETERS = frozenset(
    {"args", "cfg", "config", "configuration", "hp", "hps", "hyperparameters", "hyperparams"}
    | {"param", "parameters", "params", "sample", "space"}
)
"""What functions for hyperopt and Ray Tune call the dict with all values."""

_BY_NAME = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)


def check_callable(function: object, name: str = "train_fn") -> None:
    """Raise `BadArgumentsError` if an argument cannot be called.

    Args:
        function: The argument.
        name: The name by which users know the argument, for the error.
    """
    if not callable(function):
        raise BadArgumentsError(
            f"{name} must be a function, but got {type(function).__name__}: {function!r:.80}."
        )


def accepted_parameters(function: TrainingFunction, names: Collection[str]) -> frozenset[str]:
    """Return which of these names the function accepts, by name or in ``**kwargs``."""
    parameters = _parameters(function)
    if _has_kwargs(parameters):
        return frozenset(names)
    return frozenset(names).intersection(_names(parameters))


def parameter_names(function: TrainingFunction) -> list[str]:
    """Return the names of the parameters that can be passed by name, without ``**kwargs``."""
    return _names(_parameters(function))


def check_defaults(function: TrainingFunction, conditional: Collection[str]) -> None:
    """Refuse a training function that requires a hyperparameter which only some trials have.

    Args:
        function: The training function.
        conditional: The names of hyperparameters that only some trials have.

    Raises:
        SignatureError: If a parameter with one of these names has no default. It is a
            ``TypeError``.
    """
    for parameter in _parameters(function):
        if parameter.name in conditional and not _has_default(parameter):
            raise SignatureError(
                f"The parameter {parameter.name} of the training function {_name(function)} must "
                "have a default, since the search space gives it under a condition only. "
                f"Write for example {parameter.name}=None."
            )


def check_replaceable(
    function: TrainingFunction, names: Collection[str], others: Collection[str]
) -> None:
    """Refuse choices that the training function cannot make.

    Args:
        function: The training function.
        names: The names of the parameters whose defaults a choice replaces.
        others: The names of parameters that the function gets from elsewhere.

    Raises:
        SignatureError: If the function has no parameter of a name, if it has no default, or if the
            name is among the others.
    """
    parameters = {
        parameter.name: parameter
        for parameter in _parameters(function)
        if parameter.kind in _BY_NAME and parameter.name not in others
    }
    replaceable = [name for name, parameter in parameters.items() if _has_default(parameter)]
    for name in names:
        if name in others:
            raise SignatureError(
                f"A choice is made by a parameter that only the user's function knows, but "
                f"'{name}' is given by Maggy or by the config. Rename the parameter."
            )
        if name not in parameters:
            raise SignatureError(
                f"A choice is made by a parameter of the training function, but {_name(function)} "
                f"has no parameter '{name}'.{closest(name, replaceable)} "
                f"Those with a default are: {', '.join(replaceable) or 'none'}."
            )
        if name not in replaceable:
            raise SignatureError(
                f"The parameter {name} of the training function {_name(function)} must have a "
                "default, which the base uses, since the study has a choice for it. "
                f"Write for example {name}=None."
            )


def check_signature(
    function: TrainingFunction,
    values: Collection[str],
    optional: Collection[str],
    *,
    allow_others: bool = False,
) -> None:
    """Refuse a training function that cannot be called with the values of a trial.

    Args:
        function: The training function.
        values: Names of the values that every trial passes. The function must accept each of them
            by name or in ``**kwargs``, or all of them in one dict by a parameter ``hparams``.
        optional: Further names that the function may have.
        allow_others: Whether trials may pass names that are not known yet. Then a required
            parameter with another name is no error.

    Raises:
        SignatureError: If the function does not fit. It is a ``TypeError`` that names the missing
            parameters and those of the function.
    """
    parameters = _parameters(function)
    names = _names(parameters)
    takes_dict = "hparams" in names and "hparams" not in values
    accepts_all = takes_dict or _has_kwargs(parameters)
    missing = [] if accepts_all else [name for name in values if name not in names]
    unknown = [
        parameter.name
        for parameter in parameters
        if _is_required(parameter) and not _is_passed(parameter, {*values, *optional})
    ]
    problems = []
    if missing:
        problems.append(f"it lacks the parameters {', '.join(missing)}")
    if unknown and not allow_others:
        problems.append(f"nothing gives its parameters {', '.join(unknown)}")
    if problems:
        raise SignatureError(
            f"The training function {_name(function)}({', '.join(names)}) "
            f"{_foreign_style(function, unknown, values)}must take what a trial "
            f"gives it ({', '.join(values) or 'nothing'}; if asked for: {', '.join(optional)}), "
            f"but {' and '.join(problems)}; it has the parameters {', '.join(names) or '(none)'}. "
            "Name its parameters like the search space's, or take them all with **kwargs or a "
            "parameter hparams."
        )


def arguments_for(
    names: Collection[str],
    values: Mapping[str, ParameterValue],
    optional: Mapping[str, object],
) -> dict[str, object]:
    """Return the keyword arguments for one call of a training function.

    They are all values of the trial, and those optional ones that the function names. A function
    with a parameter ``hparams`` gets all values in this dict, and by name only those that it also
    names. Where a name is in both mappings, the value of the trial wins.

    Args:
        names: The function's :func:`parameter_names`. They do not contain ``**hparams``, which
            takes every name already.
        values: The values of the trial.
        optional: Further values that the function may name.
    """
    offers = {**optional, "hparams": dict(values)}
    additions = {
        name: value for name, value in offers.items() if name in names and name not in values
    }
    if "hparams" in additions:
        return {**{name: value for name, value in values.items() if name in names}, **additions}
    return {**values, **additions}


def config_values(function: TrainingFunction, **values: T) -> dict[str, T]:
    """Return the values that a config passes to a training function.

    A value of None is passed only if the function has no default of its own.

    Example:
        >>> config_values(lambda model, dataset="own": 0, model=None, dataset=None)
        {'model': None}
    """
    names_with_default = {
        parameter.name for parameter in _parameters(function) if _has_default(parameter)
    }
    return {
        name: value
        for name, value in values.items()
        if value is not None or name not in names_with_default
    }


def _foreign_style(
    function: TrainingFunction, unknown: Collection[str], values: Collection[str]
) -> str:
    """Return what a function for Optuna, hyperopt or Ray Tune is here.

    It is the predicate of a sentence with the start of the next one, or nothing.
    """
    for name in unknown:
        if name.lower() in _OPTUNA_PARAMETERS:
            example = next(iter(values), "lr")
            parameters = ", ".join([*values, "reporter"] if values else [example, "reporter"])
            return (
                f"is in Optuna's style: here it is def {_name(function)}({parameters}), with "
                f"{example} in place of {name}.suggest_float('{example}', ...), whose bounds are "
                "in the Searchspace of the config, and reporter.broadcast(value, step) in place "
                f"of {name}.report(value, step). It "
            )
        if name.lower() in _DICT_PARAMETERS:
            return (
                "is in the style of hyperopt and Ray Tune: here the dict is called hparams, "
                f"def {_name(function)}(hparams), and its values come from the "
                "Searchspace of the config. It "
            )
    return ""


def _parameters(function: TrainingFunction) -> list[inspect.Parameter]:
    try:
        return list(inspect.signature(function).parameters.values())
    except ValueError as error:  # some built-in functions
        raise SignatureError(
            f"A training function must say what its parameters are, but {function!r:.80} does not. "
            "Write a function around it."
        ) from error


def _names(parameters: list[inspect.Parameter]) -> list[str]:
    return [parameter.name for parameter in parameters if parameter.kind in _BY_NAME]


def _has_kwargs(parameters: list[inspect.Parameter]) -> bool:
    return any(parameter.kind is inspect.Parameter.VAR_KEYWORD for parameter in parameters)


def _has_default(parameter: inspect.Parameter) -> bool:
    return parameter.default is not inspect.Parameter.empty


def _is_required(parameter: inspect.Parameter) -> bool:
    variadic = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
    return not _has_default(parameter) and parameter.kind not in variadic


def _is_passed(parameter: inspect.Parameter, names: Collection[str]) -> bool:
    # Maggy passes arguments by name only, so a parameter before the slash never gets one.
    return parameter.kind in _BY_NAME and parameter.name in names


def _name(function: TrainingFunction) -> str:
    return str(getattr(function, "__name__", function))
