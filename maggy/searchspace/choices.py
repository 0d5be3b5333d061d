"""Turn JSON values back into the choices that the user wrote, such as tuples."""

from __future__ import annotations

from collections.abc import Mapping

from maggy.common.json_values import as_written, json_key
from maggy.common.types import ParameterValue
from maggy.searchspace.parameter import parse_parameters
from maggy.searchspace.parameter_rules import WrittenSpec

__all__ = ["WrittenChoices"]


class WrittenChoices:
    """Restore the choices of a search space that JSON cannot hold as they are.

    It travels with the training function.

    Example:
        >>> choices = WrittenChoices({"kernel": ("CATEGORICAL", [(3, 3), (5, 5)])})
        >>> choices.restore({"kernel": [3, 3], "rate": 0.1})
        {'kernel': (3, 3), 'rate': 0.1}

    Args:
        specs: The search space as ``Searchspace.to_dict`` returns it.
    """

    def __init__(self, specs: Mapping[str, WrittenSpec]) -> None:
        self._tables: dict[str, dict[str, ParameterValue]] = {}
        for name, parameter in parse_parameters(specs).items():
            pairs = list(zip(parameter.values, parameter.originals, strict=False))
            if pairs:
                # Reversed, because the first of several choices that are equal in JSON counts.
                self._tables[name] = {
                    json_key(value): original for value, original in reversed(pairs)
                }

    def restore(self, params: Mapping[str, ParameterValue]) -> Mapping[str, ParameterValue]:
        """Return the parameters with each choice as the user wrote it.

        Returns:
            Copies of the choices, so that the training function may change them.
        """
        if not self._tables:
            return params
        return {name: self._restore_one(name, value) for name, value in params.items()}

    def _restore_one(self, name: str, value: ParameterValue) -> ParameterValue:
        table = self._tables.get(name)
        key = json_key(value) if table else ""
        return as_written(table[key]) if table and key in table else value
