"""Arguments that several subcommands have in common, and the experiment that they name."""

from __future__ import annotations

import glob
import os
from argparse import ArgumentParser, Namespace
from typing import TYPE_CHECKING

from maggy.cli.screen import Screen

if TYPE_CHECKING:
    from maggy.records.recorded import RecordedExperiment
    from maggy.result import ExperimentResult

__all__ = ["add_experiment", "add_experiment_name", "add_json", "add_log_dir", "open_experiment"]


def add_experiment(parser: ArgumentParser) -> None:
    """Add the arguments that name an experiment."""
    add_experiment_name(parser, "experiment", "the id of the experiment (see maggy list)")
    add_log_dir(parser)


def add_experiment_name(parser: ArgumentParser, name: str, text: str) -> None:
    """Add one argument that names an experiment.

    Args:
        parser: The parser of the command.
        name: The name of the argument.
        text: What its id is, for the help.
    """
    action = parser.add_argument(name, help=f"{text}, or its directory or URL")
    action.completer = _complete  # type: ignore[attr-defined]  # argcomplete looks for it


def add_log_dir(parser: ArgumentParser) -> None:
    """Add the argument that names the directory of all experiments."""
    action = parser.add_argument(
        "--log-dir",
        metavar="DIR",
        help="the directory of experiments; by default $MAGGY_LOG_DIR, or else ./Experiments",
    )
    action.completer = _complete_directory  # type: ignore[attr-defined]


def add_json(parser: ArgumentParser) -> None:
    """Add the argument that asks for JSON."""
    parser.add_argument("--json", action="store_true", help="write JSON, for programs")


def open_experiment(
    arguments: Namespace, screen: Screen
) -> tuple[RecordedExperiment, ExperimentResult]:
    """Return the experiment that the arguments name, and remark on damaged records.

    Raises:
        ExperimentNotFoundError: If there is no such experiment.
    """
    # Here, because these take ten times as long to import as the help takes to show.
    from maggy.loading import read
    from maggy.result.opening import result_of

    records = read(arguments.experiment, log_dir=arguments.log_dir)
    result = result_of(records)
    for problem in records.problems:
        screen.remark(problem)
    return records, result


def _complete(prefix: str, parsed_args: Namespace, **_: object) -> list[str]:
    """Return the ids and the directories that begin with these characters."""
    from maggy.core.environment import find_environment
    from maggy.records.naming import recorded_names

    environment = find_environment()
    ids = recorded_names(environment.files, environment.root(parsed_args.log_dir))
    return [*(name for name in ids if name.startswith(prefix)), *_complete_directory(prefix)]


def _complete_directory(prefix: str, **_: object) -> list[str]:
    """Return the directories that begin with these characters.

    A shell goes on inside a directory with a slash. An experiment has none, for it is complete.
    """
    from maggy.records.naming import RECORD_NAME

    paths = sorted(glob.glob(f"{glob.escape(prefix)}*"))
    return [
        path if os.path.exists(os.path.join(path, RECORD_NAME)) else os.path.join(path, "")
        for path in paths
        if os.path.isdir(path)
    ]
