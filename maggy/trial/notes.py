"""Store fields of a trial among its notes, where records and optimizers find them."""

from __future__ import annotations

from typing import Generic, Protocol, TypeAlias, TypeVar

from maggy.common.json_values import to_plain, unique_names
from maggy.common.types import Json

__all__ = ["Note", "Notes", "OptionalNote", "plain_notes"]

Notes: TypeAlias = dict[str, object]
"""The notes about a trial by name. An optimizer may note any object."""

_Value = TypeVar("_Value")


class _HasNotes(Protocol):
    info_dict: Notes


class Note(Generic[_Value]):
    """A field that is stored in ``info_dict``.

    It reads like an attribute. The record of a trial, in which other releases and programs look for
    the note, is the same as with the plain dict.

    Example:
        >>> from maggy import Trial
        >>> trial = Trial({"x": 1})
        >>> trial.rung = 2
        >>> trial.info_dict
        {'rung': 2}

    Args:
        name: The name of the note.
        kind: The type of its value.

    Raises:
        AttributeError: If the field is read and there is no such note.
    """

    def __init__(self, name: str, kind: type[_Value]) -> None:
        self._name = name
        self._kind = kind

    def __get__(self, trial: _HasNotes, owner: type) -> _Value:
        value = trial.info_dict.get(self._name)
        if not isinstance(value, self._kind):
            raise AttributeError(f"This trial has no note {self._name!r}: {trial.info_dict!r:.200}")
        return value

    def __set__(self, trial: _HasNotes, value: _Value) -> None:
        trial.info_dict[self._name] = value


class OptionalNote(Generic[_Value]):
    """A field that is stored in ``info_dict`` unless it is None.

    Args:
        name: The name of the note.
        kind: The type of its value.
    """

    def __init__(self, name: str, kind: type[_Value]) -> None:
        self._name = name
        self._kind = kind

    def __get__(self, trial: _HasNotes, owner: type) -> _Value | None:
        value = trial.info_dict.get(self._name)
        return value if isinstance(value, self._kind) else None

    def __set__(self, trial: _HasNotes, value: _Value | None) -> None:
        if value is None:
            trial.info_dict.pop(self._name, None)
        else:
            trial.info_dict[self._name] = value


def plain_notes(notes: Notes) -> dict[str, Json]:
    """Return the notes as JSON values.

    An optimizer may note anything, and that must not cost a trial its record. So an object that
    JSON cannot hold becomes its ``repr``.
    """
    return {
        name: _plain_note(value)
        for name, value in zip(unique_names(notes), notes.values(), strict=True)
    }


def _plain_note(value: object) -> Json:
    try:
        plain: Json = to_plain(value, any_keys=True)
    except TypeError:
        return repr(value)
    return plain
