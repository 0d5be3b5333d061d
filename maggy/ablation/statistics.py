"""Tell a component's effect from chance: paired differences, their intervals, and the verdicts.

The same seed is used for the base and for every component of a repeat, so each repeat gives one
*paired* difference. The method is the paired t interval and test, with Holm's correction for the
number of components:

* Student, "The Probable Error of a Mean", Biometrika 6 (1908), 1-25.
* S. Holm, "A Simple Sequentially Rejective Multiple Test Procedure", Scandinavian Journal of
  Statistics 6 (1979), 65-70.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from types import ModuleType
from typing import Literal, TypeAlias

import numpy as np

from maggy.common.direction import Direction
from maggy.common.extras import install_command
from maggy.common.optional import can_import, import_optional

__all__ = [
    "POWER",
    "PairedDifference",
    "Verdict",
    "can_test",
    "detectable_difference",
    "holm",
    "interval_of_mean",
    "judge",
    "mean",
    "noise_band",
    "paired_difference",
    "standard_deviation",
]

POWER = 0.8
"""The probability with which a study finds its detectable difference."""
Verdict: TypeAlias = Literal["helps", "hurts", "inconclusive"]
_MIN_PAIRS = 2
_NUM_QUANTILES = 20_000


@dataclass(frozen=True)
class PairedDifference:
    """The mean of the paired differences of one component, and how certain it is.

    Attributes:
        n: The number of pairs.
        mean: Their mean; None without a pair.
        std: Their standard deviation (n - 1); None with fewer than two pairs.
        ci_low: The lower end of the confidence interval of the mean; None with fewer than two pairs
            and where SciPy is not installed. The same holds for the next two.
        ci_high: The upper end.
        p_value: The probability of a mean at least as far from 0 if the component does nothing.
    """

    n: int
    mean: float | None = None
    std: float | None = None
    ci_low: float | None = None
    ci_high: float | None = None
    p_value: float | None = None


def can_test() -> bool:
    """Return whether SciPy, which computes intervals and tests, can be imported."""
    return can_import("scipy")


def paired_difference(differences: Sequence[float], confidence: float) -> PairedDifference:
    """Return the mean difference with its interval and its p-value.

    Equal differences give an interval of no width, and the p-value 0, or 1 if all of them are 0.

    Example:
        >>> effect = paired_difference([-0.03, -0.01, -0.02], 0.95)
        >>> f"{effect.mean:.3f} from {effect.ci_low:.3f} to {effect.ci_high:.3f}"
        '-0.020 from -0.045 to 0.005'

    Args:
        differences: The metric without the component minus that of the base, for each repeat in
            which both have a metric. All are finite.
        confidence: The share of intervals that contain the true difference, such as 0.95.
    """
    count = len(differences)
    if count < _MIN_PAIRS:
        return PairedDifference(count, *differences)
    middle, spread = mean(differences), standard_deviation(differences)
    if not can_test():
        return PairedDifference(count, middle, spread)
    if all(difference == differences[0] for difference in differences):
        first = differences[0]
        return PairedDifference(count, first, 0.0, first, first, 0.0 if first else 1.0)
    distribution = _scipy_stats().t
    error = spread / math.sqrt(count)
    half_width = float(distribution.isf((1 - confidence) / 2, count - 1)) * error
    p_value = 2 * float(distribution.sf(abs(middle) / error, count - 1))
    return PairedDifference(
        count, middle, spread, middle - half_width, middle + half_width, min(1.0, p_value)
    )


def holm(p_values: Sequence[float | None]) -> list[float | None]:
    """Return the p-values adjusted for their number.

    Over all components that do nothing, a value below alpha appears in at most the share alpha of
    studies.

    Example:
        >>> holm([0.01, None, 0.04, 0.02])
        [0.03, None, 0.04, 0.04]

    Args:
        p_values: One for each component. None stays None and does not count.
    """
    order = sorted(
        (p_value, position) for position, p_value in enumerate(p_values) if p_value is not None
    )
    adjusted: list[float | None] = [None] * len(p_values)
    largest = 0.0
    for rank, (p_value, position) in enumerate(order):
        # A larger p-value is never adjusted to a smaller one.
        largest = max(largest, min(1.0, p_value * (len(order) - rank)))
        adjusted[position] = largest
    return adjusted


def judge(
    difference: float | None, p_adjusted: float | None, confidence: float, direction: Direction
) -> Verdict | None:
    """Return whether a component helps, hurts, or cannot be told from one that does nothing.

    Args:
        difference: The mean metric without the component minus that of the base.
        p_adjusted: Its p-value after :func:`holm`.
        confidence: The confidence of the study.
        direction: The direction in which the metric improves.

    Returns:
        ``"helps"`` if the metric is worse without the component, ``"hurts"`` if it is better, and
        None if there is no p-value.
    """
    if difference is None or p_adjusted is None:
        return None
    # 1 - 0.95 is a little more than 0.05, so the numbers are compared without the subtraction.
    if p_adjusted + confidence >= 1 or difference == 0:
        return "inconclusive"
    return "hurts" if direction.sign * difference > 0 else "helps"


def interval_of_mean(
    middle: float, sources: Sequence[Sequence[float]], confidence: float
) -> tuple[float | None, float | None]:
    """Return the interval of a mean that varies for several independent reasons.

    The variances of the mean are added, and Student's t distribution gets the degrees of freedom of
    Welch and Satterthwaite. With one source this is the usual t interval.

    Source: B. L. Welch, "The Generalization of 'Student's' Problem when Several Different
    Population Variances are Involved", Biometrika 34 (1947), 28-35.

    Args:
        middle: The mean.
        sources: For each reason the values of which it is the mean. One with fewer than two values
            says nothing and is left out.
        confidence: The share of intervals that contain the true mean.

    Returns:
        The ends; None without a source of two values, and where SciPy is not installed.
    """
    columns = [values for values in sources if len(values) >= _MIN_PAIRS]
    if not columns or not can_test():
        return None, None
    variances = [standard_deviation(values) ** 2 / len(values) for values in columns]
    total = math.fsum(variances)
    if total == 0:
        return middle, middle
    # As shares, because a square of a small variance may vanish.
    shares = math.fsum(
        (variance / total) ** 2 / (len(values) - 1)
        for variance, values in zip(variances, columns, strict=True)
    )
    factor = float(_scipy_stats().t.isf((1 - confidence) / 2, 1 / shares))
    half_width = factor * math.sqrt(total)
    return middle - half_width, middle + half_width


def detectable_difference(
    stds: Sequence[float], count: int, num_components: int, confidence: float
) -> float | None:
    """Return the smallest true difference that such a study finds with a probability of 0.8.

    The noise is taken to be the same for all components, and the level is divided by their number
    (the first step of Holm's procedure).

    Source: J. Cohen, "Statistical Power Analysis for the Behavioral Sciences" (1988), chapter 2;
    power of the t test by the noncentral t distribution.

    Args:
        stds: The standard deviation of the paired differences of each component that has one.
        count: The number of repeats.
        num_components: The number of components that are tested.
        confidence: The confidence of the study.

    Returns:
        The difference in units of the metric; None if it cannot be computed.
    """
    if count < _MIN_PAIRS or not stds or not can_test():
        return None
    largest = max(stds)
    if largest == 0:
        return 0.0
    spread = largest * math.sqrt(math.fsum((std / largest) ** 2 for std in stds) / len(stds))
    return _detectable_effect(count, (1 - confidence) / num_components) * spread


def noise_band(spreads: Sequence[tuple[float, int]], confidence: float) -> float | None:
    """Return the size below which the mean difference of a component that does nothing stays.

    The noise is taken to be the same for all components, so their spreads are pooled.

    Args:
        spreads: The standard deviation of the paired differences of each component, and their
            number; at least two.
        confidence: The share of such means that lie in the band.

    Returns:
        The size in units of the metric; None without spreads, and where SciPy is not installed.
    """
    if not spreads or not can_test():
        return None
    variances = [std**2 / count for std, count in spreads]
    freedom = sum(count - 1 for _, count in spreads)
    factor = float(_scipy_stats().t.isf((1 - confidence) / 2, freedom))
    return factor * math.sqrt(math.fsum(variances) / len(variances))


def _detectable_effect(count: int, alpha: float) -> float:
    """Return the detectable difference in standard deviations of the paired differences.

    It is the effect at which the noncentral t distribution is above the critical value with the
    probability ``POWER``. SciPy's own distribution fails at the large critical values of few
    repeats, so this averages over the quantiles of the estimated standard deviation.
    """
    stats = _scipy_stats()
    freedom, root = count - 1, math.sqrt(count)
    critical = float(stats.t.isf(alpha / 2, freedom))
    quantiles = (np.arange(_NUM_QUANTILES) + 0.5) / _NUM_QUANTILES
    thresholds = critical * np.sqrt(stats.chi2.ppf(quantiles, freedom) / freedom)

    def excess_power(effect: float) -> float:
        # Only the right sign counts: the other one does not find the difference.
        return float(stats.norm.sf(thresholds - effect * root).mean()) - POWER

    optimize = import_optional("scipy.optimize", "The detectable difference", _REMEDY)
    # At the largest threshold, and 6 standard errors above it, nearly every study finds it.
    return float(optimize.brentq(excess_power, 0.0, (float(thresholds[-1]) + 6) / root))


def mean(values: Sequence[float]) -> float:
    """Return the mean. It is finite if all values are, even if their sum is not.

    Args:
        values: At least one number.
    """
    try:
        return math.fsum(values) / len(values)
    except OverflowError:
        return math.fsum(value / len(values) for value in values)


def standard_deviation(values: Sequence[float]) -> float:
    """Return the standard deviation with n - 1; infinity if it is beyond floats.

    Args:
        values: At least two numbers.
    """
    middle = mean(values)
    deviations = [value - middle for value in values]
    # Scaled, because a square may be beyond floats, or vanish, where its number does not.
    scale = max(map(abs, deviations))
    if scale == 0 or math.isinf(scale):
        return scale
    squares = math.fsum((deviation / scale) ** 2 for deviation in deviations)
    return scale * math.sqrt(squares / (len(values) - 1))


_REMEDY = install_command("stats")


def _scipy_stats() -> ModuleType:
    return import_optional("scipy.stats", "An interval of a difference", _REMEDY)
