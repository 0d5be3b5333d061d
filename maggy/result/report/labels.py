"""Names, values and numbers as the report writes them."""

from __future__ import annotations

import html
import json
import math
from datetime import datetime, timezone

from maggy.common.text_table import printable
from maggy.common.types import Json
from maggy.result.numbers import format_number
from maggy.result.rows import TrialRow

__all__ = [
    "line",
    "plot_label",
    "plot_number",
    "time_text",
    "trial_name",
    "value_text",
]

_MAX_LABEL = 40
_MAX_VALUE = 2_000
_LARGEST = 1e300  # the script has no larger numbers to spare for margins


def line(text: str, limit: int = _MAX_VALUE) -> str:
    """Return a text in one line without control characters; a longer one loses its end."""
    text = " ".join(printable(text[: 4 * limit]).split())
    return text if len(text) <= limit else f"{text[: limit - 1]}…"


def plot_label(text: str, limit: int = _MAX_LABEL) -> str:
    """Return a text as plotly writes it. A longer one loses its middle.

    plotly would read ``<b>`` as a format.
    """
    text = line(text)
    half = limit // 2
    if len(text) > limit:
        text = f"{text[:half]}…{text[half + 1 - limit :]}"
    return html.escape(text, quote=False)


def plot_number(value: float) -> float:
    """Return a number with six significant digits, which the script can calculate with."""
    if isinstance(value, int) and abs(value) < 2**53:
        return value
    return float(f"{max(-_LARGEST, min(_LARGEST, value)):.6g}")


def value_text(value: Json) -> str:
    """Return a parameter or a returned value as a text of one line."""
    if isinstance(value, str):
        return line(value)
    if isinstance(value, float):
        return format_number(value) if math.isfinite(value) else str(value)
    return line(json.dumps(value, ensure_ascii=False))


def trial_name(row: TrialRow) -> str:
    """Return the number of a trial, or its id if it has no number."""
    number = row.get("number")
    return f"#{number}" if number is not None else line(row["trial_id"], 40)


def time_text(seconds: Json) -> str:
    """Return a time in UTC; empty if it is no time or beyond calendars."""
    if isinstance(seconds, bool) or not isinstance(seconds, (int, float)):
        return ""
    try:
        moment = datetime.fromtimestamp(seconds, timezone.utc)
    except (OverflowError, ValueError, OSError):
        return ""
    return moment.strftime("%Y-%m-%d %H:%M:%S UTC")
