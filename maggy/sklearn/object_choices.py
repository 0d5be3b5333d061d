"""Let a search space choose among objects that JSON cannot hold, such as estimators."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from maggy.common.json_values import to_plain
from maggy.searchspace import Searchspace
from maggy.searchspace.choices import WrittenChoices
from maggy.searchspace.parameter_rules import WrittenSpec
from maggy.searchspace.parameter_types import CATEGORICAL, CONSTANT, DISCRETE

__all__ = ["ObjectChoices"]

_LISTED = (CATEGORICAL, CONSTANT, DISCRETE)
_MAX_LABEL_LENGTH = 80


class ObjectChoices:
    """Give the objects among the choices of a space labels, and turn labels back into objects.

    A label is what ``repr`` returns, in one line. Trials, records and conditions (``when``) hold
    the label; a user may write the object or an equal one instead. The training function and the
    results get the object.

    Example:
        >>> choices = ObjectChoices({"weight": ("CATEGORICAL", [None, {0: 1, 1: 5}])})
        >>> choices.space
        Searchspace(weight=('CATEGORICAL', [None, '{0: 1, 1: 5}']))
        >>> choices.restore({"weight": "{0: 1, 1: 5}"})
        {'weight': {0: 1, 1: 5}}

    Args:
        space: A search space, or the dict from which one is made. Only a dict may hold objects.

    Attributes:
        space: The search space with labels in place of objects.

    Raises:
        BadArgumentsError: If the space breaks a rule of :class:`~maggy.Searchspace`.
    """

    def __init__(self, space: Searchspace | Mapping[str, WrittenSpec]) -> None:
        self._objects: dict[str, dict[str, object]] = {}
        if isinstance(space, Mapping):
            space = {name: self._label_spec(name, spec) for name, spec in space.items()}
            space = {name: self._label_conditions(spec) for name, spec in space.items()}
        self.space = space if isinstance(space, Searchspace) else Searchspace.from_dict(space)
        self._written = WrittenChoices(self.space.to_dict())

    def restore(self, params: Mapping[str, Any]) -> dict[str, Any]:
        """Return the parameters with each choice as the user wrote it.

        Args:
            params: The parameters of a trial: labels, and values as JSON holds them.

        Returns:
            The objects themselves, not copies.
        """
        return {
            name: self._restore_one(name, value)
            for name, value in self._written.restore(params).items()
        }

    def label(self, params: Mapping[str, Any]) -> dict[str, Any]:
        """Return parameters that a user wrote with labels in place of objects.

        An object that is not among the choices stays, so that the space can refuse it.
        """
        return {name: self._label_one(name, value) for name, value in params.items()}

    def _label_one(self, name: str, value: Any) -> Any:  # noqa: ANN401 (a user's choice)
        objects = self._objects.get(name, {})
        for label, choice in objects.items():
            if choice is value or (type(choice) is dict and choice == value):
                return label
        # Estimators are not equal to their clones, but their texts are.
        equal = [label for label, choice in objects.items() if _is_like(choice, value)]
        return equal[0] if len(equal) == 1 else value

    def _restore_one(self, name: str, value: Any) -> Any:  # noqa: ANN401 (a user's choice)
        objects = self._objects.get(name, {})
        return objects[value] if isinstance(value, str) and value in objects else value

    def _label_conditions(self, spec: WrittenSpec) -> WrittenSpec:
        """Return the specification with labels in its option ``when``."""
        if not isinstance(spec, (tuple, list)) or len(spec) != 3:
            return spec
        kind, region, options = spec
        if not isinstance(options, Mapping) or not isinstance(options.get("when"), Mapping):
            return spec
        when = {
            name: [self._label_one(name, choice) for choice in choices]
            if isinstance(choices, (list, tuple))
            else self._label_one(name, choices)
            for name, choices in options["when"].items()
        }
        return (kind, region, {**options, "when": when})

    def _label_spec(self, name: str, spec: WrittenSpec) -> WrittenSpec:
        """Return the specification with labels. One that is malformed is returned as it is."""
        if not isinstance(spec, (tuple, list)) or len(spec) not in (2, 3):
            return spec
        kind, region, *options = spec
        is_listed = isinstance(kind, str) and kind.upper() in _LISTED
        if not is_listed or not isinstance(region, (tuple, list)):
            return spec
        labels, objects = _label_objects(region)
        if not objects:
            return spec
        self._objects[name] = objects
        return (kind, labels, *options)


def _is_like(choice: object, value: object) -> bool:
    return type(choice) is type(value) and repr(choice) == repr(value)


def _label_objects(choices: Sequence[object]) -> tuple[list[Any], dict[str, object]]:
    """Return the choices with labels in place of objects, and the objects by label."""
    is_object = [not _has_json_form(choice) for choice in choices]
    labels: list[Any] = list(choices)
    objects: dict[str, object] = {}
    texts = {choice for choice in choices if isinstance(choice, str)}
    for index, choice in enumerate(choices):
        if is_object[index]:
            label = text = _label_of(choice)
            number = 1
            while label in texts:
                number += 1
                label = f"{text} ({number})"
            texts.add(label)
            labels[index], objects[label] = label, choice
    return labels, objects


def _has_json_form(choice: object) -> bool:
    try:
        to_plain(choice, finite=True)
    except (TypeError, ValueError):
        return False
    return True


def _label_of(choice: object) -> str:
    """Return a text that is the same in every process, which an address in memory is not."""
    name = getattr(choice, "__qualname__", None)
    if name is not None:  # a function or a class
        return f"{getattr(choice, '__module__', '')}.{name}"
    text = re.sub(r" at 0x[0-9a-fA-F]+", "", " ".join(repr(choice).split()))
    return text if len(text) <= _MAX_LABEL_LENGTH else f"{text[: _MAX_LABEL_LENGTH - 3]}..."
