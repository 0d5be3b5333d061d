"""``maggy list``: the experiments in one directory, the newest first."""

from __future__ import annotations

import math
from argparse import ArgumentParser, Namespace

from maggy.cli.arguments import add_json, add_log_dir
from maggy.cli.command import SUCCESS, Command
from maggy.cli.screen import Screen
from maggy.cli.summary import Summary, summary_of, time_text
from maggy.common.exceptions import ExperimentNotFoundError
from maggy.common.files import Files
from maggy.common.terminal_text import terminal_line
from maggy.common.text_table import TextTable

__all__ = ["ListCommand"]

_HEADS = ["id", "name", "kind", "state", "trials", "best", "started"]


class ListCommand(Command):
    """List the experiments in a directory."""

    name = "list"
    summary = "List the recorded experiments, the newest first"
    description = "The number of trials is that of the trials that have ended."
    examples = (
        ("maggy list", "those in $MAGGY_LOG_DIR or ./Experiments"),
        ("maggy list --log-dir s3://bucket/logs", "those behind a URL"),
        ("maggy list --json", "the same for programs"),
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Add the directory, and ``--json``."""
        add_log_dir(parser)
        add_json(parser)

    def run(self, arguments: Namespace, screen: Screen) -> int:
        """Write a line for each experiment."""
        from maggy.core.environment import find_environment

        environment = find_environment()
        root = environment.root(arguments.log_dir)
        summaries = _summaries(environment.files, root, screen)
        if arguments.json:
            screen.write_json([summary.to_json() for summary in summaries])
            return SUCCESS
        if not summaries:
            screen.remark(f"There are no experiments in {root}.")
            return SUCCESS
        rows = [list(map(terminal_line, _cells(summary))) for summary in summaries]
        screen.write(TextTable(_HEADS, rows).to_text())
        return SUCCESS


def _summaries(files: Files, root: str, screen: Screen) -> list[Summary]:
    from maggy.records.naming import recorded_names

    names = recorded_names(files, root)
    if not names and not files.exists(root):
        raise ExperimentNotFoundError(
            f"Experiments are listed from a directory that exists, but there is no {root}. "
            "Choose another one with --log-dir or MAGGY_LOG_DIR."
        )
    summaries = []
    for name in names:
        try:
            summaries.append(_summary(files, files.join(root, name)))
        except PermissionError as error:  # somebody else's, among those of this user
            screen.remark(f"{name} cannot be read, and is left out: {error}")
    return sorted(summaries, key=lambda summary: summary.started or -math.inf, reverse=True)


def _summary(files: Files, directory: str) -> Summary:
    """Return the facts about an experiment. Its trials are read only if no result is recorded."""
    from maggy.records.recorded import read_experiment, read_overview
    from maggy.result.opening import result_of

    summary = summary_of(read_overview(files, directory))
    if summary.trials is not None and summary.kind in ("optimization", "ablation"):
        return summary
    records = read_experiment(files, directory)
    return summary_of(records.overview, result_of(records))


def _cells(summary: Summary) -> list[str]:
    return [
        summary.experiment_id,
        summary.name,
        summary.kind,
        summary.state,
        "" if summary.trials is None else str(summary.trials),
        "" if summary.best is None else f"{summary.best:.6g}",
        time_text(summary.started),
    ]
