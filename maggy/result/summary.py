"""The text that is printed at the end of an experiment."""

from __future__ import annotations

import json
from collections.abc import Sequence

from maggy.ablation.component import Component
from maggy.ablation.statistics import POWER
from maggy.result.ablator_lines import ablator_lines
from maggy.result.component_table import component_table, verdict_note
from maggy.result.differences import ComponentDifference
from maggy.result.numbers import format_difference, format_number
from maggy.result.result import ExperimentResult

__all__ = ["summary_text"]


def summary_text(
    result: ExperimentResult, *, name: str, kind: str, direction: str, seconds: float
) -> str:
    """Return the text that is printed at the end of an experiment.

    Args:
        result: The result of :func:`build_result`.
        name: The name of the optimizer or ablator.
        kind: ``"optimization"`` or ``"ablation"``.
        direction: ``"max"`` or ``"min"``.
        seconds: How long the experiment took.
    """
    failures = [f"FAILED Trials -- {result['failed']}"] if result["failed"] else []
    if kind == "ablation":
        lines = [
            f"------ {name} Results ------",
            *_best_and_worst(result, "Config Excludes"),
            f"Total Job Time {_duration(seconds)}",
            *failures,
            *_difference_lines(result),
            *ablator_lines(result),
        ]
    else:
        lines = [
            f"------ {name} Results ------ direction({direction})",
            *_best_and_worst(result, "combination"),
            f"EARLY STOPPED Trials -- {result['early_stopped']}",
            f"Total job time {_duration(seconds)}",
            *failures,
        ]
    return "\n".join(lines)


def _duration(seconds: float) -> str:
    # The clock of the machine may have been set back while the experiment ran.
    minutes, second = divmod(max(0, int(seconds)), 60)
    hour, minute = divmod(minutes, 60)
    return f"{hour} hours, {minute} minutes, {second} seconds"


def _best_and_worst(result: ExperimentResult, words: str) -> list[str]:
    if result["best_id"] is None:
        return ["No trial ended with a metric"]
    return [
        *(
            f"{prefix.upper()} {words} {json.dumps(result[f'{prefix}_config'])} "
            f"-- metric {result[f'{prefix}_val']}"
            for prefix in ("best", "worst")
        ),
        f"AVERAGE metric -- {result['avg']}",
    ]


def _difference_lines(result: ExperimentResult) -> list[str]:
    differences: list[ComponentDifference] = result["differences"]
    if not differences:
        return []
    if "base" in result:
        return _repeated_difference_lines(result)
    names = [Component.from_params(entry).describe() for entry in differences]
    width = max(map(len, names))
    rows = [row for row in result.trials if Component.from_params(row["params"]).is_base]
    base = rows[-1]["metric"] if rows else None
    is_base_stopped = any(row["early_stop"] for row in rows[-1:])
    base_text = "" if base is None else f" ({format_number(base)}{_mark(is_base_stopped)})"
    return [
        "",
        f"Difference from the base{base_text}, without",
        *(
            f"  {name:<{width}}  {_difference_text(entry)}{_mark(entry.get('stopped_early'))}"
            for name, entry in zip(names, differences, strict=True)
        ),
        "Each is a single run, which cannot tell a component from chance: train each several "
        "times with AblationConfig(..., repeats=5).",
        *_stop_lines(result),
    ]


def _mark(is_stopped: object) -> str:
    return ", stopped early" if is_stopped else ""


def _stop_lines(result: ExperimentResult) -> list[str]:
    if not any("stopped_early" in entry for entry in result["differences"]):
        return []
    return [
        "A trial that was stopped early was trained for a shorter time, so its difference does not "
        "only show what was left out."
    ]


def _repeated_difference_lines(result: ExperimentResult) -> list[str]:
    table = component_table(
        result["differences"],
        result["base"],
        result.trials,
        metric=result.optimization_key,
        confidence=result.confidence,
    )
    detectable = result["base"]["detectable_difference"]
    note = verdict_note(result["differences"])
    return [
        "Best and worst are single runs.",
        "",
        "Mean difference from the base of the same repeat",
        table.to_text(indent="  "),
        *([note] if note else []),
        *(
            []
            if not detectable
            else [
                f"This study finds a true difference of {format_number(detectable)} with a "
                f"probability of {POWER:g}."
            ]
        ),
        *_unused_lines(result["differences"]),
        *_stop_lines(result),
    ]


def _unused_lines(differences: Sequence[ComponentDifference]) -> list[str]:
    """Return a line on components that changed nothing, which may have been forgotten."""
    names = [
        Component.from_params(entry).describe()
        for entry in differences
        if entry["n"] > 1 and entry["difference"] == entry["difference_std"] == 0
    ]
    if not names:
        return []
    return [
        f"The metric is exactly that of the base in all repeats: {', '.join(names)}. Check that "
        "the training function uses what changes."
    ]


def _difference_text(entry: ComponentDifference) -> str:
    if entry["metric"] is None:
        return "failed"
    return format_difference(entry["difference"]) or "the base failed"
