"""``maggy compare``: two experiments side by side."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace

from maggy.cli.arguments import add_experiment_name, add_json, add_log_dir, open_experiment
from maggy.cli.command import SUCCESS, Command
from maggy.cli.screen import Screen

__all__ = ["CompareCommand"]


class CompareCommand(Command):
    """Compare two experiments."""

    name = "compare"
    summary = "Show two experiments side by side: their best trials, and what they cost"
    description = "They must have the same metric and the same direction."
    examples = (
        ("maggy compare local-1700000000000_1 local-1700000000000_2", "a table"),
        ("maggy compare local-1700000000000_1 local-1700000000000_2 --json", "for programs"),
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Add the two experiments."""
        for name in ("a", "b"):
            add_experiment_name(parser, name, "the id of an experiment")
        add_log_dir(parser)
        add_json(parser)

    def run(self, arguments: Namespace, screen: Screen) -> int:
        """Write the comparison."""
        from maggy.result.comparison import ExperimentComparison

        results = []
        for name in (arguments.a, arguments.b):
            place = Namespace(experiment=name, log_dir=arguments.log_dir)
            results.append(open_experiment(place, screen)[1])
        comparison = ExperimentComparison(results)
        if arguments.json:
            screen.write_json(comparison.to_dict())
        else:
            screen.write(str(comparison))
        return SUCCESS
