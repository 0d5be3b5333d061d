"""Accept the options of release 1.1 for optimizers that are Optuna's now: rename them, or warn."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable, Collection, Mapping
from functools import partial
from typing import TypeVar

from maggy.common.exceptions import BadArgumentsError
from maggy.common.json_values import as_number
from maggy.optimizer.optuna.options import SamplerOption

__all__ = [
    "COMMON_OBSOLETE_OPTIONS",
    "gamma_function",
    "prefer_old_value",
    "translate_options",
    "warn_about_options",
]

T = TypeVar("T")

COMMON_OBSOLETE_OPTIONS: Mapping[str, Collection[SamplerOption]] = {
    "random_fraction": (0,),
    "interim_results": (False,),
    "interim_results_interval": (),
}
"""Options of release 1.1's TPE and Gaussian process, with the values that match what ours do."""


def translate_options(
    owner: str,
    options: Mapping[str, SamplerOption],
    new_names: Mapping[str, str],
    obsolete: Mapping[str, Collection[SamplerOption]],
) -> dict[str, SamplerOption]:
    """Return the options under their names of today. Warn once of those without a counterpart.

    Args:
        owner: The class that takes the options, for the warning.
        options: The options that the user passed.
        new_names: The name of today for every name of release 1.1 that has changed.
        obsolete: The options without a counterpart. Each has the values that change nothing, about
            which there is no warning.

    Raises:
        BadArgumentsError: If an option is passed under both of its names.
    """
    without_effect = [
        name
        for name, harmless_values in obsolete.items()
        if options.get(name) is not None and options[name] not in harmless_values
    ]
    # The warning names the user's line: two frames above this one, behind the optimizer's
    # constructor.
    warn_about_options(owner, without_effect, stacklevel=4)
    remaining = {name: value for name, value in options.items() if name not in obsolete}
    for old_name, new_name in new_names.items():
        if old_name in remaining and new_name in remaining:
            raise BadArgumentsError(
                f"{new_name} is what release 1.1 called {old_name}, but {owner} got both. "
                f"Leave {old_name} out."
            )
    return {new_names.get(name, name): value for name, value in remaining.items()}


def warn_about_options(owner: str, names: Collection[str], stacklevel: int = 3) -> None:
    """Warn of options of release 1.1 that change nothing, in one sentence; not if there are none.

    Args:
        owner: The class that takes the options.
        names: The names of the options.
        stacklevel: The number of frames from ``warnings.warn`` up to the user's line.
    """
    if names:
        warnings.warn(
            f"{owner} has no counterpart of these options of release 1.1, and goes on without "
            f"them: {', '.join(names)}. Leave them out.",
            stacklevel=stacklevel,
        )


def prefer_old_value(name: str, value: T, default: T, old_name: str, old_value: T | None) -> T:
    """Return the value of an argument that has two names, that of today and that of release 1.1.

    Args:
        name: The name of today.
        value: The value under the name of today.
        default: The default of ``value``, by which an argument that was left out is recognized.
        old_name: The name of release 1.1.
        old_value: The value under the name of release 1.1, or None.

    Raises:
        BadArgumentsError: If both values were passed.
    """
    if old_value is None:
        return value
    if value != default:
        raise BadArgumentsError(
            f"{name} is what release 1.1 called {old_name}, but got {value!r:.80} and "
            f"{old_value!r:.80}. Leave one out."
        )
    return old_value


def gamma_function(gamma: SamplerOption) -> Callable[..., object] | None:
    """Return the ``gamma`` of Optuna's TPE, which is a function, for the share of release 1.1.

    Args:
        gamma: The share of the trials that count as good, or a function as Optuna takes it.

    Raises:
        BadArgumentsError: If the value is neither a function nor a number between 0 and 1.
    """
    if callable(gamma) or gamma is None:
        return gamma
    share = as_number(gamma)
    if share is None or not 0 < share < 1:
        raise BadArgumentsError(
            "gamma must be the share of the trials that count as good, above 0 and below 1, or a "
            f"function as optuna.samplers.TPESampler takes it, but got {gamma!r:.80}."
        )
    # A partial of a function on module level can be pickled; a lambda cannot.
    return partial(_num_good_trials, share)


def _num_good_trials(share: float, num_trials: int) -> int:
    return max(1, math.ceil(share * num_trials))
