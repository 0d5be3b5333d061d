"""``maggy dashboard``: an experiment in Optuna's dashboard, on a copy of the records."""

from __future__ import annotations

import threading
from argparse import ArgumentParser, ArgumentTypeError, Namespace
from typing import TYPE_CHECKING

from maggy.cli.arguments import add_experiment, open_experiment
from maggy.cli.command import SUCCESS, Command
from maggy.cli.screen import Screen
from maggy.cli.summary import iso_time, summary_of
from maggy.common.exceptions import BadArgumentsError
from maggy.common.files import Files, is_url
from maggy.common.types import Json

if TYPE_CHECKING:
    from maggy.optuna_bridge.mirror import StudyMirror
    from maggy.records.recorded import RecordedExperiment
    from maggy.result import ExperimentResult

__all__ = ["DashboardCommand", "ExperimentFeed"]

_PORT = 8080
_SECONDS = 2.0
"""Seconds between two looks at the records of a running experiment on this machine."""
_REMOTE_SECONDS = 30.0
"""Seconds between two looks at records behind a URL."""


class DashboardCommand(Command):
    """Show an experiment in Optuna's dashboard."""

    name = "dashboard"
    summary = "Show an experiment in optuna-dashboard, on a copy of its records"
    description = (
        "The copy is in memory, so nothing that is done in the dashboard reaches the records. A "
        "running experiment is followed: every 2 seconds, or 30 if its records are behind a URL. "
        "Only this machine reaches the dashboard unless --host says otherwise. It has no password. "
        "Ctrl-C ends it."
    )
    examples = (
        ("maggy dashboard local-1700000000000_1", "prints the address, and serves until Ctrl-C"),
        ("maggy dashboard ./Experiments/local-1700000000000_1 --port 0", "at a free port"),
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Add the experiment, and the address."""
        add_experiment(parser)
        parser.add_argument(
            "--host", default="127.0.0.1", help="the address to listen at; by default 127.0.0.1"
        )
        parser.add_argument(
            "--port", type=_port, default=_PORT, help=f"by default {_PORT}; 0 for a free port"
        )

    def run(self, arguments: Namespace, screen: Screen) -> int:
        """Serve the dashboard until Ctrl-C."""
        from maggy.cli.web_server import WebServer
        from maggy.core.environment import find_environment
        from maggy.optuna_bridge.tools import quiet, require

        require("maggy dashboard", ["optuna", "optuna_dashboard"], "dashboard")
        records, result = open_experiment(arguments, screen)
        if result.kind == "single":
            raise BadArgumentsError(
                "The dashboard shows the trials of a search or an ablation, but in "
                f"{result.directory} a function ran once. See it with maggy show."
            )
        feed = ExperimentFeed(find_environment().files, records, result)
        import optuna_dashboard

        server = WebServer(
            optuna_dashboard.wsgi(feed.mirror.storage), arguments.host, arguments.port
        )
        for remark in _remarks(result):
            screen.remark(remark)
        screen.write_now(f"{server.url}/dashboard/studies/0")
        is_over = threading.Event()
        follower = threading.Thread(
            target=_follow, args=(feed, screen, is_over), name="maggy-dashboard", daemon=True
        )
        try:
            with quiet():
                if result.state == "RUNNING":
                    follower.start()
                server.serve()
        except KeyboardInterrupt:
            screen.remark("The dashboard has ended.")
        finally:
            is_over.set()
        return SUCCESS


class ExperimentFeed:
    """Keep the copy of an experiment equal to its records.

    Args:
        files: Reads the records.
        records: The records at the first look.
        result: The result that was made of them.

    Attributes:
        mirror: The copy.
        directory: The directory of the experiment.
    """

    def __init__(self, files: Files, records: RecordedExperiment, result: ExperimentResult) -> None:
        from maggy.optuna_bridge.mirror import StudyMirror
        from maggy.records.trial_memory import TrialMemory

        self._files = files
        self._memory = TrialMemory()
        self._ended_ids = {trial.trial_id for trial in records.trials}
        self._key = result.optimization_key
        self.directory = records.overview.directory
        self.mirror: StudyMirror = StudyMirror(
            summary_of(records.overview).experiment_id,
            {} if result.searchspace is None else result.searchspace.to_dict(),
            result.direction,
            result.optimization_key,
        )
        self.mirror.describe(_attributes(records, result))
        self.mirror.update(result.trials, result.running)

    def look(self) -> str:
        """Add what is new in the records to the copy, and return the state of the experiment.

        Raises:
            OSError: If the records cannot be read.
            MirrorWasDeleted: If somebody has deleted the copy.
        """
        from maggy.records.recorded import read_experiment
        from maggy.result.opening import running_rows
        from maggy.result.rows import make_row

        records = read_experiment(self._files, self.directory, memory=self._memory)
        new = [trial for trial in records.trials if trial.trial_id not in self._ended_ids]
        self.mirror.update([make_row(trial, self._key) for trial in new], running_rows(records))
        self._ended_ids |= {trial.trial_id for trial in new}
        state = records.overview.state
        self.mirror.describe({"state": state})
        return state


def _follow(feed: ExperimentFeed, screen: Screen, is_over: threading.Event) -> None:
    """Look at the records now and then, until the experiment or the command is over."""
    from maggy.optuna_bridge.mirror import MirrorWasDeleted

    seconds = _REMOTE_SECONDS if is_url(feed.directory) else _SECONDS
    has_failed = False
    while not is_over.wait(seconds):
        try:
            state = feed.look()
        except MirrorWasDeleted:
            screen.remark(
                "The copy was deleted in the dashboard, and is followed no longer. The records "
                "are as they were: start maggy dashboard again to see them."
            )
            return
        except OSError as error:
            if not has_failed:
                screen.remark(f"The records cannot be read, and are tried again: {error}")
            has_failed = True
            continue
        has_failed = False
        if state != "RUNNING":
            screen.remark(f"The experiment has ended: {state}. The dashboard stays until Ctrl-C.")
            return


def _remarks(result: ExperimentResult) -> list[str]:
    remarks = [
        f"This is a copy of {result.directory}. What is done in the dashboard changes no record. "
        "Ctrl-C ends it."
    ]
    if result.kind == "ablation":
        remarks.append(
            "An ablation is shown as its trials, with what they leave out as parameters. How each "
            "component differs from the base is in maggy show."
        )
    if result.state == "RUNNING":
        remarks.append("The experiment is running, and is followed.")
    if not result.trials and not result.running:
        remarks.append(f"It has no trials yet: its state is {result.state}.")
    return remarks


def _attributes(records: RecordedExperiment, result: ExperimentResult) -> dict[str, Json]:
    summary = summary_of(records.overview, result)
    attributes: dict[str, Json] = {
        "name": summary.name,
        "description": summary.description,
        "directory": summary.directory,
        "kind": summary.kind,
        "method": summary.method,
        "state": summary.state,
        "started": iso_time(summary.started),
        "seed": summary.seed,
        "release": summary.release,
    }
    return {name: value for name, value in attributes.items() if value not in ("", None)}


def _port(text: str) -> int:
    if text.isascii() and text.isdigit() and int(text) <= 65535:
        return int(text)
    raise ArgumentTypeError(f"a port is from 1 to 65535, or 0 for a free one, but got {text!r}")
