# PYTHON_ARGCOMPLETE_OK
"""The parser of the command ``maggy``: a subcommand is one file, and one line in ``COMMANDS``."""

from __future__ import annotations

import os
import sys
import textwrap
from argparse import ArgumentParser, RawDescriptionHelpFormatter
from collections.abc import Sequence
from contextlib import suppress

from maggy.cli.best import BestCommand
from maggy.cli.command import NOT_FOUND, SUCCESS, WRONG_USE, Command
from maggy.cli.compare import CompareCommand
from maggy.cli.dashboard import DashboardCommand
from maggy.cli.doctor import DoctorCommand
from maggy.cli.export import ExportCommand
from maggy.cli.list_experiments import ListCommand
from maggy.cli.report import ReportCommand
from maggy.cli.resume_hint import ResumeHintCommand
from maggy.cli.screen import Screen, discard, unwritable
from maggy.cli.show import ShowCommand
from maggy.cli.watch import WatchCommand
from maggy.common.exceptions import MaggyError
from maggy.version import __version__

__all__ = ["COMMANDS", "main"]

COMMANDS: tuple[Command, ...] = (
    ListCommand(),
    ShowCommand(),
    WatchCommand(),
    BestCommand(),
    ExportCommand(),
    DashboardCommand(),
    ReportCommand(),
    CompareCommand(),
    ResumeHintCommand(),
    DoctorCommand(),
)
_HELP_WIDTH = 80
_INTERRUPT = 130  # what a shell reports for a program that Ctrl-C has ended


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command, and return its exit code.

    Args:
        arguments: The words after ``maggy``; those of this process if None.

    Raises:
        SystemExit: If the arguments are wrong (code 2), or help or the version was asked for (0).
    """
    _open_missing_streams()
    _write_any_character()
    try:
        try:
            return _run(arguments)
        finally:
            sys.stdout.flush()
    except BrokenPipeError:  # maggy list | head
        discard(sys.stdout)
        return SUCCESS
    except OSError as error:  # maggy list > /dev/full
        discard(sys.stdout)
        Screen(sys.stdout, sys.stderr).remark(unwritable(error))
        return WRONG_USE
    finally:
        try:
            sys.stderr.flush()
        except OSError:  # nobody reads the remarks, and the exit code says the rest
            discard(sys.stderr)


def _run(arguments: Sequence[str] | None) -> int:
    parser = _parser()
    _complete(parser)
    choice, unknown = parser.parse_known_args(arguments)
    if unknown:  # parse_args() would show how the command itself is used, not the subcommand
        choice.parser.error(f"unrecognized arguments: {' '.join(unknown)}")
    screen = Screen(sys.stdout, sys.stderr)
    try:
        code: int = choice.command.run(choice, screen)
    except BrokenPipeError:  # an OSError, but none of a store
        raise
    except OSError as error:  # ExperimentNotFoundError, and a store that refuses
        screen.remark(str(error))
        return NOT_FOUND
    except MaggyError as error:  # an argument, or an experiment that does not fit the command
        screen.remark(str(error))
        return WRONG_USE
    except KeyboardInterrupt:
        return _INTERRUPT
    return code


def _parser() -> ArgumentParser:
    parser = ArgumentParser(
        prog="maggy",
        description="Look at recorded experiments of Maggy, and at what Maggy runs on.",
        epilog="Exit codes: 0 success; 1 the experiment, a check or an export to MLflow failed; "
        "2 wrong use; 3 not found.",
    )
    parser.add_argument("--version", action="version", version=f"maggy {__version__}")
    subparsers = parser.add_subparsers(title="commands", required=True, metavar="COMMAND")
    for command in COMMANDS:
        subparser = subparsers.add_parser(
            command.name,
            help=command.summary,
            description=_description(command),
            epilog=_examples(command),
            formatter_class=RawDescriptionHelpFormatter,
        )
        command.add_arguments(subparser)
        subparser.set_defaults(command=command, parser=subparser)
    return parser


def _description(command: Command) -> str:
    paragraphs = (f"{command.summary}.", command.description)
    return "\n\n".join(textwrap.fill(text, _HELP_WIDTH) for text in paragraphs).rstrip()


def _examples(command: Command) -> str:
    lines = [f"  {call}\n      {effect}" for call, effect in command.examples]
    return "\n".join(["examples:", *lines])


def _complete(parser: ArgumentParser) -> None:
    """Answer a shell that asks for completions, if argcomplete is installed."""
    with suppress(ImportError):
        import argcomplete

        argcomplete.autocomplete(parser)


def _open_missing_streams() -> None:
    """Discard what is written to a stream that the caller has closed: ``maggy list >&-``."""
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, "w", encoding="utf-8"))  # noqa: SIM115


def _write_any_character() -> None:
    """Let a terminal with few characters show the others as escapes."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")
