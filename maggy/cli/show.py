"""``maggy show``: one experiment with its trials, its failures, and what an ablation found."""

from __future__ import annotations

import json
from argparse import ArgumentParser, Namespace
from typing import TYPE_CHECKING

from maggy.cli.arguments import add_experiment, add_json, open_experiment
from maggy.cli.command import FAILURE, SUCCESS, Command
from maggy.cli.screen import Screen
from maggy.cli.summary import Summary, summary_of, time_text
from maggy.common.direction import Direction
from maggy.common.durations import duration_text
from maggy.common.terminal_text import terminal_line
from maggy.common.text_table import TextTable

if TYPE_CHECKING:
    from maggy.records.recorded import RecordedExperiment
    from maggy.result import ExperimentResult

__all__ = ["ShowCommand"]

_TRIALS = 20
_MAX_CELL = 40


class ShowCommand(Command):
    """Show one experiment."""

    name = "show"
    summary = "Show one experiment with its best trials and its failures"
    description = "The experiment may run: then its trials so far are shown, and those that run."
    examples = (
        ("maggy show local-1700000000000_1", "the 20 best trials"),
        ("maggy show local-1700000000000_1 --all", "all trials"),
        ("maggy show ./Experiments/local-1700000000000_1 --failures", "with tracebacks"),
        ("maggy show local-1700000000000_1 --json", "the result for programs"),
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Add the experiment, and how much of it is shown."""
        add_experiment(parser)
        add_json(parser)
        parser.add_argument("--all", action="store_true", help="show all trials")
        parser.add_argument(
            "--failures", action="store_true", help="show the tracebacks of trials that failed"
        )

    def run(self, arguments: Namespace, screen: Screen) -> int:
        """Write the experiment, and return the exit code of a failure if it failed."""
        records, result = open_experiment(arguments, screen)
        summary = summary_of(records.overview, result)
        if arguments.json:
            screen.write_json(
                {**summary.to_json(), "result": dict(result), "running": result.running}
            )
        else:
            _write_text(arguments, screen, summary, records, result)
        return FAILURE if result.state == "FAILED" else SUCCESS


def _write_text(
    arguments: Namespace,
    screen: Screen,
    summary: Summary,
    records: RecordedExperiment,
    result: ExperimentResult,
) -> None:
    width = max(len(name) for name, _ in _facts(summary, result))
    for name, fact in _facts(summary, result):
        screen.write(f"{name:<{width}}  {terminal_line(fact)}")
    for text in [
        *_component_texts(result),
        *_trial_texts(result, None if arguments.all else _TRIALS),
        *_running_texts(result),
        *_failure_texts(records, with_traceback=arguments.failures),
    ]:
        screen.write(f"\n{text}")


def _facts(summary: Summary, result: ExperimentResult) -> list[tuple[str, str]]:
    num_stopped = sum(row["early_stop"] for row in result.trials if row["metric"] is not None)
    method = f" with {summary.method}" if summary.method else ""
    facts = [
        ("experiment", summary.experiment_id),
        ("name", summary.name),
        ("description", summary.description),
        ("directory", summary.directory),
        ("kind", f"{summary.kind}{method}"),
        ("metric", f"{result.optimization_key} ({result.direction})"),
        ("state", summary.state),
        ("started", _time_facts(summary)),
        ("seed", "" if summary.seed is None else str(summary.seed)),
        ("warm start", _warm_start_text(result)),
        ("release", summary.release),
        (
            "trials",
            f"{len(result.trials)}: {result['num_trials'] - num_stopped} finished, "
            f"{num_stopped} stopped early, {result['failed']} failed; "
            f"{len(result.running)} running",
        ),
        ("best", _best_text(result)),
    ]
    if summary.kind == "single":
        facts = [fact for fact in facts if fact[0] not in ("metric", "trials", "best")]
    return [(name, fact) for name, fact in facts if fact]


def _warm_start_text(result: ExperimentResult) -> str:
    """Return from which experiment a search was warm-started; an empty text if from none."""
    entry = result.record.get("warm_start")
    if not isinstance(entry, dict):
        return ""
    return f"{entry.get('num_trials')} trials of {entry.get('experiment_id')}"


def _time_facts(summary: Summary) -> str:
    start = time_text(summary.started)
    calls = f", in {summary.calls} calls" if summary.calls > 1 else ""
    if summary.started is None or summary.end is None or summary.end < summary.started:
        return f"{start}{calls}"
    return f"{start}, ended after {duration_text(summary.end - summary.started)}{calls}"


def _best_text(result: ExperimentResult) -> str:
    if result["best_id"] is None:
        return ""
    params = json.dumps(result["best_config"], ensure_ascii=False)
    note = ", a single run" if "base" in result else ""
    return f"{result['best_val']:.6g}, trial {result['best_id']} with {params}{note}"


def _component_texts(result: ExperimentResult) -> list[str]:
    """Return what an ablation with repeats, or its ablator, says about the components."""
    from maggy.result.ablator_lines import ablator_lines
    from maggy.result.component_table import component_table

    if result.kind != "ablation":
        return []
    texts = []
    if "base" in result:
        table = component_table(
            result["differences"],
            result["base"],
            result.trials,
            metric=result.optimization_key,
            confidence=result.confidence,
        )
        texts.append(f"Mean difference from the base of the same repeat\n{_text_of(table)}")
    lines = "\n".join(ablator_lines(result)).strip("\n")
    return [*texts, *([lines] if lines else [])]


def _trial_texts(result: ExperimentResult, limit: int | None) -> list[str]:
    from maggy.result.differences import single_run_differences
    from maggy.result.tables import trial_table

    if not result.trials or result.kind == "single":
        return []
    table = trial_table(
        result.trials,
        metric=result.optimization_key,
        direction=Direction.parse(result.direction),
        differences=single_run_differences(result),
    )
    text = _text_of(TextTable(table.heads, table.rows[:limit]))
    more = 0 if limit is None else len(table.rows) - limit
    return [text, *([f"{more} more trials are shown with --all."] if more > 0 else [])]


def _running_texts(result: ExperimentResult) -> list[str]:
    lines = [
        f"  {terminal_line(row['trial_id'])}  "
        f"{terminal_line(json.dumps(row['params'], ensure_ascii=False))}"
        for row in result.running
    ]
    return ["\n".join(["Running", *lines])] if lines else []


def _failure_texts(records: RecordedExperiment, *, with_traceback: bool) -> list[str]:
    failures = [trial for trial in records.trials if trial.status == trial.ERROR]
    if not failures:
        return []
    if with_traceback:
        return [f"Trial {trial.trial_id} failed\n{trial.error or 'no error'}" for trial in failures]
    lines = []
    for trial in failures:
        last_line = (trial.error or "").strip().rpartition("\n")[2]
        reason = terminal_line(trial.failure_reason or last_line)
        lines.append(f"  {terminal_line(trial.trial_id)}  {_short(reason, 2 * _MAX_CELL)}")
    return ["\n".join(["Failed (tracebacks with --failures)", *lines])]


def _text_of(table: TextTable) -> str:
    """Return a table with aligned columns, in which no cell is long or of several lines."""
    heads = [_short(terminal_line(head)) for head in table.heads]
    rows = [[_short(terminal_line(cell)) for cell in row] for row in table.rows]
    return TextTable(heads, rows).to_text()


def _short(text: str, limit: int = _MAX_CELL) -> str:
    return text if len(text) <= limit else f"{text[: limit - 3]}..."
