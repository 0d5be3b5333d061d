"""Short texts and small curves for the cells of a view. All texts are safe for a terminal.

They are not escaped for HTML.
"""

from __future__ import annotations

import itertools
import math
import re
from collections.abc import Sequence
from typing import Final

from maggy.ablation.component import Component
from maggy.common.terminal_text import terminal_line
from maggy.common.text_table import display_width
from maggy.common.types import ParameterValue
from maggy.live.snapshot import Snapshot
from maggy.result.rows import TrialRow

__all__ = [
    "count_text",
    "curve_points",
    "failure_text",
    "fit",
    "last_value",
    "parameters_text",
    "seconds_text",
    "sparkline",
    "step_text",
    "trial_name",
    "value_text",
]

MAX_VALUE_CHARACTERS: Final = 30
MAX_REASON_CHARACTERS: Final = 300
_BLOCKS: Final = "▁▂▃▄▅▆▇█"
# The line of a traceback that names the error is the first one after the last frame that is not
# indented. Frames of a group of errors begin with a bar.
_FRAME = re.compile(r'\s*(?:\| +)?File ".*", line \d+')


def trial_name(row: TrialRow) -> str:
    """Return how a view calls a trial: by its number, or else by its id."""
    return str(row["trial_id"] if row["number"] is None else row["number"])


def value_text(value: ParameterValue) -> str:
    """Return a metric or the value of a parameter in short, the empty string for None.

    Example:
        >>> value_text(0.012345678), value_text(64), value_text(None)
        ('0.01235', '64', '')
    """
    if value is None:
        return ""
    text = f"{value:.4g}" if isinstance(value, float) else terminal_line(str(value))
    return fit(text, MAX_VALUE_CHARACTERS)


def step_text(step: float | None) -> str:
    """Return a step, the empty string for None."""
    if step is None:
        return ""
    return f"{step:,}" if isinstance(step, int) else f"{step:.6g}"


def last_value(row: TrialRow) -> float | None:
    """Return the last value that a trial has reported and that is a number; None without one."""
    return next((value for value in reversed(row["history"]) if value is not None), None)


def parameters_text(row: TrialRow, kind: str, width: int = 120) -> str:
    """Return the parameters of a trial in short, or what an ablation's trial leaves out.

    Args:
        row: The row of the trial.
        kind: The kind of its experiment, as ``"ablation"``.
        width: Maximum number of columns.
    """
    if kind == "ablation":
        component = Component.from_params(row["params"])
        text = "base" if component.is_base else f"without {terminal_line(component.describe())}"
        repeat = f", repeat {row['repeat']}" if "repeat" in row else ""
        return fit(text, max(1, width - len(repeat))) + repeat
    # Names are cut, too, so that many long ones do not take time for nothing.
    texts = (
        f"{terminal_line(name[:width])}={value_text(value)}"
        for name, value in itertools.islice(row["params"].items(), max(1, width // 2))
    )
    return fit(", ".join(texts), width)


def failure_text(row: TrialRow) -> str:
    r"""Return why a trial failed, in one line: the error that its traceback names.

    Example:
        >>> from maggy.trial import Trial
        >>> from maggy.result.rows import make_row
        >>> trial = Trial({"x": 1})
        >>> trial.error = 'Traceback:\n  File "train.py", line 3, in train\nValueError: no\ndata'
        >>> failure_text(make_row(trial, "metric"))
        'ValueError: no'
    """
    lines = [line for line in (row["error"] or "").splitlines() if line.strip()]
    if not lines:
        return "no reason given"
    frames = [index for index, line in enumerate(lines) if _FRAME.match(line)]
    after = lines[frames[-1] + 1 :] if frames else lines[:1]
    reason = next((line for line in after if not line[0].isspace()), lines[-1])
    return fit(terminal_line(reason), MAX_REASON_CHARACTERS)


def seconds_text(seconds: float | None) -> str:
    """Return a duration, the empty string for None.

    Example:
        >>> seconds_text(7.6), seconds_text(187), seconds_text(3725), seconds_text(90000)
        ('0:07', '3:07', '1:02:05', '1d 1:00:00')
    """
    if seconds is None or not math.isfinite(seconds):
        return ""
    minutes, second = divmod(int(max(0.0, seconds)), 60)
    hours, minute = divmod(minutes, 60)
    if not hours:
        return f"{minute}:{second:02}"
    days, hour = divmod(hours, 24)
    return f"{f'{days:,}d ' if days else ''}{hour}:{minute:02}:{second:02}"


def count_text(snapshot: Snapshot) -> str:
    """Return how many trials have ended, and how.

    Example:
        >>> from maggy.live.experiment import LiveExperiment
        >>> count_text(LiveExperiment("digits", total=20).snapshot())
        '0 of 20 trials'
    """
    total = "" if snapshot.total is None else f" of {snapshot.total:,}"
    number = snapshot.num_ended if snapshot.total is None else snapshot.total
    parts = [f"{snapshot.num_ended:,}{total} trial{'' if number == 1 else 's'}"]
    if snapshot.num_stopped:
        parts.append(f"{snapshot.num_stopped:,} stopped early")
    if snapshot.num_failed:
        parts.append(f"{snapshot.num_failed:,} failed")
    return ", ".join(parts)


def curve_points(row: TrialRow, count: int) -> list[tuple[float, float]]:
    """Return the reported values of a trial as points of a small curve, by step.

    Args:
        row: The row of the trial.
        count: Maximum number of points. Each is the last value of an equal part of the steps.

    Returns:
        Pairs (x, y) from 0 to 1, with ascending x. The lowest value has y 0 and the highest 1; if
        all are equal, each has 0.5.
    """
    points = [
        (step, value)
        for step, value in zip(row["steps"], row["history"], strict=False)
        if value is not None and math.isfinite(value) and math.isfinite(step)
    ]
    if not points or count < 1:
        return []
    xs = _scaled([step for step, _ in points])
    last_of_part: dict[int, tuple[float, float]] = {}
    for x, (_, value) in zip(xs, points, strict=True):
        last_of_part[min(count - 1, int(x * count))] = (x, value)
    ys = _scaled([value for _, value in last_of_part.values()], equal=0.5)
    return [(x, y) for (x, _), y in zip(last_of_part.values(), ys, strict=True)]


def sparkline(row: TrialRow, width: int) -> str:
    """Return the reported values of a trial as block characters, the empty string without any.

    Example:
        >>> from maggy.trial import Trial
        >>> from maggy.result.rows import make_row
        >>> trial = Trial({"x": 1})
        >>> for step, value in enumerate([0.1, 0.5, 0.4, 0.9]):
        ...     _ = trial.append_metric({"step": step, "value": value})
        >>> sparkline(make_row(trial, "metric"), 8)
        '▁▅▄█'

    Args:
        row: The row of the trial.
        width: Maximum number of characters.
    """
    points = curve_points(row, width)
    return "".join(_BLOCKS[round(y * (len(_BLOCKS) - 1))] for _, y in points)


def fit(text: str, width: int) -> str:
    """Return a text that takes at most this number of columns, with an ellipsis where it is cut.

    Args:
        text: A text of one line.
        width: Number of columns; 1 or more.
    """
    if len(text) * 2 <= width or display_width(text) <= width:
        return text
    columns, end = 1, 0
    for character in text:
        columns += display_width(character)
        if columns > width:
            break
        end += 1
    return f"{text[:end]}…"


def _scaled(numbers: Sequence[float], equal: float = 0.0) -> list[float]:
    """Return numbers on the scale from the lowest (0) to the highest (1)."""
    lowest, highest = min(numbers), max(numbers)
    # Halves, since the difference of two large floats may be infinite.
    size = highest / 2 - lowest / 2
    if not size:
        return [equal] * len(numbers)
    return [min(1.0, max(0.0, (number / 2 - lowest / 2) / size)) for number in numbers]
