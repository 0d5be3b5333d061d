"""Tell which metric is better: the higher or the lower one."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from enum import Enum
from typing import TypeVar

from maggy.common.exceptions import BadArgumentsError

__all__ = ["Direction"]

T = TypeVar("T")


class Direction(str, Enum):
    """The direction in which a metric improves.

    It is a string, equal to ``"max"`` or ``"min"``, and prints and serializes as one.

    Example:
        >>> Direction.MAX == "max"
        True
        >>> Direction.MIN.is_better(0.1, than=0.2)
        True
        >>> Direction.MIN.best([0.3, 0.1, 0.2])
        0.1
    """

    MAX = "max"
    MIN = "min"

    # Enum would print the member's name: users must see the text that they wrote.
    __str__ = str.__str__
    __format__ = str.__format__  # type: ignore[assignment]

    def __repr__(self) -> str:
        return repr(self.value)

    @classmethod
    def parse(cls, direction: str) -> Direction:
        """Return the direction with this value.

        Raises:
            BadArgumentsError: If the direction is neither ``"max"`` nor ``"min"``.
        """
        try:
            return cls(direction)
        except ValueError:
            raise BadArgumentsError(
                f"direction must be 'max' or 'min', but got {direction!r:.80}."
            ) from None

    @property
    def sign(self) -> int:
        """1 for ``max`` and -1 for ``min``. A metric times it is better if it is higher."""
        return 1 if self is Direction.MAX else -1

    def is_better(self, value: float, than: float) -> bool:
        """Return whether a value is strictly better. NaN is never better, nor worse."""
        return value > than if self is Direction.MAX else value < than

    def best(self, values: Iterable[T], key: Callable[[T], float] | None = None) -> T:
        """Return the best value; of equal ones the first.

        Args:
            values: At least one value, without NaN.
            key: Return the number by which a value is compared; the value itself if it is None.

        Raises:
            ValueError: If there are no values.
        """
        choose = max if self is Direction.MAX else min
        return choose(values, key=key)  # type: ignore[type-var, arg-type]
