"""``maggy best``: the parameters of the best trial, as JSON."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace

from maggy.cli.arguments import add_experiment, add_json, open_experiment
from maggy.cli.command import FAILURE, SUCCESS, Command
from maggy.cli.screen import Screen

__all__ = ["BestCommand"]


class BestCommand(Command):
    """Write the parameters of the best trial."""

    name = "best"
    summary = "Write the parameters of the best trial, as JSON"
    description = "While the experiment runs, that is the best trial so far."
    examples = (
        ("maggy best local-1700000000000_1", "the parameters alone"),
        ("maggy best local-1700000000000_1 --json", "with the trial's id and its metric"),
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Add the experiment, and ``--json``."""
        add_experiment(parser)
        add_json(parser)

    def run(self, arguments: Namespace, screen: Screen) -> int:
        """Write the parameters. Return the exit code of a failure if no trial has a metric."""
        _, result = open_experiment(arguments, screen)
        if result["best_id"] is None:
            screen.remark(f"No trial of {result.directory} has ended with a metric.")
            return FAILURE
        if arguments.json:
            screen.write_json(
                {
                    "trial_id": result["best_id"],
                    "metric": result["best_val"],
                    "params": result["best_config"],
                }
            )
        else:
            screen.write_json(result["best_config"])
        return FAILURE if result.state == "FAILED" else SUCCESS
