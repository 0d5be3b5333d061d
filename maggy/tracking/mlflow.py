"""Experiments in MLflow: a listener that writes while they run, and an export for later."""

from __future__ import annotations

import contextlib
import json
import os
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from importlib.util import find_spec

from maggy.common.credentials import without_credentials
from maggy.common.exceptions import BadArgumentsError, MissingDependencyError
from maggy.common.files import AnyFiles, Files
from maggy.common.types import Json
from maggy.records.recorded import Overview, read_overview
from maggy.records.tracked_runs import Target, TrackedRuns, last_target
from maggy.records.trial_record import is_number
from maggy.result import ExperimentResult
from maggy.result.rows import TrialRow
from maggy.tracking.listener import ExperimentInfo, Tracker
from maggy.tracking.mlflow_server import REMEDY, MlflowServer, tracking_uri_of
from maggy.tracking.mlflow_values import EXPERIMENT_TAG, ROLE_TAG
from maggy.tracking.mlflow_writer import RunWriter
from maggy.version import __version__

__all__ = ["MLflow", "export"]

CONNECT_SECONDS = 10.0
"""How long the start of an experiment waits for the server at most."""


class MLflow(Tracker):
    """Write an experiment to MLflow while it runs: a parent run, and a nested run for each trial.

    A trial's run has the parameters, every reported point, the final metric as ``final_<key>``, the
    other returned numbers, the status, and the tag ``maggy.early_stopped``. The parent run has
    ``result.json`` as an artifact. The driver writes on a thread of its own, so workers lose no
    time. Runs that a training function opens become children of their trial's run.

    If the server is away, the experiment goes on. What is missing is written when the server is
    back, and at the end of the experiment at the latest. Afterwards :func:`export` writes it. The
    file ``mlflow.json`` in the experiment's directory records which runs are complete.

    Example:
        >>> from maggy import OptimizationConfig, Searchspace
        >>> space = Searchspace(x=("DOUBLE", [0, 1]))
        >>> config = OptimizationConfig(
        ...     20,
        ...     "randomsearch",
        ...     space,
        ...     listeners=[MLflow("my search", "http://localhost:5000")],
        ... )

    Args:
        experiment_name: The experiment of MLflow, which is made if it does not exist. None, the
            default, means MLflow's active experiment (``mlflow.set_experiment``, or
            ``$MLFLOW_EXPERIMENT_NAME`` or ``$MLFLOW_EXPERIMENT_ID``), or without one the name of
            the config.
        tracking_uri: The URI of the server. None, the default, means MLflow's own
            (``mlflow.set_tracking_uri`` or ``$MLFLOW_TRACKING_URI``).
        tags: Tags for all runs, as a dict of strings.

    Raises:
        BadArgumentsError: If an argument is of another type.
        MissingDependencyError: If MLflow is not installed.
    """

    def __init__(
        self,
        experiment_name: str | None = None,
        tracking_uri: str | None = None,
        tags: Mapping[str, str] | None = None,
    ) -> None:
        for name, text in (("experiment_name", experiment_name), ("tracking_uri", tracking_uri)):
            if text is not None and not (isinstance(text, str) and text):
                raise BadArgumentsError(
                    f"{name} must be a string that is not empty, or None, but got {text!r:.80}."
                )
        if tags is not None and not (
            isinstance(tags, Mapping)
            and all(isinstance(text, str) for pair in tags.items() for text in pair)
        ):
            raise BadArgumentsError(f"tags must be a dict of strings, but got {tags!r:.80}.")
        if "mlflow" not in sys.modules and find_spec("mlflow") is None:
            raise MissingDependencyError(
                f"The listener MLflow needs mlflow, which is not installed: {REMEDY}"
            )
        self._experiment_name = experiment_name
        self._tracking_uri = tracking_uri
        self._tags = dict(tags or {})
        self._writer: RunWriter | None = None
        self._next_writer: RunWriter | None = None  # it is prepared before the last one has ended

    def prepare(self, info: ExperimentInfo, files: Files) -> Mapping[str, str]:
        """Return the variables with which runs that a training function opens find the server."""
        server = self._open(info, files)
        variables = {
            "MAGGY_RUN_CONTEXT": json.dumps(
                {EXPERIMENT_TAG: info["experiment_id"], ROLE_TAG: "run"}
            )
        }
        # Another URI, such as that of a file, means nothing on another machine.
        if server.uri is None or not server.uri.startswith(("http://", "https://")):
            return variables
        variables["MLFLOW_TRACKING_URI"] = server.uri
        thread = threading.Thread(target=_connect, args=(server,), name="maggy-mlflow", daemon=True)
        thread.start()
        thread.join(CONNECT_SECONDS)
        # Only an experiment that exists: two workers that made the same one would fail.
        if server.experiment_id is not None:
            variables["MLFLOW_EXPERIMENT_ID"] = server.experiment_id
        return variables

    def on_experiment_start(self, info: ExperimentInfo) -> None:
        """Make the parent run."""
        if self._next_writer is None:
            self._open(info, AnyFiles())
        self._writer, self._next_writer = self._next_writer, None
        self._require_writer().catch_up()

    def on_trial_start(self, trial: TrialRow) -> None:
        """Take note of the trial, and write what is due."""
        writer = self._require_writer()
        writer.begin(trial)
        writer.catch_up()

    def on_report(self, trial: TrialRow, points: Sequence[tuple[float, float]]) -> None:
        """Take note of the points, and write what is due."""
        writer = self._require_writer()
        writer.add_points(trial["trial_id"], points)
        writer.catch_up()

    def on_trial_end(self, trial: TrialRow) -> None:
        """Write the trial."""
        writer = self._require_writer()
        writer.end(trial)
        writer.catch_up()

    def on_experiment_end(self, result: ExperimentResult) -> None:
        """Write what is missing, and the result."""
        writer, self._writer = self._require_writer(), None
        writer.finish(result)

    def export(
        self, result: ExperimentResult, on_write: Callable[[], object] = lambda: None
    ) -> int:
        """Write what an experiment that has ended lacks; see :func:`export`."""
        files = AnyFiles()
        directory = str(result.directory)
        info = _info_of(result, directory, files)
        self._open(info, files, is_export=True, on_write=on_write)
        self._writer, self._next_writer = self._next_writer, None
        writer = self._require_writer()
        return 0 if writer.is_complete_with(result) else writer.finish(result)

    def _open(
        self,
        info: ExperimentInfo,
        files: Files,
        *,
        is_export: bool = False,
        on_write: Callable[[], object] = lambda: None,
    ) -> MlflowServer:
        uri = tracking_uri_of(self._tracking_uri)
        target = self._chosen_target()
        if target is None and is_export:
            target = last_target(files, info["directory"], uri or "")
        target = target or Target(info["name"])
        name_and_id = (None, target.experiment) if target.is_id else (target.experiment, None)
        server = MlflowServer(uri, *name_and_id)
        record = TrackedRuns(files, info["directory"], server.uri or "", target)
        self._next_writer = RunWriter(server, record, info, self._tags, on_write)
        return server

    def _chosen_target(self) -> Target | None:
        """Return the experiment of MLflow that the user has chosen."""
        if name := self._experiment_name or os.environ.get("MLFLOW_EXPERIMENT_NAME"):
            return Target(name)
        experiment_id = os.environ.get("MLFLOW_EXPERIMENT_ID")
        return Target(experiment_id, is_id=True) if experiment_id else None

    def _require_writer(self) -> RunWriter:
        if self._writer is None:
            raise RuntimeError("MLflow hears only of an experiment whose start it has heard of.")
        return self._writer


def export(
    result: ExperimentResult,
    *,
    experiment_name: str | None = None,
    tracking_uri: str | None = None,
    tags: Mapping[str, str] | None = None,
    on_write: Callable[[], object] = lambda: None,
) -> int:
    """Write an experiment to MLflow that has ended, or complete what the listener has written.

    What ``mlflow.json`` in the experiment's directory records as written is not written again.

    Args:
        result: The result of the experiment, with its directory.
        experiment_name: See :class:`MLflow`, like the other arguments. If none is chosen, the one
            to which the experiment was written last on this server comes before the config's name.
        tracking_uri: See :class:`MLflow`.
        tags: See :class:`MLflow`.
        on_write: It is called after each trial that was written, for a display of the progress.

    Returns:
        The number of trials that were written.

    Raises:
        BadArgumentsError: If the result has no directory, the experiment runs, or an argument is of
            another type.
        MissingDependencyError: If MLflow is not installed.
        OwnershipError: If the experiment's listener or another export writes the same runs.
        ConnectionError: If the server is away.
    """
    if result.directory is None:
        raise BadArgumentsError(
            "An experiment is exported with its directory, but result.directory is None."
        )
    if result.state == "RUNNING":
        raise BadArgumentsError(
            "An experiment is exported when it has ended, but "
            f"{without_credentials(result.directory)} is running. The listener 'mlflow' "
            "writes an experiment while it runs."
        )
    return MLflow(experiment_name, tracking_uri, tags).export(result, on_write)


def _connect(server: MlflowServer) -> None:
    # The writer tries again, and says what is wrong.
    with contextlib.suppress(Exception):
        server.connect()


def _info_of(result: ExperimentResult, directory: str, files: Files) -> ExperimentInfo:
    """Return the description of an experiment, as far as its record holds it.

    Anybody may have written the record. So a value of a wrong type counts as missing.
    """
    overview: Overview | None = None
    with contextlib.suppress(OSError):  # then the result is the only source
        overview = read_overview(files, directory)
    record = {} if overview is None else overview.fields
    identity = {} if overview is None else overview.identity
    starts = [row["start"] for row in result.trials if row["start"] is not None]
    calls = record.get("runs")
    first_call = calls[0] if isinstance(calls, list) and calls else None
    began = first_call.get("began") if isinstance(first_call, dict) else None
    seed = record.get("drawn_seed")
    experiment_id = directory.rstrip("/").rpartition("/")[2]
    return {
        "experiment_id": experiment_id,
        "name": _text(record.get("name")) or experiment_id,
        "description": _text(record.get("description")),
        "directory": directory,
        "kind": result.kind,
        "method": _text(identity.get("optimizer")) or _text(identity.get("ablator")) or result.kind,
        "direction": result.direction,
        "optimization_key": result.optimization_key,
        "num_trials": None,
        "searchspace": None,
        "seed": seed if isinstance(seed, int) else 0,
        "start": float(began) if is_number(began) else min(starts, default=time.time()),
        "earlier_trials": 0,
        "maggy_version": _text(record.get("maggy_version")) or __version__,
    }


def _text(value: Json) -> str:
    return value if isinstance(value, str) else ""
