"""The contract of a subcommand: its name, its help, its arguments, and what it does."""

from __future__ import annotations

from abc import ABC, abstractmethod
from argparse import ArgumentParser, Namespace

from maggy.cli.screen import Screen

__all__ = ["FAILURE", "NOT_FOUND", "SUCCESS", "WRONG_USE", "Command"]

SUCCESS = 0
FAILURE = 1
"""The exit code if the experiment failed, or if something that was checked is wrong."""
WRONG_USE = 2
"""The exit code of arguments that are wrong, or do not fit the experiment."""
NOT_FOUND = 3
"""The exit code if there is no such experiment, or it cannot be read."""


class Command(ABC):
    """One subcommand of ``maggy``. It holds no state.

    Attributes:
        name: The word that chooses it.
        summary: What it does, in one line without a full stop.
        description: Further sentences of its help.
        examples: Calls that its help shows, at least one, and what each does.
    """

    name: str
    summary: str
    description: str = ""
    examples: tuple[tuple[str, str], ...]

    @abstractmethod
    def add_arguments(self, parser: ArgumentParser) -> None:
        """Add the arguments of the subcommand to its parser."""

    @abstractmethod
    def run(self, arguments: Namespace, screen: Screen) -> int:
        """Do what the arguments ask for, and return the exit code.

        Raises:
            ExperimentNotFoundError: If there is no such experiment.
            BadArgumentsError: If arguments do not fit the experiment.
        """
