"""Talks to Hopsworks' Experiments service and registry of drivers, on a thread of its own. Decides nothing.

An ill service must not cost an experiment anything: nobody waits long for it, nothing is raised, and one sentence is
said.
"""

from __future__ import annotations

import inspect
import json
import re
import threading
import time
from collections.abc import Callable
from queue import SimpleQueue
from typing import Any

from maggy.common.json_values import to_plain
from maggy.core.environment.hopsworks.package import import_hops

__all__ = ["ExperimentsService"]

Json = dict[str, Any]

SLOW_SECONDS = 3.0
"""A service that takes longer to answer is slow, which is said."""
HURRY_SECONDS = 1.0
"""How long the end of an experiment waits for a service that was slow before."""


class ExperimentsService:
    """Registers and updates one experiment and its driver.

    Every call is made on the service's thread, one after the other, in the order in which they were asked for.

    Args:
        app_id: The Spark application that began the experiment.
        run_id: The number of the experiment in it.
        prepare: Makes what must be there before the experiment is registered; called on the service's thread.
        tell: Called, at most once, with a sentence about the first call that failed or was slow.
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
        self._slow = False
        self._told = threading.Lock()
        self._registered = False
        self._record: Json = {}
        self._calls: SimpleQueue[Callable[[], None] | None] = SimpleQueue()
        self._thread = threading.Thread(target=self._run, name="maggy-hopsworks", daemon=True)
        self._thread.start()

    def register(self, experiment: Json, patience: float) -> bool:
        """Makes the experiment known; returns whether that was done within ``patience`` seconds."""
        done = threading.Event()

        def call() -> None:
            try:
                self._register(experiment)
            finally:
                done.set()

        self._calls.put(call)
        if done.wait(patience):
            return True
        self._slow = True  # until it is seen how long it took
        return False

    def register_driver(self, app_id: str, host: str, port: int, secret: str) -> None:
        """Makes known where the driver that runs as ``app_id`` answers questions for the progress."""
        driver = {"hostIp": host, "port": port, "appId": app_id, "secret": secret}
        self._calls.put(lambda: self._post_driver(driver))

    def close(self, experiment: Json, changes: Json, patience: float) -> bool:
        """Updates the record with how the experiment ended; nothing can be asked for after that.

        Args:
            experiment: What :meth:`register` was given, if the service was ill then.
            changes: What is new.
            patience: Seconds to wait at most, or less if the service was slow before; after that it goes on by itself
                as long as the process lives.

        Returns:
            Whether everything was handled in time.
        """
        self._calls.put(lambda: self._update(experiment, changes))
        self._calls.put(None)
        self._thread.join(min(patience, HURRY_SECONDS) if self._slow else patience)
        if self._thread.is_alive():
            self._tell_once(
                TimeoutError(
                    "it is slow to answer, so how the experiment ended is shown later or not"
                )
            )
        return not self._thread.is_alive()

    def _run(self) -> None:
        while (call := self._calls.get()) is not None:
            began = self._clock()
            try:
                call()
            except Exception as error:  # whatever a service that is ill may cause
                self._tell_once(error)
            took = self._clock() - began
            self._slow = took > SLOW_SECONDS
            if self._slow:
                self._tell_once(TimeoutError(f"it took {took:.0f} seconds to answer"))

    def _tell_once(self, error: Exception) -> None:
        if not self._told.acquire(blocking=False):  # never given back
            return
        text = _without_secrets(" ".join(str(error).split()))
        self._tell(
            f"Hopsworks does not show this experiment as it should ({type(error).__name__}: {text:.300}); "
            "the experiment itself goes on."
        )

    def _register(self, experiment: Json) -> None:
        self._prepare()
        answer = self._attach(experiment, first=True)
        self._registered, self._record = True, experiment
        if not isinstance(answer, dict) or answer.get("id") != experiment["id"]:
            raise ValueError(f"it answered {answer!r:.80} instead of the experiment's record")
        self._record = {**experiment, **answer}  # the service wants back what it added

    def _update(self, experiment: Json, changes: Json) -> None:
        if not self._registered:  # it was ill in the beginning; perhaps it is well again
            self._register(experiment)
        self._attach({**self._record, **changes}, first=False)

    def _attach(self, record: Json, *, first: bool) -> Any:
        attach = import_hops("experiment_impl.util.experiment_utils")._attach_experiment_xattr
        record = to_plain(record)
        if len(inspect.signature(attach).parameters) >= 4:  # hops before 2.0
            return _with_a_new_token(
                attach, self._app_id, self._run_id, record, "CREATE" if first else "REPLACE"
            )
        kind = "INIT" if first else "FULL_UPDATE"
        return _with_a_new_token(attach, f"{self._app_id}_{self._run_id}", record, kind)

    def _post_driver(self, driver: Json) -> None:
        send = import_hops("util").send_request
        headers = {"Content-type": "application/json"}
        path = "/hopsworks-api/api/maggy/drivers"
        answer = _with_a_new_token(
            lambda: send("POST", path, data=json.dumps(driver), headers=dict(headers))
        )
        if answer.status_code >= 400:
            text = answer.text.replace(
                driver["secret"], "***"
            )  # a service may send back what it was sent
            raise ConnectionError(
                f"{path} answered {answer.status_code} {answer.reason}: {text:.200}"
            )


def _with_a_new_token(send: Callable[..., Any], *args: Any) -> Any:
    """Calls ``send``, and again if the token was refused: the platform renews the file, and each call reads it anew.

    The repetition inside hops sends the same token, and forgets the private certificate authority, so that with TLS a
    refused token looks like a failed handshake.
    """
    try:
        answer = send(*args)
        if getattr(answer, "status_code", None) != 401:
            return answer
    except Exception as error:
        if "HTTP code: 401" not in str(error) and type(error).__name__ != "SSLError":
            raise
    return send(*args)


def _without_secrets(text: str) -> str:
    """The text without tokens: a header that cannot be sent, as with a line break in it, is quoted in the error."""
    return re.sub(r"(Bearer|ApiKey) [^\s'\",]+", r"\1 ***", text)
