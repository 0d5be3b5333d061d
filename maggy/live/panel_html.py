"""Write a snapshot of an experiment as HTML for notebooks. All values in it are data, and escaped.

The HTML can also be read where its style sheet is removed, as in a notebook that is not trusted.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime, timezone
from functools import cache
from html import escape
from pathlib import Path
from typing import Final

from maggy.common.credentials import without_credentials
from maggy.common.terminal_text import terminal_line, terminal_text
from maggy.live.cells import (
    count_text,
    failure_text,
    fit,
    last_value,
    parameters_text,
    seconds_text,
    sparkline,
    step_text,
    trial_name,
    value_text,
)
from maggy.live.snapshot import Snapshot
from maggy.result.rows import TrialRow
from maggy.result.status import FINISHED, trial_status

__all__ = ["PARTS", "PanelParts", "panel_line", "panel_page", "panel_part", "panel_style"]

MAX_RUNNING: Final = 100
"""Maximum number of running trials that the panel lists."""
MAX_TRACEBACK_CHARACTERS: Final = 6_000
MAX_OUTPUT_CHARACTERS: Final = 100_000
"""Maximum number of characters of output, which all trials share."""
MAX_LINE_CHARACTERS: Final = 300
MAX_NAME_COLUMNS: Final = 80
MAX_METRIC_COLUMNS: Final = 24
_CURVE_COLUMNS: Final = 16
_STATES: Final = frozenset({"RUNNING", "FINISHED", "FAILED", "KILLED"})


@cache
def panel_style() -> str:
    """Return the style sheet. It concerns elements of the class ``maggy-panel`` only."""
    return Path(__file__).with_name("panel.css").read_text(encoding="utf-8")


def panel_part(name: str, snapshot: Snapshot) -> str:
    """Return the HTML of a part; the empty string if it has no content.

    Elements that may move have a key, by which a page that shows an earlier snapshot finds them.

    Args:
        name: One of :data:`PARTS`.
        snapshot: The experiment.
    """
    return _WRITERS[name](snapshot)


class PanelParts(dict[str, str]):
    """The parts of the panel by name. Each is written when it is read for the first time.

    Args:
        snapshot: The experiment.
    """

    def __init__(self, snapshot: Snapshot) -> None:
        super().__init__()
        self.snapshot = snapshot

    def __missing__(self, name: str) -> str:
        self[name] = html = panel_part(name, self.snapshot)
        return html


def panel_page(parts: Mapping[str, str], panel_id: str = "") -> str:
    """Return the panel with its style sheet, as HTML that needs neither a kernel nor a script.

    Args:
        parts: The HTML of each part.
        panel_id: By which a script finds this panel on the page.
    """
    boxes = "".join(f'<div data-part="{name}">{parts[name]}</div>' for name in PARTS)
    return (
        f'<div class="maggy-panel" data-panel="{_html(panel_id)}">'
        f"<style>{panel_style()}</style>{boxes}</div>"
    )


def panel_line(snapshot: Snapshot) -> str:
    """Return the panel in one line of plain text.

    Example:
        >>> panel_line(Snapshot("digits", "", "", "optimization", "RUNNING", "max", "loss", 20))
        'Maggy experiment digits: running, 0 of 20 trials'
    """
    title = " ".join(filter(None, ["Maggy experiment", _name(snapshot)]))
    return f"{title}: {', '.join([_state_text(snapshot), *_facts(snapshot)])}"


def _html(text: str) -> str:
    """Return a text as HTML, without control characters. Line ends stay."""
    return escape(terminal_text(text))


def _name(snapshot: Snapshot) -> str:
    return fit(terminal_line(snapshot.name), MAX_NAME_COLUMNS)


def _state_text(snapshot: Snapshot) -> str:
    return fit(terminal_line(snapshot.state.lower()), MAX_METRIC_COLUMNS)


def _head(snapshot: Snapshot) -> str:
    state = snapshot.state if snapshot.state in _STATES else ""
    waiting = fit(terminal_line(snapshot.waiting_for), 300)
    return (
        f'<p class="mg-title"><b>Maggy experiment</b> {_html(_name(snapshot))} '
        f'<span class="mg-state mg-{state}">{_html(_state_text(snapshot))}</span></p>'
        f"{_bar(snapshot, state)}<p>{_html(' · '.join(_facts(snapshot)))}</p>"
        + (f'<p class="mg-muted">{_html(waiting)}</p>' if waiting else "")
    )


def _bar(snapshot: Snapshot, state: str) -> str:
    is_running = state == "RUNNING"
    if snapshot.kind == "single" or not snapshot.total:
        # Without a value the bar moves back and forth.
        return f'<progress class="mg-{state}"{"" if is_running else " value=1"} max="1"></progress>'
    count = min(snapshot.num_ended, snapshot.total)
    return (
        f'<progress class="mg-{state}" max="{snapshot.total}" value="{count}">'
        f"{count}/{snapshot.total}</progress>"
    )


def _facts(snapshot: Snapshot) -> list[str]:
    """Return what the head says: the number of trials, the times and the best metric."""
    facts = [] if snapshot.kind == "single" else [count_text(snapshot)]
    if snapshot.seconds:
        facts.append(seconds_text(snapshot.seconds))
    if snapshot.state == "RUNNING" and snapshot.remaining_seconds is not None:
        facts.append(f"about {seconds_text(snapshot.remaining_seconds)} left")
    if snapshot.best and snapshot.kind != "single":
        best = snapshot.best[0]
        metric = value_text(best["metric"])
        facts.append(f"best {_metric_name(snapshot)} {metric} (trial {_short_name(best)})")
    return facts


def _metric_name(snapshot: Snapshot) -> str:
    return fit(terminal_line(snapshot.optimization_key), MAX_METRIC_COLUMNS)


def _short_name(row: TrialRow) -> str:
    return fit(terminal_line(trial_name(row)), MAX_METRIC_COLUMNS)


def _running(snapshot: Snapshot) -> str:
    if not snapshot.running:
        return ""
    count = len(snapshot.running)
    names = ["worker", "step", _metric_name(snapshot)]
    rows = [
        _row(
            row,
            snapshot,
            [
                value_text(row.get("worker")),
                step_text(row["steps"][-1] if row["steps"] else None),
                value_text(last_value(row)),
            ],
        )
        for row in snapshot.running[:MAX_RUNNING]
    ]
    if count > MAX_RUNNING:
        more = f"and {count - MAX_RUNNING:,} more"
        rows.append(f'<tr data-key="more"><td></td><td class="mg-wide">{more}</td></tr>')
    return _table(f"{count:,} running", names, rows)


def _best(snapshot: Snapshot) -> str:
    if not snapshot.best or snapshot.kind == "single":
        return ""
    names = ["seconds", "steps", _metric_name(snapshot)]
    rows = [
        _row(
            row,
            snapshot,
            [
                "" if row["duration"] is None else f"{row['duration'] / 1000:,.1f}",
                f"{len(row['steps']):,}" if row["steps"] else "",
                value_text(row["metric"]),
            ],
            note="" if trial_status(row) == FINISHED else trial_status(row),
        )
        for row in snapshot.best
    ]
    return _table("best", names, rows)


def _table(title: str, names: list[str], rows: Iterable[str]) -> str:
    """Return a table of trials. The columns are the number, the parameters, values and a curve."""
    first, *others = (_html(name) for name in names)
    heads = "".join(f'<th class="mg-number">{name}</th>' for name in others)
    return (
        '<div class="mg-rows"><table class="mg-table"><thead><tr><th>#</th>'
        f'<th class="mg-wide" style="text-align: left">{title}</th>'
        f'<th class="mg-number mg-optional">{first}</th>{heads}<th class="mg-curve"></th></tr>'
        f"</thead><tbody>{''.join(rows)}</tbody></table></div>"
    )


def _row(row: TrialRow, snapshot: Snapshot, values: list[str], note: str = "") -> str:
    first, *others = (_html(value) for value in values)
    parameters = _html(parameters_text(row, snapshot.kind))
    shown_note = f' <span class="mg-muted">({_html(note)})</span>' if note else ""
    cells = "".join(f"<td>{value}</td>" for value in others)
    return (
        f'<tr data-key="{_html(row["trial_id"])}"><td>{_html(_short_name(row))}</td>'
        f'<td class="mg-wide" style="text-align: left" title="{parameters}">'
        f'{parameters}{shown_note}</td><td class="mg-optional">{first}</td>{cells}'
        f'<td class="mg-curve">{sparkline(row, _CURVE_COLUMNS)}</td></tr>'
    )


def _failures(snapshot: Snapshot) -> str:
    if not snapshot.failures:
        return ""
    names: dict[str, str] = {}  # the trial whose traceback stands already, by traceback
    entries = []
    for row in reversed(snapshot.failures):
        name, error = _short_name(row), row["error"] or "No reason is recorded."
        if error in names:
            text = f"<p>The traceback is that of trial {_html(names[error])}.</p>"
        else:
            names[error] = name
            text = f"<pre>{_html(_tail(error, MAX_TRACEBACK_CHARACTERS))}</pre>"
        entries.append(
            _fold(
                row["trial_id"],
                f"#{_html(name)} {_html(failure_text(row))} "
                f'<span class="mg-muted">{_html(parameters_text(row, snapshot.kind))}</span>',
                text,
            )
        )
    count, number = len(snapshot.failures), max(snapshot.num_failed, len(snapshot.failures))
    title = f"{number:,} failed" + ("" if number == count else f", the last {count}")
    return _fold("failures", f'<span class="mg-bad">{title}</span>', "".join(entries))


def _output(snapshot: Snapshot) -> str:
    outputs = {trial_id: lines for trial_id, lines in snapshot.output.items() if lines}
    if not outputs:
        return ""
    limit = MAX_OUTPUT_CHARACTERS // len(outputs)
    if snapshot.kind == "single":
        texts = [_output_text(lines, limit) for lines in outputs.values()]
        return _fold("output", "output", "".join(texts), is_open=True)
    rows = {row["trial_id"]: row for row in (*snapshot.failures, *snapshot.best, *snapshot.running)}
    running = {row["trial_id"] for row in snapshot.running}
    entries = []
    # Running trials first, then the one that ended last.
    for trial_id in [key for key in outputs if key in running] + [
        key for key in reversed(outputs) if key not in running
    ]:
        name = _short_name(rows[trial_id]) if trial_id in rows else _number(trial_id, snapshot)
        last_line = fit(terminal_line(outputs[trial_id][-1][:MAX_LINE_CHARACTERS]), 100)
        entries.append(
            _fold(
                trial_id,
                f'#{_html(name)} <span class="mg-muted">{_html(last_line)}</span>',
                _output_text(outputs[trial_id], limit),
            )
        )
    trials = f"{len(entries)} trial{'' if len(entries) == 1 else 's'}"
    return _fold("output", f"output of {trials}", "".join(entries))


def _number(trial_id: str, snapshot: Snapshot) -> str:
    return fit(terminal_line(str(snapshot.numbers.get(trial_id, trial_id))), MAX_METRIC_COLUMNS)


def _output_text(lines: list[str], limit: int) -> str:
    text = "\n".join(_fit_line(line) for line in lines)
    return f'<pre class="mg-output">{escape(_tail(text, limit))}</pre>'


def _fit_line(line: str) -> str:
    safe = terminal_text(line[: MAX_LINE_CHARACTERS + 1])
    return safe if len(safe) <= MAX_LINE_CHARACTERS else f"{safe[:MAX_LINE_CHARACTERS]}…"


def _tail(text: str, limit: int) -> str:
    return text if len(text) <= limit else f"…\n{text[-limit:]}"


def _fold(key: str, title: str, content: str, *, is_open: bool = False) -> str:
    return (
        f'<details data-key="{_html(key)}"{" open" if is_open else ""}>'
        f"<summary>{title}</summary>{content}</details>"
    )


def _foot(snapshot: Snapshot) -> str:
    if not snapshot.directory:
        return ""
    # What shows the experiment in another notebook.
    name = "watch" if snapshot.state == "RUNNING" else "load"
    call = f"maggy.{name}({terminal_line(without_credentials(snapshot.directory))[:500]!r})"
    moment = ""
    if snapshot.state == "RUNNING" and snapshot.time is not None:
        # A notebook that is saved while the experiment runs shows this snapshot for ever.
        moment = f" · as of {_utc_text(snapshot.time)}"
    return f'<p class="mg-foot mg-muted"><code>{_html(call)}</code>{moment}</p>'


def _utc_text(seconds: float) -> str:
    return f"{datetime.fromtimestamp(seconds, timezone.utc):%Y-%m-%d %H:%M:%S} UTC"


_WRITERS: Final[Mapping[str, Callable[[Snapshot], str]]] = {
    "head": _head,
    "running": _running,
    "best": _best,
    "failures": _failures,
    "output": _output,
    "foot": _foot,
}
PARTS: Final = tuple(_WRITERS)
"""The names of the parts, from top to bottom."""
