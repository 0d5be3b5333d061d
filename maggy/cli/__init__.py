"""The command ``maggy``: what ran, what runs and how to go on, in a terminal."""

from maggy.cli.command_line import main

__all__ = ["main"]
