"""Write the lines that show what an ablator adds to the result: interactions, values, rounds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from maggy.result.numbers import format_difference, format_number

__all__ = ["ablator_lines"]


def ablator_lines(result: Mapping[str, Any]) -> list[str]:
    """Return the lines of the printed summary; none for an ablator that adds nothing.

    Args:
        result: The result of an ablation.
    """
    contributions = [
        entry
        for entry in result["differences"]
        # A recorded result may lack the component that was put back.
        if "contribution" in entry and isinstance(entry.get("put_back"), str)
    ]
    return [
        *_table(
            "Contribution of each component, put back alone",
            [
                (entry["put_back"], entry["contribution"], *_ends(entry, "contribution_"))
                for entry in contributions
            ],
        ),
        *_table(
            "Interaction of each pair",
            [
                (", ".join(entry["components"]), entry["interaction"], *_ends(entry))
                for entry in result.get("interactions", ())
            ],
        ),
        *_table(
            "Shapley value of each component",
            [
                (entry["component"], entry["value"], *_ends(entry))
                for entry in result.get("shapley", ())
            ],
        ),
        *_table(
            "Left out for good, with the difference from the base",
            [
                (entry["component"], entry["difference"], None, None)
                for entry in result.get("rounds", ())
            ],
        ),
    ]


def _ends(entry: Mapping[str, float | None], prefix: str = "") -> list[float | None]:
    return [entry.get(f"{prefix}{end}") for end in ("ci_low", "ci_high")]


def _table(title: str, rows: Sequence[tuple[str, Any, Any, Any]]) -> list[str]:
    if not rows:
        return []
    width = max(len(name) for name, *_ in rows)
    lines = ["", title]
    for name, number, low, high in rows:
        text = "failed" if number is None else format_difference(number)
        has_interval = low is not None and high is not None
        interval = f"  ({format_number(low)} to {format_number(high)})" if has_interval else ""
        lines.append(f"  {name:<{width}}  {text}{interval}")
    return lines
