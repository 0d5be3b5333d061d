"""Differences of components, their intervals, and the verdicts."""

import math
import random

import numpy as np
import pytest

from maggy.ablation import statistics
from maggy.ablation.statistics import (
    detectable_difference,
    holm,
    interval_of_mean,
    judge,
    mean,
    noise_band,
    paired_difference,
    standard_deviation,
)
from maggy.common.direction import Direction


@pytest.mark.parametrize("count", [2, 3, 5, 20])
@pytest.mark.parametrize("confidence", [0.8, 0.95, 0.999])
def test_the_interval_and_the_p_value_are_those_of_the_paired_t_test(count, confidence):
    from scipy.stats import ttest_rel

    rng = np.random.default_rng(count)
    base, other = rng.normal(size=(2, count))
    expected = ttest_rel(other, base)
    effect = paired_difference(list(other - base), confidence)
    interval = expected.confidence_interval(confidence)
    assert effect.n == count
    assert effect.p_value == pytest.approx(expected.pvalue)
    assert (effect.ci_low, effect.ci_high) == pytest.approx((interval.low, interval.high))
    assert effect.std == pytest.approx(np.std(other - base, ddof=1))


def test_fewer_than_two_pairs_have_no_interval():
    assert paired_difference([], 0.95) == statistics.PairedDifference(0)
    assert paired_difference([0.5], 0.95) == statistics.PairedDifference(1, 0.5)


@pytest.mark.parametrize(("difference", "p_value"), [(0.25, 0.0), (-0.1, 0.0), (0.0, 1.0)])
def test_equal_differences_have_an_interval_of_no_width(difference, p_value):
    effect = paired_difference([difference] * 7, 0.95)
    assert (effect.mean, effect.std) == (difference, 0.0)
    assert (effect.ci_low, effect.ci_high, effect.p_value) == (difference, difference, p_value)


def test_without_scipy_there_are_means_and_spreads_only(monkeypatch):
    monkeypatch.setattr(statistics, "can_test", lambda: False)
    effect = paired_difference([0.25, 0.5], 0.95)
    assert (effect.mean, effect.std) == (0.375, pytest.approx(math.sqrt(0.03125)))
    assert (effect.ci_low, effect.ci_high, effect.p_value) == (None, None, None)
    assert detectable_difference([0.5], 5, 1, 0.95) is None


def test_holm_agrees_with_its_definition():
    # By hand: 4 * 0.005, 3 * 0.01, and 2 * 0.03 for the last two, since 0.04 * 1 is smaller.
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])


def test_holm_counts_only_what_was_tested_and_ends_at_one():
    assert holm([None, 0.4, None, 0.6]) == [None, 0.8, None, 0.8]
    assert holm([0.9, 0.9, 0.9]) == [1.0, 1.0, 1.0]
    assert holm([]) == []


def test_holm_keeps_the_order_of_p_values():
    rng = random.Random(1)
    p_values = [rng.random() for _ in range(30)]
    pairs = sorted(zip(p_values, holm(p_values), strict=True))
    assert [adjusted for _, adjusted in pairs] == sorted(adjusted for _, adjusted in pairs)
    assert all(adjusted >= p_value for p_value, adjusted in pairs)


@pytest.mark.parametrize(
    ("difference", "p_adjusted", "direction", "verdict"),
    [
        (-0.1, 0.01, "max", "helps"),
        (0.1, 0.01, "max", "hurts"),
        (-0.1, 0.01, "min", "hurts"),
        (0.1, 0.01, "min", "helps"),
        (0.1, 0.06, "max", "inconclusive"),
        (0.1, 0.05, "max", "inconclusive"),
        (0.1, None, "max", None),
        (None, None, "max", None),
    ],
)
def test_the_verdict_respects_the_direction_and_needs_p_below_the_level(
    difference, p_adjusted, direction, verdict
):
    assert judge(difference, p_adjusted, 0.95, Direction(direction)) == verdict


@pytest.mark.parametrize(
    ("count", "components", "confidence"), [(3, 20, 0.95), (5, 7, 0.95), (20, 30, 0.9)]
)
def test_the_detectable_difference_has_the_power_by_the_noncentral_t(count, components, confidence):
    from scipy.stats import nct, t

    found = detectable_difference([2.0], count, components, confidence)
    critical = t.isf((1 - confidence) / components / 2, count - 1)
    power = nct.sf(critical, count - 1, found / 2.0 * math.sqrt(count))
    assert power == pytest.approx(statistics.POWER, abs=1e-4)


def test_the_noise_of_a_study_is_the_root_mean_square():
    one = detectable_difference([1.0], 5, 2, 0.95)
    assert detectable_difference([3.0, 4.0], 5, 2, 0.95) == pytest.approx(one * math.sqrt(12.5))
    assert detectable_difference([0.0, 0.0], 5, 2, 0.95) == 0.0
    assert detectable_difference([], 5, 2, 0.95) is None
    assert detectable_difference([1.0], 1, 2, 0.95) is None


def test_extreme_levels_with_two_repeats_have_a_detectable_difference():
    assert math.isfinite(detectable_difference([1.0], 2, 1000, 0.9999))


def test_means_and_spreads_of_huge_and_tiny_numbers_are_right():
    assert mean([1.7e308, 1.7e308]) == pytest.approx(1.7e308)
    assert standard_deviation([0.0, 3e-200]) == pytest.approx(3e-200 / math.sqrt(2))
    assert standard_deviation([1e300, 3e300]) == pytest.approx(2e300 / math.sqrt(2))
    assert standard_deviation([0.1, 0.1]) == 0.0


def test_an_interval_of_one_source_is_the_paired_interval():
    values = [-0.03, -0.01, -0.02, 0.04]
    effect = paired_difference(values, 0.9)
    ends = interval_of_mean(effect.mean, [values], 0.9)
    assert ends == pytest.approx((effect.ci_low, effect.ci_high))


def test_a_second_source_widens_the_interval():
    low, high = interval_of_mean(0.0, [[-1.0, 0.0, 1.0], [-3.0, 3.0]], 0.95)
    assert (low, high) == pytest.approx((-high, high))
    assert high > interval_of_mean(0.0, [[-3.0, 0.0, 3.0, 0.0]], 0.95)[1]
    # Welch and Satterthwaite: variances of the mean 1/3 and 9, with 2 and 1 degrees of freedom.
    from scipy.stats import t

    freedom = (1 / 3 + 9) ** 2 / ((1 / 3) ** 2 / 2 + 81)
    factor = t.ppf(0.975, freedom)
    assert high == pytest.approx(factor * (1 / 3 + 9) ** 0.5)


def test_sources_of_fewer_than_two_values_say_nothing():
    assert interval_of_mean(2.0, [], 0.95) == (None, None)
    assert interval_of_mean(2.0, [[2.0]], 0.95) == (None, None)
    assert interval_of_mean(2.0, [[2.0], [2.0, 2.0]], 0.95) == (2.0, 2.0)


def test_the_band_of_equal_noise_holds_its_share_of_components_that_do_nothing():
    generator = np.random.default_rng(1)
    inside = 0
    for _ in range(400):
        differences = generator.normal(size=(10, 3))
        spreads = [(float(np.std(row, ddof=1)), 3) for row in differences]
        band = noise_band(spreads, 0.95)
        inside += int(np.sum(np.abs(differences.mean(axis=1)) < band))
    assert 0.94 < inside / 4000 < 0.975


def test_there_is_no_band_without_spreads():
    assert noise_band([], 0.95) is None
