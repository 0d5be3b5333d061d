"""The calls of MLflow's client that Maggy needs. It knows runs, and neither trials nor files."""

from __future__ import annotations

import contextlib
import os
import socket
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

from maggy.common.credentials import without_credentials
from maggy.common.extras import install_command
from maggy.common.optional import import_optional
from maggy.tracking.mlflow_retries import NO_RETRIES
from maggy.tracking.mlflow_values import MetricPoint

if TYPE_CHECKING:
    from mlflow import MlflowClient

__all__ = ["REMEDY", "MlflowServer", "RecordedRun", "ServerIsAway", "tracking_uri_of"]

T = TypeVar("T")

REMEDY = install_command("mlflow")
PROBE_SECONDS = 5.0
"""How long a server may take to accept a connection."""
PAGE = 1000
"""Number of runs in one answer of the server."""


class ServerIsAway(ConnectionError):
    """The server does not accept connections."""


class RecordedRun(NamedTuple):
    """A run that the server has.

    Attributes:
        run_id: Its id.
        status: RUNNING, FINISHED, FAILED or KILLED.
        tags: Its tags.
    """

    run_id: str
    status: str
    tags: Mapping[str, str]


def tracking_uri_of(uri: str | None) -> str | None:
    """Return the URI of the server that MLflow would use, as far as that is known without MLflow.

    MLflow's ``set_tracking_uri`` sets the environment variable, too.
    """
    return uri or os.environ.get("MLFLOW_TRACKING_URI") or None


class MlflowServer:
    """One experiment on a tracking server.

    Nothing is called before :meth:`connect`, which loads MLflow and may be called by two threads.
    MLflow's client would repeat a request for minutes. So a connection is opened and closed again
    before each request, which is not repeated: the caller tries again later.

    Args:
        uri: The URI of the server; None for MLflow's own default.
        experiment_name: The name of the experiment, which is made if it does not exist.
        experiment_id: The id of the experiment, in place of the name.

    Attributes:
        uri: The URI of the server; None until it is known.
    """

    def __init__(
        self, uri: str | None, experiment_name: str | None, experiment_id: str | None = None
    ) -> None:
        self.uri = uri
        self._experiment_name = experiment_name
        self._experiment_id = experiment_id
        self._lock = threading.Lock()
        self._client: MlflowClient | None = None
        self._context: dict[str, str] = {}

    def connect(self) -> None:
        """Load MLflow, and find or make the experiment.

        Raises:
            MissingDependencyError: If MLflow cannot be imported.
            ServerIsAway: If the server is away.
        """
        with self._lock:
            if self._client is None:
                self._connect()

    def _connect(self) -> None:
        mlflow = import_optional("mlflow", "The listener MLflow", REMEDY)
        self.uri = self.uri or mlflow.get_tracking_uri()
        client = mlflow.MlflowClient(self.uri)
        if self._experiment_id is None:
            self._experiment_id = self._request(self._find_experiment, client)
        self._context = _context_tags()
        self._client = client

    def _find_experiment(self, client: MlflowClient) -> str:
        name = self._experiment_name or "Default"
        experiment = client.get_experiment_by_name(name)
        if experiment is None:
            # A training function may make it at the same moment.
            with contextlib.suppress(Exception):
                return str(client.create_experiment(name))
            experiment = client.get_experiment_by_name(name)
        if experiment is None or experiment.lifecycle_stage != "active":
            raise ValueError(f"MLflow has no experiment {name!r}, or it was deleted there.")
        return str(experiment.experiment_id)

    @property
    def experiment_id(self) -> str | None:
        """The id of the experiment; None before :meth:`connect` has succeeded."""
        return None if self._client is None else self._experiment_id

    def create_run(self, name: str, start: int, tags: Mapping[str, str]) -> str:
        """Make a run and return its id.

        Args:
            name: The name that MLflow shows.
            start: When it started, in milliseconds since 1970.
            tags: Its tags.
        """
        run = self._call("create_run", self._experiment_id, start, {**self._context, **tags}, name)
        return str(run.info.run_id)

    def log(
        self,
        run_id: str,
        points: Sequence[MetricPoint] = (),
        params: Mapping[str, str] | None = None,
        tags: Mapping[str, str] | None = None,
    ) -> None:
        """Write points, parameters and tags of a run, in as few requests as MLflow allows."""
        from mlflow.entities import Metric, Param, RunTag

        self._call(
            "log_batch",
            run_id,
            [Metric(point.name, point.value, point.time, point.step) for point in points],
            [Param(name, value) for name, value in (params or {}).items()],
            [RunTag(name, value) for name, value in (tags or {}).items()],
            synchronous=True,
        )

    def end_run(self, run_id: str, status: str, end: int) -> None:
        """Set the status and the end of a run.

        Args:
            run_id: The run.
            status: RUNNING, FINISHED, FAILED or KILLED.
            end: When it ended, in milliseconds since 1970.
        """
        store = getattr(getattr(self._client, "_tracking_client", None), "store", None)
        if store is None:
            self._call("set_terminated", run_id, status, end)
            return
        # The public method reads the run once more, and prints two lines about it.
        from mlflow.entities import RunStatus

        self._request(store.update_run_info, run_id, RunStatus.from_string(status), end, None)

    def reopen_run(self, run_id: str) -> None:
        """Let a run that has ended go on."""
        self._call("update_run", run_id, "RUNNING")

    def delete_run(self, run_id: str) -> None:
        """Move a run to MLflow's trash."""
        self._call("delete_run", run_id)

    def write_text(self, run_id: str, name: str, text: str) -> None:
        """Write an artifact of a run."""
        self._call("log_text", run_id, text, name)

    def read_steps(self, run_id: str, name: str) -> dict[float, float]:
        """Return the values of a metric by step."""
        history = self._call("get_metric_history", run_id, name)
        return {metric.step: metric.value for metric in history}

    def find_runs(
        self, tags: Mapping[str, str], *, in_all_experiments: bool = False
    ) -> Iterator[RecordedRun]:
        """Yield the runs that have these tags, and are not deleted."""
        condition = " and ".join(f"tags.`{name}` = '{value}'" for name, value in tags.items())
        experiments = [self._experiment_id]
        if in_all_experiments:
            experiments = [item.experiment_id for item in self._call("search_experiments")]
        token = None
        while True:
            page = self._call(
                "search_runs", experiments, condition, max_results=PAGE, page_token=token
            )
            for run in page:
                yield RecordedRun(run.info.run_id, run.info.status, run.data.tags)
            token = page.token
            if not token:
                return

    def _call(self, method: str, *args: object, **options: object) -> Any:  # noqa: ANN401
        return self._request(getattr(self._client, method), *args, **options)

    def _request(self, call: Callable[..., T], *args: object, **options: object) -> T:
        self._probe()
        try:
            with NO_RETRIES:
                return call(*args, **options)
        except Exception as error:
            self._probe()  # if it has gone meanwhile, that is the reason
            # A server that is being killed may still accept connections.
            cause = error.__cause__ or error.__context__
            if type(cause).__name__ == "ConnectionError":
                raise self._away(cause) from error
            raise

    def _probe(self) -> None:
        """Raise `ServerIsAway` if nobody listens at the address of the server."""
        url = urlsplit(self.uri or "")
        if url.scheme not in ("http", "https") or not url.hostname:
            return
        if url.scheme in getproxies() and not proxy_bypass(url.hostname):
            return
        port = url.port or (443 if url.scheme == "https" else 80)
        try:
            socket.create_connection((url.hostname, port), PROBE_SECONDS).close()
        except OSError as error:
            raise self._away(error) from error

    def _away(self, reason: object) -> ServerIsAway:
        return ServerIsAway(
            f"MLflow's server {without_credentials(self.uri or '')} cannot be reached ({reason}). "
            "What is missing is written when it is back, or later by maggy export --mlflow."
        )


def _context_tags() -> dict[str, str]:
    """Return the tags with which MLflow says who runs what: user, source, commit."""
    try:
        from mlflow.tracking.context.registry import resolve_tags

        return {name: str(value) for name, value in resolve_tags().items()}
    except Exception:  # not a public function of MLflow's, and not worth an error
        return {}
