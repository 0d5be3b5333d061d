"""Compare an ablation's components with the base: the change of the metric, and its certainty."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypedDict

from maggy.ablation.component import Component
from maggy.ablation.labels import CHOICE_PARAMETER, NOTHING
from maggy.ablation.statistics import (
    PairedDifference,
    Verdict,
    detectable_difference,
    holm,
    judge,
    mean,
    paired_difference,
    standard_deviation,
)
from maggy.common.direction import Direction
from maggy.result.rows import TrialRow, repeat_of

__all__ = [
    "BaseMetric",
    "Comparison",
    "ComponentDifference",
    "compare_with_base",
    "single_run_differences",
]


class _OfRepeats(TypedDict, total=False):
    """The further fields of an entry in a study with two or more repeats."""

    n: int
    failed: int
    metric_mean: float | None
    metric_std: float | None
    difference_std: float | None
    ci_low: float | None
    ci_high: float | None
    p_value: float | None
    p_adjusted: float | None
    verdict: Verdict | None


class _OfChoices(TypedDict, total=False):
    """The further field of every entry in a study with choices."""

    ablated_choice: str


class _OfStops(TypedDict, total=False):
    """The further field of every entry in a study with trials that a stop rule has stopped."""

    stopped_early: int


class ComponentDifference(_OfChoices, _OfStops, _OfRepeats):
    """A component by its labels, its metric, and the metric minus that of the base.

    Only a study with choices has ``ablated_choice``, in all entries, and only one with trials that
    were stopped early has ``stopped_early``, the number of the component's trials among them.
    ``metric`` is None if the trial failed. ``difference`` is None if this trial or the base failed.
    With repeats both are means, and all fields of :class:`_OfRepeats` are there:

    * ``n`` counts the pairs of a trial and the base's trial of the same repeat; ``failed`` counts
      the pairs that are left out since one of the two trials failed;
    * ``metric_std`` and ``difference_std``: standard deviations (n - 1);
    * ``ci_low`` and ``ci_high``: the component's own interval of the difference, not adjusted;
    * ``p_value``, ``p_adjusted`` (Holm, over all components of the study) and ``verdict``.
    """

    ablated_feature: str
    ablated_layer: str
    metric: float | None
    difference: float | None


class BaseMetric(_OfStops):
    """The base of a study with two or more repeats.

    ``detectable_difference`` is the smallest true difference that such a study finds with a
    probability of 0.8. ``stopped_early`` is there as in :class:`ComponentDifference`.
    """

    metric_mean: float | None
    metric_std: float | None
    n: int
    detectable_difference: float | None


@dataclass(frozen=True)
class Comparison:
    """The components of a study beside its base.

    Attributes:
        differences: One for each component, in the order in which the components started.
        base: The base, if the study has two or more repeats; else None.
    """

    differences: list[ComponentDifference]
    base: BaseMetric | None


@dataclass
class _Runs:
    """The trials of one component: the metric of each repeat, None if the trial failed."""

    labels: dict[str, str]
    metrics: dict[int, float | None] = field(default_factory=dict)
    stopped_early: int = 0

    @property
    def successes(self) -> list[float]:
        return [metric for metric in self.metrics.values() if metric is not None]


def compare_with_base(
    rows: Sequence[TrialRow], *, direction: Direction, confidence: float
) -> Comparison:
    """Return the difference of each component from the base.

    A trial is compared with the base's trial of the same repeat, which had the same seed.

    Args:
        rows: The trials of an ablation.
        direction: The direction in which the metric improves.
        confidence: The confidence of intervals and verdicts.
    """
    base, components = _runs_by_component(rows)
    repeats = {repeat for runs in (base, *components) for repeat in runs.metrics}
    has_stops = any(runs.stopped_early for runs in (base, *components))
    if len(repeats) < 2:
        singles = [_single_difference(runs, base) for runs in components]
        return Comparison(_with_stops(singles, components) if has_stops else singles, None)
    effects = [_paired(runs, base, confidence) for runs in components]
    adjusted = holm([effect.p_value for effect in effects])
    differences = [
        _repeated_difference(runs, base, effect, p_adjusted, confidence, direction)
        for runs, effect, p_adjusted in zip(components, effects, adjusted, strict=True)
    ]
    stds = [effect.std for effect in effects if effect.std is not None]
    spread = _spread(base)
    base_metric: BaseMetric = {
        "metric_mean": spread["metric_mean"],
        "metric_std": spread["metric_std"],
        "n": len(base.successes),
        "detectable_difference": detectable_difference(
            stds, len(base.successes), len(stds), confidence
        ),
    }
    if has_stops:
        base_metric["stopped_early"] = base.stopped_early
        differences = _with_stops(differences, components)
    return Comparison(differences, base_metric)


def _runs_by_component(rows: Iterable[TrialRow]) -> tuple[_Runs, list[_Runs]]:
    """Return the trials of the base, and of all components in the order in which they started."""
    base = _Runs(Component.base().params())
    others: dict[Component, _Runs] = {}
    # A trial without a start has never run, and comes last.
    for row in sorted(rows, key=lambda row: math.inf if row["start"] is None else row["start"]):
        component = Component.from_params(row["params"])
        runs = (
            base if component.is_base else others.setdefault(component, _Runs(component.params()))
        )
        runs.metrics.setdefault(repeat_of(row), row["metric"])
        runs.stopped_early += row["metric"] is not None and row["early_stop"]
    components = list(others.values())
    if any(CHOICE_PARAMETER in runs.labels for runs in components):
        for runs in components:
            runs.labels.setdefault(CHOICE_PARAMETER, NOTHING)
    return base, components


def _with_choice(entry: ComponentDifference, runs: _Runs) -> ComponentDifference:
    if CHOICE_PARAMETER in runs.labels:
        entry["ablated_choice"] = runs.labels[CHOICE_PARAMETER]
    return entry


def _with_stops(
    entries: list[ComponentDifference], components: Iterable[_Runs]
) -> list[ComponentDifference]:
    for entry, runs in zip(entries, components, strict=True):
        entry["stopped_early"] = runs.stopped_early
    return entries


def _single_difference(runs: _Runs, base: _Runs) -> ComponentDifference:
    (metric,) = runs.metrics.values()
    (base_metric,) = base.metrics.values() or (None,)
    entry: ComponentDifference = {
        "ablated_feature": runs.labels["ablated_feature"],
        "ablated_layer": runs.labels["ablated_layer"],
        "metric": metric,
        "difference": _difference(metric, base_metric),
    }
    return _with_choice(entry, runs)


def _repeated_difference(
    runs: _Runs,
    base: _Runs,
    effect: PairedDifference,
    p_adjusted: float | None,
    confidence: float,
    direction: Direction,
) -> ComponentDifference:
    spread = _spread(runs)
    entry: ComponentDifference = {
        "ablated_feature": runs.labels["ablated_feature"],
        "ablated_layer": runs.labels["ablated_layer"],
        "metric": spread["metric_mean"],
        "difference": effect.mean,
        "metric_mean": spread["metric_mean"],
        "metric_std": spread["metric_std"],
        "n": effect.n,
        # A repeat of which the base has not ended is neither a pair nor a failure.
        "failed": sum(repeat in base.metrics for repeat in runs.metrics) - effect.n,
        "difference_std": _finite(effect.std),
        "ci_low": _finite(effect.ci_low),
        "ci_high": _finite(effect.ci_high),
        "p_value": effect.p_value,
        "p_adjusted": p_adjusted,
        "verdict": judge(effect.mean, p_adjusted, confidence, direction),
    }
    return _with_choice(entry, runs)


def _paired(runs: _Runs, base: _Runs, confidence: float) -> PairedDifference:
    pairs = (
        _difference(metric, base.metrics.get(repeat)) for repeat, metric in runs.metrics.items()
    )
    return paired_difference([pair for pair in pairs if pair is not None], confidence)


def _difference(metric: float | None, base_metric: float | None) -> float | None:
    if metric is None or base_metric is None:
        return None
    # The difference of two finite metrics may be infinite.
    return _finite(metric - base_metric)


def _finite(number: float | None) -> float | None:
    return number if number is not None and math.isfinite(number) else None


class _Spread(TypedDict):
    metric_mean: float | None
    metric_std: float | None


def _spread(runs: _Runs) -> _Spread:
    metrics = runs.successes
    return {
        "metric_mean": mean(metrics) if metrics else None,
        "metric_std": _finite(standard_deviation(metrics)) if len(metrics) > 1 else None,
    }


def single_run_differences(values: Mapping[str, Any]) -> Sequence[ComponentDifference]:
    """Return the differences that stand beside single runs in a table.

    There are none in a study with repeats: its differences are means, one for each component.

    Args:
        values: The result of an experiment.
    """
    differences: Sequence[ComponentDifference] = values.get("differences", ())
    return () if "base" in values else differences
