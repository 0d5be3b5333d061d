"""``maggy report``: a page about an experiment that opens without a network."""

from __future__ import annotations

import re
from argparse import ArgumentParser, Namespace

from maggy.cli.arguments import add_experiment, open_experiment
from maggy.cli.command import FAILURE, SUCCESS, Command
from maggy.cli.screen import Screen
from maggy.common.credentials import without_credentials
from maggy.common.exceptions import BadArgumentsError

__all__ = ["ReportCommand"]


class ReportCommand(Command):
    """Write the report of an experiment."""

    name = "report"
    summary = "Write a page with the table, the plots and the failures"
    description = (
        "The page is one HTML file that needs no network. The experiment may run: then the page "
        "shows its trials so far."
    )
    examples = (
        ("maggy report local-1700000000000_1", "writes local-1700000000000_1.html"),
        ("maggy report local-1700000000000_1 -o report.html --open", "and opens it in a browser"),
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Add the experiment, the file, and whether to open it."""
        add_experiment(parser)
        parser.add_argument(
            "-o", "--output", metavar="FILE", help="the file; by default <id>.html, and replaced"
        )
        parser.add_argument("--open", action="store_true", help="open the page in a browser")

    def run(self, arguments: Namespace, screen: Screen) -> int:
        """Write the page and its path. Return the exit code of a failure if the experiment failed.

        Raises:
            BadArgumentsError: If the file cannot be written.
        """
        _, result = open_experiment(arguments, screen)
        name = re.split(r"[/\\]", (result.directory or "").rstrip("/\\"))[-1]
        output = arguments.output or re.sub(r"[^\w.-]", "_", f"{name}.html")
        try:
            path = result.report(output)
        except OSError as error:
            raise BadArgumentsError(
                f"--output must be a file that can be written, but got {output!r:.300}: {error}"
            ) from error
        screen.write(without_credentials(path))
        if arguments.open:
            import webbrowser
            from pathlib import Path

            webbrowser.open(path if "://" in path else Path(path).as_uri())
        return FAILURE if result.state == "FAILED" else SUCCESS
