"""``maggy resume-hint``: the argument of a config that goes on with an experiment."""

from __future__ import annotations

import re
from argparse import ArgumentParser, Namespace
from collections.abc import Set
from contextlib import suppress

from maggy.cli.arguments import add_experiment, open_experiment
from maggy.cli.command import SUCCESS, WRONG_USE, Command
from maggy.cli.screen import Screen
from maggy.cli.summary import Summary, summary_of
from maggy.common.exceptions import CheckpointError
from maggy.records.reading import DAMAGED

__all__ = ["ResumeHintCommand"]


class ResumeHintCommand(Command):
    """Write the ``resume=`` that goes on with an experiment."""

    name = "resume-hint"
    summary = "Write the resume= that goes on with an experiment"
    description = (
        "It belongs into the config of the same experiment. What the config must hold besides is "
        "written to standard error."
    )
    examples = (("maggy resume-hint local-1700000000000_1", "resume='/data/Experiments/...'"),)

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Add the experiment."""
        add_experiment(parser)

    def run(self, arguments: Namespace, screen: Screen) -> int:
        """Write the argument, and remarks on what must be equal."""
        records, result = open_experiment(arguments, screen)
        summary = summary_of(records.overview, result)
        if not re.fullmatch(r".+_\d+", summary.experiment_id, re.ASCII | re.DOTALL):
            screen.remark(
                "An experiment can be resumed only if its directory is called "
                f"<application>_<number>, but this one is called {summary.experiment_id!r}. "
                "Rename it."
            )
            return WRONG_USE
        for remark in _remarks(summary, result["failed"], len(result.trials)):
            screen.remark(remark)
        if summary.state != "RUNNING":
            ended_ids = {trial.trial_id for trial in records.trials}
            if count := _count_half_trained(summary.directory, ended_ids):
                trials = "1 trial" if count == 1 else f"{count} trials"
                screen.remark(
                    f"{trials} had begun and not ended. Their training goes on from their "
                    "checkpoints."
                )
        screen.write(f"resume={summary.directory!r}")
        return SUCCESS


def _remarks(summary: Summary, failed: int, total: int) -> list[str]:
    remarks = []
    if summary.state == "RUNNING":
        remarks.append("It is running. A second driver is refused until the first one has ended.")
    if summary.state == "FINISHED":
        remarks.append("It has finished. Only a config that asks for more trials has any to run.")
    if summary.method:
        what = "optimizer" if summary.kind == "optimization" else "ablator"
        remarks.append(
            f"The config must have the {what} {summary.method}, direction={summary.direction!r} "
            f"and optimization_key={summary.optimization_key!r}."
        )
    if summary.seed is not None:
        remarks.append(f"The config must have seed={summary.seed}.")
    if failed:
        remarks.append(_failed_remark(failed, total))
    return remarks


def _count_half_trained(directory: str, ended_ids: Set[str]) -> int:
    """Return how many trials have a checkpoint and have not ended.

    Args:
        directory: The directory of the experiment.
        ended_ids: The ids of the trials that have ended.
    """
    # Here, because these take ten times as long to import as the help takes to show.
    from maggy.checkpoints.keeping import read_checkpoint_record
    from maggy.common.files import AnyFiles

    files, count = AnyFiles(), 0
    for name in files.list(directory):
        if DAMAGED in name or name in ended_ids:
            continue
        with suppress(CheckpointError, OSError):  # then the trial begins anew
            trial = read_checkpoint_record(files, f"{directory}/{name}").trial
            count += trial is not None and trial.trial_id == name
    return count


def _failed_remark(failed: int, total: int) -> str:
    if failed == total:
        return f"Every trial failed ({failed}), so all of them run again."
    return f"Trials that failed ({failed} of {total}) run again only with retry_failed=True."
