"""``maggy export``: the trials of an experiment as CSV or JSON, or to Optuna or MLflow."""

from __future__ import annotations

import csv
import io
import json
import re
from argparse import ArgumentParser, Namespace
from collections.abc import Iterator
from typing import TYPE_CHECKING

from maggy.cli.arguments import add_experiment, open_experiment
from maggy.cli.command import FAILURE, SUCCESS, Command
from maggy.cli.screen import Screen
from maggy.cli.summary import iso_time, summary_of
from maggy.common.credentials import without_credentials
from maggy.common.exceptions import BadArgumentsError, MissingDependencyError
from maggy.common.terminal_text import terminal_text
from maggy.common.types import Json

if TYPE_CHECKING:
    from maggy.result import ExperimentResult

__all__ = ["ExportCommand", "csv_cell"]

# Some spreadsheets take the wide signs of Asian keyboards for the others.
_FORMULA_SIGNS = (*"=+-@\t\r", *"\uff1d\uff0b\uff0d\uff20")
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?", re.ASCII | re.IGNORECASE)


class ExportCommand(Command):
    """Write the trials of an experiment for other programs."""

    name = "export"
    summary = "Write the trials for other programs: CSV, JSON, Optuna, or MLflow"
    description = (
        "CSV has a row for each trial that has ended, and JSON everything, reported values "
        "included. In CSV, a text that a spreadsheet would take for a formula begins with an "
        "apostrophe. To MLflow only what it does not have yet is written, and only when the "
        "experiment has ended."
    )
    examples = (
        ("maggy export local-1700000000000_1 --csv > trials.csv", "a row for each trial"),
        ("maggy export local-1700000000000_1 --json | jq .trials[0]", "everything"),
        ("maggy export local-1700000000000_1 --optuna sqlite:///study.db", "for optuna-dashboard"),
        ("maggy export local-1700000000000_1 --mlflow", "to $MLFLOW_TRACKING_URI"),
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Add the experiment, and the formats, of which there must be one."""
        add_experiment(parser)
        formats = parser.add_mutually_exclusive_group(required=True)
        formats.add_argument("--csv", action="store_true", help="write CSV to standard output")
        formats.add_argument("--json", action="store_true", help="write JSON to standard output")
        formats.add_argument(
            "--optuna",
            metavar="URL",
            help="add a study to this storage, such as sqlite:///study.db",
        )
        formats.add_argument(
            "--mlflow", action="store_true", help="write a run, and a nested run for each trial"
        )
        parser.add_argument(
            "--study-name", metavar="NAME", help="the name of the study; by default the id"
        )
        parser.add_argument(
            "--tracking-uri",
            metavar="URI",
            help="the server of MLflow; by default $MLFLOW_TRACKING_URI, or else MLflow's own",
        )
        parser.add_argument(
            "--experiment-name",
            metavar="NAME",
            help="the experiment of MLflow; by default the one that has runs of this one already, "
            "or else the name of this one",
        )

    def run(self, arguments: Namespace, screen: Screen) -> int:
        """Write the trials. Return the exit code of a failure if MLflow cannot take them."""
        _check_options(arguments)
        records, result = open_experiment(arguments, screen)
        summary = summary_of(records.overview, result)
        if arguments.csv:
            for text in csv_lines(result):
                screen.write(text)
        elif arguments.json:
            screen.write_json(
                {
                    **summary.to_json(),
                    "searchspace": [] if result.searchspace is None else [*result.searchspace],
                    "result": dict(result),
                    "trials": result.trials,
                    "running": result.running,
                }
            )
        elif arguments.mlflow:
            return _write_runs(result, arguments, screen)
        else:
            name = arguments.study_name or summary.experiment_id
            _add_study(result, arguments.optuna, name)
            screen.remark(f"{len(result.trials)} trials are in the study {name!r}.")
        return SUCCESS


def csv_lines(result: ExperimentResult) -> Iterator[str]:
    """Yield the head and a row for each trial, with the columns of ``result.to_pandas()``."""
    from maggy.result.tables import trial_records

    columns, start_column, records = trial_records(result.trials, result.optimization_key)
    yield _csv_line(list(columns))
    for record in records:
        record[start_column] = iso_time(record[start_column])
        yield _csv_line([record[column] for column in columns])


def csv_cell(value: Json) -> str:
    """Return a value as the text of a cell that no spreadsheet takes for a formula.

    Example:
        >>> csv_cell("=1+1"), csv_cell("-0.5"), csv_cell(-0.5), csv_cell(["a", None])
        ("'=1+1", '-0.5', '-0.5', '["a", null]')
    """
    if value is None:
        return ""
    if isinstance(value, (list, dict)):
        value = json.dumps(value)
    text = terminal_text(str(value))
    is_formula = text.startswith(_FORMULA_SIGNS) and not _NUMBER.fullmatch(text)
    return f"'{text}" if is_formula else text


def _csv_line(values: list[Json]) -> str:
    line = io.StringIO()
    # Only a line end that is the terminator is quoted inside a cell.
    csv.writer(line, lineterminator="\n").writerow(map(csv_cell, values))
    return line.getvalue().removesuffix("\n")


def _check_options(arguments: Namespace) -> None:
    for option, target, has_target in (
        ("--study-name", "--optuna", arguments.optuna is not None),
        ("--tracking-uri", "--mlflow", arguments.mlflow),
        ("--experiment-name", "--mlflow", arguments.mlflow),
    ):
        value = getattr(arguments, option.removeprefix("--").replace("-", "_"))
        if value is not None and not has_target:
            raise BadArgumentsError(f"{option} must stand with {target}, but there is none.")


def _write_runs(result: ExperimentResult, arguments: Namespace, screen: Screen) -> int:
    """Write what MLflow lacks, say what was written, and return the exit code."""
    from maggy.tracking.mlflow import export
    from maggy.tracking.mlflow_server import tracking_uri_of

    uri = tracking_uri_of(arguments.tracking_uri)
    target = "MLflow's own default" if uri is None else without_credentials(uri)
    try:
        with screen.progress(len(result.trials)) as bar:
            count = export(
                result,
                experiment_name=arguments.experiment_name,
                tracking_uri=arguments.tracking_uri,
                on_write=bar.update,
            )
    except (BadArgumentsError, MissingDependencyError):
        raise
    except Exception as error:  # an error of MLflow's, of its server, or of a library below
        lines = [without_credentials(line) for line in str(error).strip().split("\n")]
        screen.remark(f"Not everything is in MLflow at {target}. {lines[0]:.500}")
        return FAILURE
    rest = len(result.trials) - count
    screen.remark(f"{count} trials were written to MLflow at {target}. It had {rest} already.")
    return SUCCESS


def _add_study(result: ExperimentResult, url: str, name: str) -> None:
    """Add the trials as a study to a storage of Optuna.

    Raises:
        BadArgumentsError: If the storage cannot be used, or has a study of this name.
        MissingDependencyError: If Optuna is not installed.
    """
    from maggy.optuna_bridge.tools import require

    require("maggy export --optuna", ["optuna"], "optuna")
    try:
        result.to_optuna_study(storage=url, study_name=name)
    except Exception as error:  # Optuna's, SQLAlchemy's, or a database driver's
        if type(error).__name__ == "DuplicatedStudyError":
            raise BadArgumentsError(
                f"The storage has a study {name!r} already. Choose another name: --study-name."
            ) from error
        text = without_credentials(str(error).strip().split("\n", 1)[0])
        raise BadArgumentsError(
            f"--optuna must name a storage in which there is no study {name!r} yet: {text:.300}"
        ) from error
