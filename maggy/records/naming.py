"""Name a new experiment's directory, or find that of an earlier one. It knows no records."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from maggy.common.credentials import without_credentials as shown
from maggy.common.exceptions import ExperimentNotFoundError, ResumeError
from maggy.common.files import Files
from maggy.common.json_values import closest
from maggy.common.terminal_text import terminal_line

__all__ = [
    "ExperimentDirectory",
    "find_directory",
    "find_recorded",
    "make_directory",
    "recorded_names",
]

RECORD_NAME = "maggy.json"
"""The file that makes a directory an experiment's."""
_NAMES_LISTED = 20


@dataclass(frozen=True)
class ExperimentDirectory:
    """The directory of an experiment, ``<root>/<app_id>_<run_id>``.

    Attributes:
        path: The path or URL.
        app_id: The application that ran the experiment.
        run_id: The number of the experiment among those of the application, from 1.
    """

    path: str
    app_id: str
    run_id: int

    @property
    def experiment_id(self) -> str:
        """The name of the directory."""
        return f"{self.app_id}_{self.run_id}"


def make_directory(
    files: Files, root: str, app_id: str, names: Callable[[], Iterable[str]] | None = None
) -> ExperimentDirectory:
    """Make the directory of a new experiment. Its run number is the highest existing one plus 1.

    An existing directory is never used. If several processes ask at once, each gets its own.

    Args:
        files: Reads and writes in ``root``.
        root: The directory that holds all experiments. It is made if it does not exist.
        app_id: The application that runs the experiment.
        names: Return the names that the directory must not have; those in ``root`` if None.
    """
    files.make_directory(root, exist_ok=True)
    names_in_use = files.list(root) if names is None else names()
    run_id = 1 + max((_run_id(name, app_id) for name in names_in_use), default=0)
    while True:
        path = files.join(root, f"{app_id}_{run_id}")
        try:
            files.make_directory(path)
        except FileExistsError:  # another process was quicker
            run_id += 1
        else:
            return ExperimentDirectory(path, app_id, run_id)


def find_directory(
    files: Files,
    root: str,
    experiment: str | os.PathLike[str],
    resolve: Callable[[str], str] | None = None,
) -> ExperimentDirectory:
    """Return the directory of an experiment that is recorded.

    Args:
        files: Reads there.
        root: The directory in which experiments are looked up by name.
        experiment: The experiment's id (``<app_id>_<run_id>``) or its directory.
        resolve: Return the full path of a directory that the user has named; ``files.resolve`` if
            None.

    Raises:
        ResumeError: If there is no such experiment. The message names those that exist.
    """
    wish = os.fspath(experiment)
    name = wish.rstrip("/\\").replace("\\", "/").rsplit("/", 1)[-1]
    app_id, _, number = name.rpartition("_")
    if app_id and _is_number(number):
        for path in (files.join(root, wish), (resolve or files.resolve)(wish)):
            if _is_experiment(files, path):
                return ExperimentDirectory(path, app_id, int(number))
    names = recorded_names(files, root)
    raise ResumeError(
        "An experiment to resume must be one that is recorded (<application>_<number>), but there "
        f"is no {shown(wish)!r}. In {shown(root)} there are: "
        f"{', '.join(names[-_NAMES_LISTED:]) or 'none'}."
        f"{closest(name, names)}"
    )


def find_recorded(
    files: Files,
    root: str,
    experiment: str | os.PathLike[str],
    resolve: Callable[[str], str] | None = None,
) -> str:
    """Return the path of an experiment that is to be read, whatever its directory is called.

    It is also found if ``maggy.json`` is missing, but the end of a trial is recorded.

    Args:
        files: Reads there.
        root: The directory in which experiments are looked up by name.
        experiment: The experiment's id (``<app_id>_<run_id>``) or its directory.
        resolve: Return the full path of a directory that the user has named; ``files.resolve`` if
            None.

    Raises:
        ExperimentNotFoundError: If there is none. The message says where it was looked for.
    """
    wish = os.fspath(experiment)
    paths = list(dict.fromkeys((files.join(root, wish), (resolve or files.resolve)(wish))))
    for path in paths:
        if _is_experiment(files, path) or _has_ended_trial(files, path):
            return path
    names = recorded_names(files, root)
    there = ", ".join(map(terminal_line, names[-_NAMES_LISTED:]))
    raise ExperimentNotFoundError(
        f"An experiment is opened by its directory or its id, but there is no "
        f"{shown(wish)!r}: neither {' nor '.join(map(shown, paths))} holds a {RECORD_NAME}. "
        f"In {shown(root)} there are: {there or 'none'}."
        f"{closest(wish, names)}"
    )


def recorded_names(files: Files, root: str) -> list[str]:
    """Return the names of the recorded experiments in a directory, sorted."""
    return [name for name in files.list(root) if _is_experiment(files, files.join(root, name))]


def _has_ended_trial(files: Files, path: str) -> bool:
    names = files.list(path)
    return any(files.exists(files.join(path, name, "trial.json")) for name in names)


def _is_experiment(files: Files, path: str) -> bool:
    return files.exists(files.join(path, RECORD_NAME))


def _run_id(name: str, app_id: str) -> int:
    """Return the run number in a directory's name; 0 for a name that is not this application's."""
    number = name[len(app_id) + 1 :]
    return int(number) if name.startswith(f"{app_id}_") and _is_number(number) else 0


def _is_number(text: str) -> bool:
    # str.isdigit alone accepts superscripts, which int refuses.
    return text.isascii() and text.isdigit()
