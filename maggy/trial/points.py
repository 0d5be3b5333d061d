"""Keep the points that a trial has reported, with their best value and their running mean."""

from __future__ import annotations

import math
from array import array
from bisect import bisect_right
from collections.abc import Mapping

from maggy.common.direction import Direction
from maggy.common.exceptions import BadArgumentsError
from maggy.common.json_values import as_metric, as_number

__all__ = ["Points"]


class Points:
    """Hold the values that a trial reports, at strictly ascending steps.

    It is a base class and not an attribute, because every reported point passes through
    :meth:`append_point`: another object would cost another call.

    Attributes:
        metric_history: The values so far.
        step_history: Their steps.
        time_history: When each of them was reported, in seconds since the epoch; NaN if that is
            not known.
    """

    def __init__(self) -> None:
        self._clear_points()

    def _clear_points(self) -> None:
        self.metric_history: list[float] = []
        self.step_history: list[int | float] = []
        # An array takes a quarter of the memory of a list of numbers.
        self.time_history = array("d")
        # For each point the mean of the finite values up to it, and the number of those values.
        self._means = array("d")
        self._counts = array("q")
        # Over all points but the last, which may still be replaced.
        self._highest: float | None = None
        self._lowest: float | None = None

    def append_metric(self, metric_data: Mapping[str, int | float]) -> int | float | None:
        """Record a point.

        A step above the last is new. An equal step replaces the last value. A step below the last
        is ignored. NaN is recorded, but counts neither in ``best`` nor in ``mean_until``.

        Args:
            metric_data: ``{"step": number, "value": number}``.

        Returns:
            The step if it is new, else None.

        Raises:
            BadArgumentsError: If the step or the value is missing or not a number, or the step is
                NaN or infinite.
        """
        return self.append_point(*_check_point(metric_data))

    def append_point(
        self, step: int | float, value: float, time: float = math.nan
    ) -> int | float | None:
        """Record a point as :meth:`append_metric` does, without a check.

        Args:
            step: A finite number.
            value: The metric at this step.
            time: When it was reported, in seconds since the epoch; NaN if that is not known.

        Returns:
            The step if it is new, else None.
        """
        # Records and stop rules show 3 and not 3.0, which a float from a message would give.
        if type(step) is float and step.is_integer():
            step = int(step)
        is_new = True
        if self.step_history:
            last_step = self.step_history[-1]
            if step < last_step:
                return None
            last = self.metric_history[-1]
            if step == last_step:
                is_new = False
                self.metric_history.pop()
                self.time_history.pop()
                self._means.pop()
                self._counts.pop()
            elif not math.isnan(last):  # now that a further step came, this value is final
                self._highest = (
                    last if self._highest is None or last > self._highest else self._highest
                )
                self._lowest = last if self._lowest is None or last < self._lowest else self._lowest
        if is_new:
            self.step_history.append(step)
        self.metric_history.append(value)
        self.time_history.append(time)
        self._append_mean(value)
        return step if is_new else None

    @property
    def metric_dict(self) -> dict[int | float, float]:
        """The values so far by their steps."""
        return dict(zip(self.step_history, self.metric_history, strict=True))

    def best(self, direction: str) -> float | None:
        """Return the best value so far; NaN is ignored.

        The time it takes does not depend on the length of the history.

        Args:
            direction: ``"max"`` for the highest value, ``"min"`` for the lowest.

        Returns:
            The value, or None if nothing but NaN was reported.

        Raises:
            BadArgumentsError: If the direction is neither ``"max"`` nor ``"min"``.
        """
        direction = Direction.parse(direction)
        earlier = self._highest if direction is Direction.MAX else self._lowest
        if not self.metric_history or math.isnan(self.metric_history[-1]):
            return earlier
        last = self.metric_history[-1]
        return last if earlier is None else direction.best((earlier, last))

    def mean_until(self, step: int | float) -> float | None:
        """Return the mean of the finite values at steps up to and including this step.

        Takes logarithmic time in the length of the history.

        Returns:
            The mean, or None if there is no such value.
        """
        points = bisect_right(self.step_history, step)
        if points == 0 or self._counts[points - 1] == 0:
            return None
        return self._means[points - 1]

    def _append_mean(self, value: float) -> None:
        count = self._counts[-1] if self._counts else 0
        mean = self._means[-1] if self._means else 0.0
        if math.isfinite(value):
            count += 1
            mean = _update_mean(mean, count, value)
        self._means.append(mean)
        self._counts.append(count)


def _check_point(metric_data: Mapping[str, int | float]) -> tuple[int | float, float]:
    if not isinstance(metric_data, Mapping) or not {"step", "value"} <= set(metric_data):
        raise BadArgumentsError(
            f"A point must be a dict with 'step' and 'value', but got {metric_data!r:.80}."
        )
    step, value = as_number(metric_data["step"]), as_metric(metric_data["value"])
    if step is None or value is None or (isinstance(step, float) and not math.isfinite(step)):
        raise BadArgumentsError(
            f"The step and the value of a point must be numbers, but got {metric_data!r:.80}."
        )
    try:
        return step, float(value)
    except OverflowError:  # an integer beyond every float
        return step, math.inf if value > 0 else -math.inf


def _update_mean(mean: float, count: int, value: float) -> float:
    # This form keeps the mean of equal values exactly equal to them, so that ties stay ties.
    difference = value - mean
    if math.isinf(difference):
        return mean / count * (count - 1) + value / count
    return mean + difference / count
