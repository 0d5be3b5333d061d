"""Measure whether the intervals and verdicts of ablation studies are right as often as they say.

    python tests/benchmarks/ablation_coverage.py

The studies are simulated, so the true differences are known. In each repeat the base and all
components share the effect of the seed, and each has noise of its own. Every study is judged
twice: once with components that do nothing, and once where every second one has an effect. The
effect is the detectable difference of its noise, which a study should find with a probability of
0.8 or more.

The script computes all studies of a cell at once. A sample of them also goes through
``maggy.ablation.statistics``, and both must agree. The paired t test, on which Maggy's verdicts
rest, is compared with two others (see ``t_tests.py``).
"""

from __future__ import annotations

import argparse
import time
from dataclasses import asdict, dataclass

import numpy as np
from report import json_line, table
from t_tests import CONFIDENCE, has_verdict, moderated_t, paired_tests, pooled_t

from maggy.ablation.statistics import detectable_difference, holm, judge, paired_difference
from maggy.common.direction import Direction

REPEATS, COMPONENTS = (3, 5, 10, 20), (5, 10, 20, 30)
SYMMETRIC, SKEWED, GRID = ("normal", "t3"), "lognormal", "grid"
# Metrics of the noise "grid" are multiples of this, as the accuracy on few rows is.
GRID_STEP = 0.5
# The noise of the components, in units of the noise of the base.
SPREADS = {"equal": (1.0, 1.0), "unequal": (0.25, 4.0)}
SEED_EFFECT = 2.0
TABLE_COMPONENTS = 20
LEAST_COVERAGE, MOST_COVERAGE, MOST_FALSE = 0.93, 0.98, 0.055
TOLERANCE = 1e-12


@dataclass(frozen=True)
class Cell:
    """Studies of one kind.

    Attributes:
        noise: The distribution of the noise of a run: ``"normal"``, ``"t3"`` (t with 3 degrees of
            freedom) or ``"lognormal"``, each scaled to the mean 0 and the standard deviation 1;
            or ``"grid"``, normal noise and metrics that are multiples of ``GRID_STEP``.
        spread: ``"equal"`` if all runs have the same standard deviation; ``"unequal"`` if those of
            the components grow in equal ratios from a quarter of that of the base to four times.
        repeats: The number of repeats.
        components: The number of components without the base.
    """

    noise: str
    spread: str
    repeats: int
    components: int

    @property
    def stds(self):
        return np.geomspace(*SPREADS[self.spread], self.components)

    @property
    def effects(self):
        """Return the true differences of a study in which every second component does nothing."""
        effect = detectable_difference([1.0], self.repeats, self.components, CONFIDENCE)
        return np.where(self.is_idle, 0.0, effect * np.hypot(1.0, self.stds))

    @property
    def is_idle(self):
        """Return which components do nothing in a study where the others have an effect."""
        return np.arange(self.components) % 2 == 0


@dataclass
class Figures:
    """The shares of a cell.

    Attributes:
        coverage: The share of intervals that contain the true difference.
        least_coverage: The same for the component for which it is smallest.
        false_idle: The share of studies with a verdict, among those whose components do nothing.
        false_half: The share of studies with a verdict on a component that does nothing, where
            every second component has an effect.
        pooled: Like ``false_idle``, with pooled variances.
        moderated: Like ``false_idle``, with moderated variances.
        power: The share of components with an effect that get a verdict.
        power_pooled: The same with pooled variances.
        power_moderated: The same with moderated variances.
    """

    coverage: float
    least_coverage: float
    false_idle: float
    false_half: float
    pooled: float
    moderated: float
    power: float
    power_pooled: float
    power_moderated: float


def draw(noise, shape, rng):
    """Return noise of the mean 0 and the standard deviation 1."""
    match noise:
        case "normal" | "grid":
            return rng.standard_normal(shape)
        case "t3":
            return rng.standard_t(3, shape) / np.sqrt(3)
        case "lognormal":
            factors = rng.lognormal(size=shape)
            return (factors - np.exp(0.5)) / np.sqrt(np.exp(2) - np.exp(1))
    raise ValueError(f"The noise must be normal, t3, lognormal or grid, but got {noise!r}.")


def simulate(cell, studies, rng):
    """Return metrics of the shape (repeats, studies, 1 + components), the base first.

    The components do nothing.
    """
    seeds = SEED_EFFECT * rng.standard_normal((cell.repeats, studies, 1))
    noise = draw(cell.noise, (cell.repeats, studies, 1 + cell.components), rng)
    metrics = seeds + noise * np.concatenate([[1.0], cell.stds])
    return np.round(metrics / GRID_STEP) * GRID_STEP if cell.noise == GRID else metrics


def check(differences, tests):
    """Assert that ``maggy.ablation.statistics`` says the same about these studies."""
    for study in range(differences.shape[1]):
        effects = [
            paired_difference(column.tolist(), CONFIDENCE) for column in differences[:, study].T
        ]
        p_adjusted = holm([effect.p_value for effect in effects])
        verdicts = [
            judge(effect.mean, p_value, CONFIDENCE, Direction.MAX) != "inconclusive"
            for effect, p_value in zip(effects, p_adjusted, strict=True)
        ]
        for ours, theirs in [
            (tests.low, [effect.ci_low for effect in effects]),
            (tests.high, [effect.ci_high for effect in effects]),
            (tests.p_values, [effect.p_value for effect in effects]),
            (tests.p_adjusted, p_adjusted),
        ]:
            np.testing.assert_allclose(ours[study], theirs, rtol=TOLERANCE, atol=TOLERANCE)
        np.testing.assert_array_equal(has_verdict(tests.p_adjusted[study]), verdicts)


def measure(cell, studies, rng, sample=5):
    """Return the figures of a cell.

    Args:
        cell: The kind of study.
        studies: How many to simulate.
        rng: The source of the noise.
        sample: How many studies to compare with ``maggy.ablation.statistics``.
    """
    metrics, effects = simulate(cell, studies, rng), cell.effects
    differences = metrics[:, :, 1:] - metrics[:, :, :1]
    idle, half = paired_tests(differences), paired_tests(differences + effects)
    check(differences[:, :sample], idle)
    check(differences[:, :sample] + effects, half)
    pooled, moderated = pooled_t(metrics), moderated_t(differences)
    is_covered = (half.low <= effects) & (effects <= half.high)

    def false_share(p_adjusted):
        return float(has_verdict(p_adjusted).any(axis=-1).mean())

    def power(p_adjusted):
        return float(has_verdict(p_adjusted)[:, ~cell.is_idle].mean())

    means = differences.mean(axis=0)
    return Figures(
        coverage=float(is_covered.mean()),
        least_coverage=float(is_covered.mean(axis=0).min()),
        false_idle=false_share(idle.p_adjusted),
        false_half=false_share(half.p_adjusted[:, cell.is_idle]),
        pooled=false_share(pooled.p_adjusted(means)),
        moderated=false_share(moderated.p_adjusted(means)),
        power=power(half.p_adjusted),
        power_pooled=power(pooled.p_adjusted(means + effects)),
        power_moderated=power(moderated.p_adjusted(means + effects)),
    )


def repeats_of(noise):
    """Return the numbers of repeats to simulate. On a grid, two repeats are a case of their own."""
    return (2, *REPEATS) if noise == GRID else REPEATS


def percent(share):
    return f"{100 * share:.1f}"


def report(figures):
    """Print the tables.

    Args:
        figures: The figures of each cell.
    """
    for noises, kind in [
        (SYMMETRIC, "symmetric noise"),
        ([SKEWED], "skewed noise"),
        ([GRID], f"normal noise, metrics are multiples of {GRID_STEP} of its standard deviation"),
    ]:
        kinds = [
            (noise, spread, repeats)
            for noise in noises
            for spread in SPREADS
            for repeats in repeats_of(noise)
        ]
        table(
            ["", *(f"{components} components" for components in COMPONENTS), "least"],
            [
                [
                    f"{noise}, {spread}, {repeats} repeats",
                    *(percent(row.coverage) for row in rows),
                    percent(min(row.least_coverage for row in rows)),
                ]
                for noise, spread, repeats in kinds
                for rows in [[figures[Cell(noise, spread, repeats, n)] for n in COMPONENTS]]
            ],
            title=f"Intervals that contain the true difference (%), {kind}; 'least': the component "
            "with the fewest",
        )
        print_fields(
            figures,
            kinds,
            {
                "paired t": "false_idle",
                "paired t, half idle": "false_half",
                "pooled": "pooled",
                "moderated": "moderated",
            },
            f"Studies with a false verdict (%), {TABLE_COMPONENTS} components, {kind}",
        )
        print_fields(
            figures,
            kinds,
            {"paired t": "power", "pooled": "power_pooled", "moderated": "power_moderated"},
            "Components with a verdict (%), among those whose effect is the detectable "
            f"difference, {TABLE_COMPONENTS} components, {kind}",
        )


def detectable():
    """Print the detectable differences and return them by repeats and components."""
    differences = {
        repeats: {
            components: detectable_difference([1.0], repeats, components, CONFIDENCE)
            for components in COMPONENTS
        }
        for repeats in REPEATS
    }
    table(
        ["", *(f"{components} components" for components in COMPONENTS)],
        [
            [f"{repeats} repeats", *(f"{difference:.2f}" for difference in row.values())]
            for repeats, row in differences.items()
        ],
        title="Detectable difference, in standard deviations of the paired differences",
    )
    return differences


def print_fields(figures, kinds, fields, title):
    """Print some figures of the studies with 20 components.

    Args:
        figures: The figures of each cell.
        kinds: Noise, spread and number of repeats of each row.
        fields: The name of a figure for each column.
        title: The title of the table.
    """
    rows = []
    for noise, spread, repeats in kinds:
        row = figures[Cell(noise, spread, repeats, TABLE_COMPONENTS)]
        shares = [percent(getattr(row, name)) for name in fields.values()]
        rows.append([f"{noise}, {spread}, {repeats} repeats", *shares])
    table(["", *fields], rows, title=title)


def summary(figures):
    """Return the extremes over all cells with symmetric noise, and whether they are in bounds."""
    symmetric = {cell: row for cell, row in figures.items() if cell.noise in SYMMETRIC}
    coverages = [row.coverage for row in symmetric.values()]
    most_false = max(
        max(row.false_idle, row.false_half)
        for cell, row in symmetric.items()
        if cell.components == TABLE_COMPONENTS
    )
    return {
        "coverage_least": min(coverages),
        "coverage_most": max(coverages),
        "false_most": most_false,
        "false_most_any_components": max(
            max(row.false_idle, row.false_half) for row in symmetric.values()
        ),
        "in_bounds": min(coverages) >= LEAST_COVERAGE
        and max(coverages) <= MOST_COVERAGE
        and most_false <= MOST_FALSE,
    }


def parsed_options():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--studies", type=int, default=10_000, help="studies in each cell")
    parser.add_argument("--seed", type=int, default=1)
    return parser.parse_args()


def main():
    options = parsed_options()
    began = time.perf_counter()
    rng = np.random.default_rng(options.seed)
    cells = [
        Cell(noise, spread, repeats, components)
        for noise in (*SYMMETRIC, SKEWED, GRID)
        for spread in SPREADS
        for repeats in repeats_of(noise)
        for components in COMPONENTS
    ]
    figures = {cell: measure(cell, options.studies, rng) for cell in cells}
    report(figures)
    extremes = {**summary(figures), "detectable": detectable()}
    print(
        f"\nSymmetric noise: intervals contain the true difference in "
        f"{percent(extremes['coverage_least'])} to {percent(extremes['coverage_most'])} % of cases "
        f"(bounds {percent(LEAST_COVERAGE)} to {percent(MOST_COVERAGE)}), "
        f"at most {percent(extremes['false_most'])} % of studies with {TABLE_COMPONENTS} "
        f"components have a false verdict (bound {percent(MOST_FALSE)}). "
        f"{'Both are' if extremes['in_bounds'] else 'That is NOT'} within the bounds."
    )
    rows = [{**asdict(cell), **asdict(row)} for cell, row in figures.items()]
    seconds = round(time.perf_counter() - began, 1)
    json_line("ablation_coverage", {**vars(options), "seconds": seconds, **extremes, "cells": rows})


if __name__ == "__main__":
    main()
