"""``maggy doctor``: what an experiment needs, whether it is there, and what to do."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace

from maggy.cli.arguments import add_log_dir
from maggy.cli.command import FAILURE, SUCCESS, Command
from maggy.cli.findings import Finding, findings_text
from maggy.cli.screen import Screen

__all__ = ["DoctorCommand"]


class DoctorCommand(Command):
    """Check what Maggy runs on."""

    name = "doctor"
    summary = "Check what Maggy runs on, and say what to do"
    description = (
        "Without --spark it looks at this machine only, and starts nothing. With --spark it "
        "starts the Spark session that an experiment would use, runs two small tasks, and ends "
        "the session. It shows no users, passwords or queries of URLs, and no environment "
        "variables."
    )
    examples = (
        ("maggy doctor", "versions, Java, and whether records can be written"),
        ("maggy doctor --spark", "also the executors, and whether they reach the driver"),
        ("MASTER=spark://host:7077 maggy doctor --spark", "the executors of that cluster"),
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Add the directory of records, and ``--spark``."""
        add_log_dir(parser)
        parser.add_argument(
            "--spark", action="store_true", help="start a Spark session, and look at executors"
        )

    def run(self, arguments: Namespace, screen: Screen) -> int:
        """Write the findings. Return the exit code of a failure if one is a problem."""
        from maggy.cli.driver_checks import driver_findings
        from maggy.core.environment import find_environment

        environment = find_environment()
        root = environment.root(arguments.log_dir)
        findings = driver_findings(environment.files, root)
        if not arguments.spark:
            findings.append(Finding("note", "executors", "not looked at; add --spark"))
        elif all(finding.status != "problem" for finding in findings[:-1]):
            from maggy.cli.executor_checks import executor_findings

            findings += executor_findings()
        else:
            text = "not looked at, since this machine has a problem"
            findings.append(Finding("note", "executors", text))
        screen.write(findings_text(findings))
        has_problem = any(finding.status == "problem" for finding in findings)
        return FAILURE if has_problem else SUCCESS
