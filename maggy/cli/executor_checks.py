"""What ``maggy doctor --spark`` checks: it runs two tasks, and asks what they see."""

from __future__ import annotations

import functools
import platform
import secrets
import socket
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import Any

from maggy.cli.executor_probe import TOKEN_BYTES, probe
from maggy.cli.findings import Finding
from maggy.common.exceptions import MaggyError
from maggy.core.cluster import Cluster, active_cluster, error_of, release_error
from maggy.version import __version__

__all__ = ["compare", "executor_findings"]

_TASKS = 2
_JAVA_LOG = "Spark's own lines above say more."
_FIREWALL = (
    "Open the driver's ports to the executors, or set driver_port in the config to one that is "
    "open; spark.driver.host must be the driver's address as executors see it."
)


def executor_findings() -> list[Finding]:
    """Start the Spark session that an experiment would use, run two tasks, and end it."""
    try:
        cluster = active_cluster()
    except Exception as error:  # whatever Spark raises
        reason = str(error) if isinstance(error, MaggyError) else error_of(error)[0]
        return [Finding("problem", "session", f"Spark does not start: {reason:.500}", _JAVA_LOG)]
    try:
        return _findings_on(cluster)
    finally:
        with suppress(Exception):  # it has ended by itself
            cluster.session.stop()


def _findings_on(cluster: Cluster) -> list[Finding]:
    token = secrets.token_bytes(TOKEN_BYTES)
    session = _session_finding(cluster)
    try:
        with _listening(cluster.host, token) as port:
            task = functools.partial(probe, cluster.advertised, port)
            reports = cluster.run("maggy-doctor", "maggy doctor", [*range(_TASKS)], task)
    except OSError as error:
        text = f"cannot listen on {cluster.host}: {error}"
        return [session, Finding("problem", "driver", text, _FIREWALL)]
    except Exception as error:  # whatever Spark raises
        text = release_error(error) or error_of(error)[0]
        return [session, Finding("problem", "executors", text[:500], _remedy(text))]
    # Where Spark counts the cores of executors that have come, there were none before the tasks.
    findings = [_session_finding(cluster)]
    by_host: dict[str, Mapping[str, Any]] = {}
    for report in reports:
        if isinstance(report, Mapping):
            by_host.setdefault(str(report["host"]), report)
    for report in by_host.values():
        findings += compare(report, token, f"{cluster.advertised}:{port}")
    return findings


def _session_finding(cluster: Cluster) -> Finding:
    slots = cluster.slots()
    return Finding("ok", "session", f"{cluster.app_id}, {slots or 'unlimited'} task slots")


def compare(report: Mapping[str, Any], token: bytes, address: str) -> list[Finding]:
    """Return how an executor differs from the driver, and whether it has reached it.

    Args:
        report: What the probe has returned.
        token: What the driver has answered to everybody that has reached it.
        address: The driver's address, for the text.
    """
    own = platform.python_version()
    place = f"on {report['host']}"
    findings = [
        Finding("ok", f"Python {place}", f"{report['python']} ({report['executable']})"),
        Finding("ok", f"Maggy {place}", report["maggy"]),
        Finding("ok", f"Spark {place}", f"pyspark {report['pyspark'] or 'of an unknown version'}"),
        Finding("ok", f"Java {place}", report["java"] or "of an unknown version"),
        Finding("ok", f"TensorFlow {place}", report["tensorflow"] or "not installed"),
    ]
    if report["python"].split(".")[:2] != own.split(".")[:2]:
        findings[0] = Finding(
            "problem",
            findings[0].topic,
            findings[0].text,
            f"The driver has {own}. Set PYSPARK_PYTHON to a Python of the same version.",
        )
    if report["maggy"] != __version__:
        findings[1] = Finding(
            "note",
            findings[1].topic,
            findings[1].text,
            f"The driver has {__version__}. Install the same release on the executors.",
        )
    if report["token"] == token.hex():
        findings.append(Finding("ok", f"driver from {report['host']}", f"reached at {address}"))
    else:
        reason = report["error"] or "somebody else answers there"
        text = f"not reached at {address} ({reason})"
        findings.append(Finding("problem", f"driver from {report['host']}", text, _FIREWALL))
    return findings


def _remedy(text: str) -> str:
    if "PYTHON_VERSION_MISMATCH" in text or "different version" in text:
        return f"Set PYSPARK_PYTHON to a Python {platform.python_version()} on the executors."
    return "Run a job of your own on this Spark. If that fails too, the cluster is the cause."


@contextmanager
def _listening(host: str, token: bytes) -> Iterator[int]:
    """Answer everybody that connects with the token. The value is the port."""
    with socket.create_server((host, 0)) as server:
        thread = threading.Thread(target=_answer, args=(server, token), name="maggy-doctor")
        thread.daemon = True
        thread.start()
        port: int = server.getsockname()[1]
        try:
            yield port
        finally:
            # Where a thread waits for a connection, closing alone does not wake it.
            with suppress(OSError):
                server.shutdown(socket.SHUT_RDWR)
            server.close()
            thread.join(1.0)


def _answer(server: socket.socket, token: bytes) -> None:
    while True:
        try:
            connection, _ = server.accept()
        except OSError:  # it was closed
            return
        with connection, suppress(OSError):
            connection.sendall(token)
