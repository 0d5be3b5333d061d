"""How an ablation's metric changes when a component is left out."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TypedDict

from maggy.ablation.component import Component
from maggy.common.json_values import to_plain
from maggy.result.rows import TrialRow

__all__ = ["ComponentDifference", "differences_from_base"]


class ComponentDifference(TypedDict):
    """A component by its labels, its metric, and the metric minus that of the base.

    ``metric`` is None if the trial failed. ``difference`` is None if this trial or the base failed.
    """

    ablated_feature: str
    ablated_layer: str
    metric: float | None
    difference: float | None


def differences_from_base(rows: Sequence[TrialRow]) -> list[ComponentDifference]:
    """Return the difference of each component, in the order in which the trials started.

    Args:
        rows: The trials of an ablation. If there is more than one base, the first one counts.
    """
    pairs = [(Component.from_params(row["params"]), row) for row in rows]
    base = next((row["metric"] for component, row in pairs if component.is_base), None)
    # A trial without a start has never run, and comes last.
    pairs.sort(key=lambda pair: math.inf if pair[1]["start"] is None else pair[1]["start"])
    return [
        _difference(component, row["metric"], base)
        for component, row in pairs
        if not component.is_base
    ]


def _difference(
    component: Component, metric: float | None, base: float | None
) -> ComponentDifference:
    labels = component.params()
    # The difference of two finite metrics may be infinite. to_plain() turns that into None.
    difference = None if metric is None or base is None else to_plain(metric - base)
    return {
        "ablated_feature": labels["ablated_feature"],
        "ablated_layer": labels["ablated_layer"],
        "metric": metric,
        "difference": difference,
    }
