"""Talk to Hopsworks' Experiments service and its registry of drivers, in a thread of its own.

A failing service must cost an experiment nothing: the experiment does not wait long for it, no
error is raised, and the user is told in one sentence.
"""

from __future__ import annotations

import inspect
import json
import re
import threading
import time
from collections.abc import Callable
from queue import SimpleQueue
from typing import ParamSpec, TypeVar

from maggy.common.json_values import to_plain
from maggy.common.types import Json
from maggy.core.environment.hopsworks.package import import_hops

__all__ = ["ExperimentsService"]

P = ParamSpec("P")
T = TypeVar("T")

SLOW_SECONDS = 3.0
"""The user is told if the service takes longer than this to answer."""
HURRY_SECONDS = 1.0
"""Maximum number of seconds that the end of an experiment waits if the service was slow before."""


class ExperimentsService:
    """Register and update one experiment and its driver.

    All calls are made in the service's thread, in the order in which the methods were called.

    Args:
        app_id: The id of the Spark application that began the experiment.
        run_id: The number of the experiment in that application.
        prepare: Make what the service needs before it registers the experiment. It is called in the
            service's thread.
        tell: Called with a sentence about the first call that failed or was slow, at most once.
        clock: Monotonic seconds.
    """

    def __init__(
        self,
        app_id: str,
        run_id: str,
        prepare: Callable[[], None],
        tell: Callable[[str], None],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._app_id = app_id
        self._run_id = run_id
        self._prepare = prepare
        self._tell = tell
        self._clock = clock
        self._is_slow = False
        self._first_problem = threading.Lock()
        self._is_registered = False
        self._record: dict[str, Json] = {}
        self._calls: SimpleQueue[Callable[[], None] | None] = SimpleQueue()
        # A daemon: a service that never answers must not keep the process from ending.
        self._thread = threading.Thread(target=self._run, name="maggy-hopsworks", daemon=True)
        self._thread.start()

    def register(self, experiment: dict[str, Json], patience: float) -> bool:
        """Tell the service that the experiment begins.

        Args:
            experiment: The record of the experiment.
            patience: Maximum number of seconds to wait. The call goes on afterwards.

        Returns:
            Whether the call ended within ``patience``, successfully or not.
        """
        end = threading.Event()

        def call() -> None:
            try:
                self._register(experiment)
            finally:
                end.set()

        self._calls.put(call)
        if end.wait(patience):
            return True
        # The thread corrects this when the call ends.
        self._is_slow = True
        return False

    def register_driver(self, app_id: str, host: str, port: int, secret: str) -> None:
        """Tell the platform where the driver answers questions about the progress.

        Args:
            app_id: The id of the Spark application in which the driver runs.
            host: The IP address of the driver.
            port: The port of the progress channel.
            secret: The secret that a front end must send.
        """
        driver: dict[str, Json] = {
            "hostIp": host,
            "port": port,
            "appId": app_id,
            "secret": secret,
        }
        self._calls.put(lambda: self._post_driver(driver, secret))

    def close(self, experiment: dict[str, Json], changes: dict[str, Json], patience: float) -> bool:
        """Update the record with the end of the experiment. This is the last call.

        Args:
            experiment: The record that :meth:`register` got. It is registered now if the service
                failed then.
            changes: The fields that have changed.
            patience: Maximum number of seconds to wait; less if the service was slow before. The
                call goes on afterwards for as long as the process lives.

        Returns:
            Whether all calls ended in time.
        """
        self._calls.put(lambda: self._update(experiment, changes))
        self._calls.put(None)
        self._thread.join(min(patience, HURRY_SECONDS) if self._is_slow else patience)
        if self._thread.is_alive():
            self._tell_once(
                TimeoutError(
                    "it is slow to answer, so it will show the end of the experiment later or not "
                    "at all"
                )
            )
        return not self._thread.is_alive()

    def _run(self) -> None:
        while (call := self._calls.get()) is not None:
            began = self._clock()
            try:
                call()
            except Exception as error:
                # A failing service, hops and requests raise errors of many types.
                self._tell_once(error)
            duration = self._clock() - began
            self._is_slow = duration > SLOW_SECONDS
            if self._is_slow:
                self._tell_once(TimeoutError(f"it took {duration:.0f} seconds to answer"))

    def _tell_once(self, error: Exception) -> None:
        # Two threads may have a problem at once. The lock is never released, so the first one wins.
        if not self._first_problem.acquire(blocking=False):
            return
        text = _without_secrets(" ".join(str(error).split()))
        self._tell(
            "Hopsworks does not show this experiment as it should "
            f"({type(error).__name__}: {text:.300}); the experiment itself goes on."
        )

    def _register(self, experiment: dict[str, Json]) -> None:
        self._prepare()
        answer = self._attach(experiment, is_first=True)
        self._is_registered, self._record = True, experiment
        if not isinstance(answer, dict) or answer.get("id") != experiment["id"]:
            raise ValueError(f"it answered {answer!r:.80} instead of the experiment's record")
        # An update must contain the fields that the service has added.
        self._record = {**experiment, **answer}

    def _update(self, experiment: dict[str, Json], changes: dict[str, Json]) -> None:
        # The service failed at the beginning, but may have recovered.
        if not self._is_registered:
            self._register(experiment)
        self._attach({**self._record, **changes}, is_first=False)

    def _attach(self, record: dict[str, Json], *, is_first: bool) -> Json:
        attach: Callable[..., Json] = import_hops(
            "experiment_impl.util.experiment_utils"
        )._attach_experiment_xattr
        record = to_plain(record)
        # The function has four parameters before hops 2.0, and three from then on.
        if len(inspect.signature(attach).parameters) >= 4:
            mode = "CREATE" if is_first else "REPLACE"
            return _with_new_token(attach, self._app_id, self._run_id, record, mode)
        mode = "INIT" if is_first else "FULL_UPDATE"
        return _with_new_token(attach, f"{self._app_id}_{self._run_id}", record, mode)

    def _post_driver(self, driver: dict[str, Json], secret: str) -> None:
        send = import_hops("util").send_request
        headers = {"Content-type": "application/json"}
        path = "/hopsworks-api/api/maggy/drivers"
        # hops adds the token to the headers and never replaces it, so each call needs a new copy.
        answer = _with_new_token(
            lambda: send("POST", path, data=json.dumps(driver), headers=dict(headers))
        )
        if answer.status_code >= 400:
            # A service may send back the request.
            text = answer.text.replace(secret, "***")
            raise ConnectionError(
                f"{path} answered {answer.status_code} {answer.reason}: {text:.200}"
            )


def _with_new_token(send: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Call ``send``, and call it again if the token was refused.

    The platform renews the token's file, and each call reads that file again. hops itself repeats a
    call with the same token and forgets the private certificate authority. With TLS, a refused
    token therefore looks like a failed handshake.
    """
    try:
        answer = send(*args, **kwargs)
        if getattr(answer, "status_code", None) != 401:
            return answer
    except Exception as error:
        if "HTTP code: 401" not in str(error) and type(error).__name__ != "SSLError":
            raise
    return send(*args, **kwargs)


def _without_secrets(text: str) -> str:
    """Return a text without tokens.

    An error about a header that cannot be sent, for example because of a line break, quotes it.
    """
    return re.sub(r"(Bearer|ApiKey) [^\s'\",]+", r"\1 ***", text)
