"""A small web server for an application that another package brings (WSGI)."""

from __future__ import annotations

import socket
from collections.abc import Iterable
from ipaddress import ip_address
from socketserver import TCPServer, ThreadingMixIn
from typing import TYPE_CHECKING
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

from maggy.common.exceptions import BadArgumentsError
from maggy.common.hosts import add_brackets, strip_brackets

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

__all__ = ["WebServer"]

_LOCAL_NAMES = ("localhost", "127.0.0.1", "[::1]")


class WebServer:
    """Listen at an address, and answer with an application.

    A page of another site may let its own name point to this machine, and then read what a browser
    gets from here. So a server that only this machine reaches answers only requests for a name of
    this machine.

    Args:
        application: The application.
        host: The name or the address to listen at.
        port: The port; 0 for a free one.

    Raises:
        BadArgumentsError: If nothing can listen there.
    """

    def __init__(self, application: WSGIApplication, host: str, port: int) -> None:
        host = strip_brackets(host)
        try:
            self._server = make_server(
                host, port, _only_for_this_machine(application, host), _server_class(host), _Quiet
            )
        except OSError as error:
            raise BadArgumentsError(
                "The dashboard listens at an address of this machine whose port is free, but "
                f"{add_brackets(host)}:{port} cannot be used: {error.strerror or error}. "
                "Choose another one with --host and --port; --port 0 takes a free port."
            ) from error
        self.url = f"http://{add_brackets(host)}:{self._server.server_port}"

    def serve(self) -> None:
        """Answer until the thread is interrupted, then close the port."""
        try:
            self._server.serve_forever()
        finally:
            self._server.server_close()


class _Quiet(WSGIRequestHandler):
    """Answer one request without a line about it."""

    def log_message(self, format: str, *args: object) -> None:
        pass


class _Server(ThreadingMixIn, WSGIServer):
    daemon_threads = True
    allow_reuse_address = True

    def server_bind(self) -> None:
        # As WSGIServer does, but without looking up the name of the host, which may take long.
        TCPServer.server_bind(self)
        self.server_name, self.server_port = str(self.server_address[0]), self.server_address[1]
        self.setup_environ()

    def handle_error(self, request: object, client_address: object) -> None:
        """Say nothing of a browser that goes away in the middle of an answer."""


class _ServerOfIPv6(_Server):
    address_family = socket.AF_INET6


def _server_class(host: str) -> type[WSGIServer]:
    return _ServerOfIPv6 if ":" in host else _Server


def _only_for_this_machine(application: WSGIApplication, host: str) -> WSGIApplication:
    if not _is_local(host):
        return application

    def answer(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        name = environ.get("HTTP_HOST", "localhost")
        if _without_port(name) not in _LOCAL_NAMES:
            start_response("403 Forbidden", [("Content-Type", "text/plain")])
            return [b"This server answers only requests for localhost."]
        return application(environ, start_response)

    return answer


def _without_port(name: str) -> str:
    host, colon, port = name.rpartition(":")
    return host if colon and port.isdigit() else name


def _is_local(host: str) -> bool:
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False
