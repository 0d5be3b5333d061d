"""Open recorded experiments, finished or not: ``maggy.load(directory_or_id)``."""

from __future__ import annotations

import os
import warnings

from maggy.common.credentials import without_credentials
from maggy.common.exceptions import BadArgumentsError
from maggy.common.files import Files
from maggy.core.environment import find_environment
from maggy.records.naming import find_recorded
from maggy.records.recorded import RecordedExperiment, read_experiment
from maggy.result import ExperimentResult
from maggy.result.opening import result_of

__all__ = ["load", "locate", "read"]

_MAX_PROBLEMS = 10


def load(
    experiment: str | os.PathLike[str], *, log_dir: str | os.PathLike[str] | None = None
) -> ExperimentResult:
    """Return the result of a recorded experiment: finished, failed, killed or running.

    It needs neither Spark nor the code of the experiment, and changes nothing on disk. A directory
    is data: no code in it runs, and nothing outside it is read. Directories of every release since
    2.0.0 can be opened.

    ``result.state`` is ``"RUNNING"``, ``"FINISHED"``, ``"FAILED"`` or ``"KILLED"``. An experiment
    was killed if that is recorded, or if no end is recorded and its driver is dead or has given no
    sign of life for 60 seconds. ``result.running`` holds the running trials with their points so
    far: on a disk all but those of the last five seconds, behind a URL of the last thirty.

    A damaged record is left out, and a warning names it.

    Args:
        experiment: The id of the experiment (``<application>_<run>``), or its directory: a path or
            an fsspec URL.
        log_dir: The directory in which an id is looked up; otherwise ``$MAGGY_LOG_DIR``, otherwise
            ``./Experiments``.

    Returns:
        The result as :func:`maggy.experiment.lagom` returns it. It covers the trials that have
        ended so far. A function that ran once has no metric, and its value is not recorded.

    Raises:
        BadArgumentsError: If the experiment is no path, URL or id.
        ExperimentNotFoundError: If there is no such experiment. The message says where Maggy
            looked. It is a ``FileNotFoundError``.

    Example:
        >>> import maggy
        >>> result = maggy.load("local-1795679146_1")  # doctest: +SKIP
        >>> result.state, result["best_val"]  # doctest: +SKIP
        ('FINISHED', 0.91)
    """
    records = read(experiment, log_dir=log_dir)
    result = result_of(records)
    if records.problems:
        lines = records.problems[:_MAX_PROBLEMS]
        if len(records.problems) > len(lines):
            lines.append(f"... and {len(records.problems) - len(lines)} more")
        text = (
            f"Records in {without_credentials(records.overview.directory)} are damaged:\n"
            + "\n".join(lines)
        )
        warnings.warn(text, stacklevel=2)
    return result


def read(
    experiment: str | os.PathLike[str], *, log_dir: str | os.PathLike[str] | None = None
) -> RecordedExperiment:
    """Return the records of an experiment. The arguments are those of :func:`load`.

    Raises:
        BadArgumentsError: If the experiment is no path, URL or id.
        ExperimentNotFoundError: If there is no such experiment.
    """
    return read_experiment(*locate(experiment, log_dir=log_dir))


def locate(
    experiment: str | os.PathLike[str], *, log_dir: str | os.PathLike[str] | None = None
) -> tuple[Files, str]:
    """Return what reads the records of an experiment, and their directory: a path or a URL.

    The arguments are those of :func:`load`.

    Raises:
        BadArgumentsError: If the experiment is no path, URL or id.
        ExperimentNotFoundError: If there is no such experiment.
    """
    if not isinstance(experiment, (str, os.PathLike)) or "\0" in os.fspath(experiment):
        raise BadArgumentsError(
            "The experiment must be a directory, a URL or an id, but got "
            f"{type(experiment).__name__}: {experiment!r:.80}."
        )
    environment = find_environment()
    root = environment.root(None if log_dir is None else os.fspath(log_dir))
    directory = find_recorded(environment.files, root, experiment, environment.root)
    return environment.files, directory
