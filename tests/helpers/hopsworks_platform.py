"""A small Hopsworks for tests: REST endpoints over HTTP, HopsFS in a folder, the real hops."""

import json
import os
import pickle
import socket
import ssl
import struct
import sys
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from fsspec.core import url_to_fs

STANDIN = str(Path(__file__).parents[1] / "hopsworks_standin")
TOKEN = "fresh"


@dataclass
class Request:
    method: str
    path: str
    body: dict
    token: str


@dataclass
class Platform:
    """What is asked of it is kept in ``requests``; how it behaves may be changed at any time.

    Attributes:
        files: The folder that holds HopsFS.
        hopsfs: The URL that holds it, if it is not that folder.
        status: Answered to everything, with Hopsworks' error record, if it is not 200.
        broken: Answer with something that is no JSON.
        gate: If set, nothing is answered before it opens.
        token: The only token that is accepted.
        renew: Write this token once the old one was refused, as the platform does.
        on_driver: Called when a driver has been registered, before the driver is answered.
    """

    files: Path
    secrets: Path
    hopsfs: str = ""
    endpoint: str = ""
    status: int = 200
    broken: bool = False
    gate: threading.Event | None = None
    token: str = TOKEN
    renew: bool = False
    on_driver: Callable[[], None] = lambda: None
    requests: list = field(default_factory=list)
    drivers: dict = field(default_factory=dict)
    experiments: dict = field(default_factory=dict)
    directories: dict = field(default_factory=dict)

    def variables(self):
        """What the platform sets on driver and executors."""
        return {
            "REST_ENDPOINT": self.endpoint,
            "HADOOP_USER_NAME": "demo__alice",
            "HOPSWORKS_PROJECT_ID": "119",
            "HOPSWORKS_PROJECT_NAME": "demo",
            "SECRETS_DIR": str(self.secrets),
            "HOPSWORKS_JOB_NAME": "my_job",
            "HOPSWORKS_KERNEL_ID": "kernel-1",
            "PYDOOP_STANDIN": self.hopsfs or str(self.files),
        }

    def serve(self, context=None):
        """Begin to answer on a free port; returns the server."""
        server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        server.daemon_threads = True
        if context is not None:
            server.socket = context.wrap_socket(server.socket, server_side=True)
        scheme = "http" if context is None else "https"
        self.endpoint = f"{scheme}://localhost:{server.server_address[1]}"
        threading.Thread(
            target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True
        ).start()
        return server

    def asked(self, method, part):
        """The requests so far of this method whose path holds ``part``."""
        return [each for each in self.requests if each.method == method and part in each.path]

    def answer(self, request):
        if request.token != f"Bearer {self.token}":
            if self.renew:
                (self.secrets / "token.jwt").write_text(self.token)
            return 401, _error(200003, "Token is expired")
        if self.status != 200:
            return self.status, _error(120001, "The service is ill")
        parts = request.path.partition("?")[0].split("/")
        if parts[-2] == "experiments":
            files, folder = url_to_fs(
                f"{self.hopsfs or self.files}/Projects/demo/Experiments/{parts[-1]}"
            )
            self.directories[request.path] = files.isdir(folder)
            if not self.directories[request.path]:
                return 404, _error(110018, "The path does not exist")
            added = {
                "userFullName": "Alice",
                "environment": "python",
                "program": "Experiments/x.ipynb",
            }
            self.experiments[parts[-1]] = request.body
            return (201 if "INIT" in request.path else 200), {**request.body, **added}
        if request.method == "POST":
            self.drivers[request.body["appId"]] = request.body
            self.on_driver()
            return 204, None
        return 200, self.drivers[parts[-1]]


def set_up(folder, monkeypatch):
    """Serve the endpoints, set the variables, import hops anew, and return both ends."""
    platform = Platform(Path(folder) / "hopsfs", Path(folder) / "secrets")
    (platform.files / "Projects" / "demo" / "Experiments").mkdir(parents=True)
    platform.secrets.mkdir()
    (platform.secrets / "token.jwt").write_text(TOKEN)
    server = platform.serve()
    for name in ("MAGGY_LOG_DIR", "MAGGY_ENVIRONMENT", "API_KEY", "REQUESTS_VERIFY"):
        monkeypatch.delenv(name, raising=False)
    for name, value in platform.variables().items():
        monkeypatch.setenv(name, value)
    monkeypatch.syspath_prepend(STANDIN)
    forget_hops()
    return platform, server


def forget_hops():
    """Have hops imported anew, since it looks for pydoop only once."""
    for name in list(sys.modules):
        if name.partition(".")[0] in ("hops", "pydoop"):
            del sys.modules[name]


def private_authority(folder):
    """Return a TLS context for a server on localhost, and the file of its certificate."""
    import datetime

    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    now = datetime.datetime.now(datetime.timezone.utc)

    def certificate(name, key, issuer, issuer_key, authority):
        builder = (
            x509.CertificateBuilder()
            .subject_name(x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)]))
            .issuer_name(x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, issuer)]))
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - datetime.timedelta(hours=1))
            .not_valid_after(now + datetime.timedelta(days=1))
            .add_extension(x509.BasicConstraints(ca=authority, path_length=None), critical=True)
            .add_extension(
                x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False
            )
            .add_extension(
                x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer_key.public_key()),
                critical=False,
            )
        )
        if authority:
            others = [
                "digital_signature",
                "content_commitment",
                "key_encipherment",
                "data_encipherment",
            ]
            others += ["key_agreement", "encipher_only", "decipher_only"]
            usage = dict.fromkeys(others, False)
            builder = builder.add_extension(
                x509.KeyUsage(key_cert_sign=True, crl_sign=True, **usage), critical=True
            )
        else:
            names = x509.SubjectAlternativeName([x509.DNSName("localhost")])
            builder = builder.add_extension(names, critical=False)
        return builder.sign(issuer_key, hashes.SHA256())

    authority_key, key = (
        ec.generate_private_key(ec.SECP256R1()),
        ec.generate_private_key(ec.SECP256R1()),
    )
    root = certificate("Private Authority", authority_key, "Private Authority", authority_key, True)
    own = certificate("localhost", key, "Private Authority", authority_key, False)
    pem, chain = Path(folder) / "authority.pem", Path(folder) / "server.pem"
    pem.write_bytes(root.public_bytes(serialization.Encoding.PEM))
    secret = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    chain.write_bytes(secret + own.public_bytes(serialization.Encoding.PEM))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(chain)
    return context, pem


class Notebook:
    """The front end: it finds the driver through the platform, and draws a bar."""

    def __init__(self, endpoint, app_id):
        import requests

        url = f"{endpoint}/hopsworks-api/api/maggy/drivers/{app_id}"
        driver = requests.get(url, headers={"Authorization": f"Bearer {TOKEN}"}, timeout=60).json()
        self.secret = driver["secret"]
        self.address = (driver["hostIp"], int(driver["port"]))

    def poll(self):
        """One question on a connection of its own, as every five seconds."""
        with socket.create_connection(self.address, timeout=60) as connection:
            return ask(connection, {"type": "LOG", "secret": self.secret, "data": "LOG"})

    @staticmethod
    def bar(answer):
        count, total = answer["to_date"], answer["num_trials"]
        bar = f"[{'#' * count}{'-' * (total - count)}] {count}/{total}"
        return f"{bar} | stopped {answer['stopped']} | {answer['metric']}"


def ask(connection, question):
    """Sends a question in the front end's framing; returns what was answered, None if nothing."""
    data = question if isinstance(question, bytes) else pickle.dumps(question)
    connection.sendall(struct.pack(">I", len(data)) + data)
    return receive(connection)


def receive(connection):
    head = _exactly(connection, 4)
    if head is None:
        return None
    return pickle.loads(_exactly(connection, struct.unpack(">I", head)[0]))


def _exactly(connection, count):
    data = b""
    while len(data) < count:
        try:
            piece = connection.recv(count - len(data))
        except ConnectionResetError:
            return None
        if not piece:
            return None
        data += piece
    return data


def _error(code, text):
    return {"errorCode": code, "errorMsg": text, "usrMsg": ""}


def _handler(platform):
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _any(self):
            length = int(self.headers.get("Content-Length") or 0)
            body = json.loads(self.rfile.read(length) or b"{}")
            request = Request(self.command, self.path, body, self.headers.get("Authorization", ""))
            platform.requests.append(request)
            if platform.gate is not None:
                platform.gate.wait(600)
            status, answer = platform.answer(request)
            data = b"" if answer is None else json.dumps(answer).encode()
            if platform.broken:
                status, data = 200, b"<html>proxy"
            self.send_response(status)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        do_GET = do_PUT = do_POST = _any  # noqa: N815

        def log_message(self, *args):
            pass

    return Handler


def variables_for(process_folder):
    """Variables with which another Python process finds the stand-ins."""
    return {
        "PYTHONPATH": os.pathsep.join([STANDIN, str(Path(__file__).parents[1])]),
        "HOME": str(process_folder),
    }
