"""What a training function gets for a value that came as JSON: the choice that the user wrote, such as a tuple."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from maggy.common.json_values import as_written, json_key
from maggy.searchspace.parameter import Parameter

__all__ = ["WrittenChoices"]


class WrittenChoices:
    """The choices of a search space that JSON cannot hold as they are; it travels with the training function.

    Example:
        >>> choices = WrittenChoices({"kernel": ("CATEGORICAL", [(3, 3), (5, 5)])})
        >>> choices.restore({"kernel": [3, 3], "rate": 0.1})
        {'kernel': (3, 3), 'rate': 0.1}

    Args:
        specs: What ``Searchspace.to_dict`` gives.
    """

    def __init__(self, specs: Mapping[str, Any]) -> None:
        self._tables: dict[str, dict[str, Any]] = {}
        for name, spec in specs.items():
            parameter = Parameter.parse(name, spec)
            # Of choices that are equal in JSON the first counts, as everywhere.
            pairs = list(zip(parameter.values, parameter.written, strict=False))
            if pairs:
                self._tables[name] = {
                    json_key(value): written for value, written in reversed(pairs)
                }

    def restore(self, params: Mapping[str, Any]) -> Mapping[str, Any]:
        """Return the parameters with each choice as it was written: a copy, which the training function may change."""
        if not self._tables:
            return params
        return {name: self._restore_one(name, value) for name, value in params.items()}

    def _restore_one(self, name: str, value: Any) -> Any:
        table = self._tables.get(name)
        key = json_key(value) if table else ""
        return as_written(table[key]) if table and key in table else value
