"""Prepare suggestions for the way to a worker, and refuse those that cannot be sent."""

from __future__ import annotations

import reprlib
from collections.abc import Mapping

from maggy.common.exceptions import ExperimentError
from maggy.common.json_values import to_plain
from maggy.common.sendable import MAX_NESTING, check_nesting, check_sendable
from maggy.common.types import Json, Params
from maggy.core.messages import Assign
from maggy.core.rpc.encoding import MAX_MESSAGE_BYTES, encode
from maggy.trial import Trial

__all__ = ["REFUSALS_LIMIT", "Suggestions", "recordable"]

REFUSALS_LIMIT = 3
"""Number of suggestions in a row that cannot be sent, after which the experiment ends."""
ENVELOPE_BYTES = 64 * 1024
"""Maximum size of everything in a message but the parameters."""
LONGEST_VALUE_BYTES = 1000
"""The record of a refused suggestion holds only the beginning of a larger parameter."""


class Suggestions:
    """Prepare suggestions for the way to a worker, and fail those that cannot be sent.

    Args:
        name: The optimizer's or ablator's name, for the reason.
    """

    def __init__(self, name: str) -> None:
        self._name = name
        self._refusals = 0

    def prepare(self, trial: Trial) -> Params | None:
        """Return the parameters as a worker can receive them, or None if they cannot be sent.

        A trial that cannot be sent gets the status ERROR, the reason, and parameters that can be
        recorded.

        Raises:
            ExperimentError: If this is the third suggestion in a row that cannot be sent.
        """
        try:
            params = _sendable_params(trial.params)
        except RecursionError:
            self.refuse(
                trial, f"They must be nested at most {MAX_NESTING} levels deep.", trial.params
            )
            return None
        except Exception as error:  # a class of the user may raise anything
            self.refuse(trial, str(error), trial.params)
            return None
        self._refusals = 0
        return params

    def refuse(self, trial: Trial, reason: str, params: object) -> None:
        """Fail a trial whose parameters cannot be sent.

        Args:
            trial: The trial.
            reason: Why they cannot be sent.
            params: The parameters that the policy has suggested.

        Raises:
            ExperimentError: If this is the third suggestion in a row that cannot be sent.
        """
        values = _short(params)
        sentence = (
            f"{self._name} must suggest parameters that can be sent to a worker, but suggested "
            f"{values}. {reason}"
        )
        trial.params = recordable(params)
        trial.status, trial.error = Trial.ERROR, sentence
        trial.failure_reason = sentence
        self._refusals += 1
        if self._refusals == REFUSALS_LIMIT:
            raise ExperimentError(
                f"{sentence} The experiment ends: that happened {REFUSALS_LIMIT} times in a row."
            )


def _sendable_params(params: object) -> Params:
    if not isinstance(params, Mapping):
        raise TypeError(f"They must be a dict, but are {type(params).__name__}.")
    plain: Params = to_plain(params, finite=True)
    if not all(type(value) in (float, int, str) for value in plain.values()):
        check_nesting(plain)
    try:
        size = _size(plain)
    except (OverflowError, UnicodeEncodeError):
        check_sendable(plain)  # raises an error that names the value
        raise
    limit = MAX_MESSAGE_BYTES - ENVELOPE_BYTES
    if size > limit:
        raise ValueError(
            f"They take {size:,} bytes, and a message holds {limit:,}. Suggest the name of a file."
        )
    return plain


def _size(value: object) -> int:
    return len(encode(Assign(0, "", {"": value}, "")))


def recordable(params: object) -> Params:
    """Return the parameters with text in place of values that are large or cannot be sent."""
    if not isinstance(params, Mapping):
        return {}
    return {_name(name): _recordable_value(value) for name, value in params.items()}


def _recordable_value(value: object) -> Json:
    try:
        plain = to_plain(value, finite=True)
        check_sendable(plain)
        return plain if _size(plain) <= LONGEST_VALUE_BYTES else _short(value)
    except Exception:  # a class of the user may raise anything
        return _short(value)


def _name(name: object) -> str:
    return str(name).encode("utf-8", "backslashreplace").decode()[:LONGEST_VALUE_BYTES]


def _short(value: object) -> str:
    try:
        return _name(_SHORT.repr(value))  # a class of the user may return any text
    except Exception:  # a class of the user may raise anything
        return f"<{type(value).__name__}>"


_SHORT = reprlib.Repr()
_SHORT.maxstring = _SHORT.maxother = _SHORT.maxlong = 80
