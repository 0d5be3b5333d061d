"""Servers of Google Cloud Storage, Azure Blob Storage and SFTP on this machine.

Run as a program, it fetches Azure's with npm into a folder: ``python store_servers.py <folder>``.
"""

import asyncio
import base64
import functools
import os
import secrets
import shutil
import socket
import subprocess
import sys
import threading
import uuid
from pathlib import Path

AZURITE = "azurite@3"
SECONDS = 300.0
"""Seconds after which a server that has not started or ended will not do so."""

__all__ = ["SERVERS", "why_not"]


class GoogleStorage:
    """Google Cloud Storage, as gcp-storage-emulator imitates it.

    Attributes:
        variables: The environment variables with which gcsfs reaches it.
        secret: What must not be shown to anybody; None, since the emulator wants no credentials.
    """

    secret = None

    def __init__(self, folder):
        self.port = _free_port()
        self.variables = {
            "STORAGE_EMULATOR_HOST": f"http://127.0.0.1:{self.port}",
            "GOOGLE_CLOUD_PROJECT": "tests",
            # gcsfs would ask an interface that the emulator lacks which kind of bucket this is.
            "GCSFS_EXPERIMENTAL_ZB_HNS_SUPPORT": "false",
        }
        self.folder = folder
        _let_the_emulator_create_exclusively()
        self.start()

    def start(self):
        from gcp_storage_emulator.server import create_server

        self.server = create_server("127.0.0.1", self.port, data_dir=str(self.folder))
        self.server.start()

    def stop(self):
        self.server.stop()

    def new_place(self):
        """Return the URL of a new bucket."""
        import fsspec

        name = f"b{uuid.uuid4().hex}"
        fsspec.filesystem("gs", skip_instance_cache=True).mkdir(name)
        return f"gs://{name}"


@functools.cache
def _let_the_emulator_create_exclusively():
    """Let an upload fail where it asks that there be no such object (``ifGenerationMatch=0``).

    The emulator does not know this condition, on which Google's own store lets only one of several
    clients create an object. It serves one request at a time, so nothing comes between.
    """
    from http import HTTPStatus

    from gcp_storage_emulator.exceptions import NotFound
    from gcp_storage_emulator.handlers import objects

    upload = objects._multipart_upload

    def upload_if_allowed(request, response, storage):
        if request.query.get("ifGenerationMatch") == ["0"]:
            try:
                name = request.data["meta"]["name"]
                storage.get_file_obj(request.params["bucket_name"], name)
            except NotFound:
                pass
            else:
                response.status = HTTPStatus.PRECONDITION_FAILED
                return
        upload(request, response, storage)

    objects._multipart_upload = upload_if_allowed


class AzureStorage:
    """Azure Blob Storage, as Microsoft's Azurite imitates it. It needs node.

    The environment variable ``MAGGY_AZURITE`` names the folder into which npm has installed it.

    Attributes:
        variables: The environment variables with which adlfs reaches it.
        secret: The account's key, which must not be shown to anybody.
    """

    def __init__(self, folder):
        self.port = _free_port()
        self.folder = folder
        self.secret = base64.b64encode(secrets.token_bytes(32)).decode()
        url = f"http://127.0.0.1:{self.port}/tests"
        self.variables = {
            "AZURE_STORAGE_CONNECTION_STRING": "DefaultEndpointsProtocol=http;AccountName=tests;"
            f"AccountKey={self.secret};BlobEndpoint={url};"
        }
        self.start()

    def start(self):
        from helpers.leftovers import LASTING  # not at the top: this file also runs as a program
        from helpers.waiting import wait_until

        program = os.path.join(os.environ["MAGGY_AZURITE"], "node_modules/.bin/azurite-blob")
        options = ["--blobHost", "127.0.0.1", "--blobPort", str(self.port), "--silent"]
        # Azure's client may speak a version of the interface that is newer than Azurite.
        options += ["--skipApiVersionCheck", "--disableTelemetry", "--location", str(self.folder)]
        accounts = {"AZURITE_ACCOUNTS": f"tests:{self.secret}"}
        self.process = subprocess.Popen(
            [program, *options],
            env={**os.environ, **accounts},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        LASTING.add(self.process.pid)  # a server that a test starts again serves the next ones, too
        wait_until(self._answers, "the start of Azurite", pause=0.1)

    def _answers(self):
        assert self.process.poll() is None, "Azurite has ended"
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.port)) == 0

    def stop(self):
        self.process.terminate()
        self.process.wait(SECONDS)

    def new_place(self):
        """Return the URL of a new container."""
        import fsspec

        name = f"c{uuid.uuid4().hex}"
        fsspec.filesystem("abfs", skip_instance_cache=True).mkdir(name)
        return f"abfs://{name}"


class SftpServer:
    """An SFTP server of asyncssh, which wants a password.

    Attributes:
        variables: Environment variables; none, since the URL says everything.
        secret: The password, which must not be shown to anybody.
    """

    variables: dict[str, str] = {}

    def __init__(self, folder):
        import asyncssh

        self.port = _free_port()
        self.folder = folder
        self.secret = secrets.token_hex(8)
        self.key = asyncssh.generate_private_key("ssh-ed25519")
        self.loop = asyncio.new_event_loop()
        self.thread = threading.Thread(target=self.loop.run_forever, daemon=True)
        self.thread.start()
        self.start()

    def start(self):
        self._call(self._listen())

    async def _listen(self):
        import asyncssh

        password = self.secret
        self.connections = []
        connections = self.connections

        class Server(asyncssh.SSHServer):
            def connection_made(self, connection):
                connections.append(connection)

            def begin_auth(self, username):
                return True

            def password_auth_supported(self):
                return True

            def validate_password(self, username, given):
                return (username, given) == ("tests", password)

        self.listener = await asyncssh.create_server(
            Server,
            "127.0.0.1",
            self.port,
            server_host_keys=[self.key],
            sftp_factory=lambda channel: asyncssh.SFTPServer(channel, chroot=str(self.folder)),
        )

    def stop(self):
        """End the server and every connection."""
        self._call(self._close())

    async def _close(self):
        self.listener.close()
        for connection in self.connections:
            connection.abort()
        await self.listener.wait_closed()

    def _call(self, coroutine):
        return asyncio.run_coroutine_threadsafe(coroutine, self.loop).result(SECONDS)

    def new_place(self):
        """Return the URL of a new folder, with user and password."""
        name = f"f{uuid.uuid4().hex}"
        (self.folder / name).mkdir()
        return f"sftp://tests:{self.secret}@127.0.0.1:{self.port}/{name}"


SERVERS = {"google": GoogleStorage, "azure": AzureStorage, "sftp": SftpServer}


def why_not(name):
    """Return why a server cannot run on this machine; None if it can."""
    if name == "azure" and not (shutil.which("node") and shutil.which("npm")):
        return "Azurite needs node and npm, and one of them is not installed"
    return None


def fetch_azurite(folder):
    """Install Azurite with npm into a folder, unless it is there."""
    folder = Path(folder)
    if (folder / "node_modules" / "azurite").is_dir():
        return
    folder.mkdir(parents=True, exist_ok=True)
    # Otherwise npm looks for such a file in the folders above.
    (folder / "package.json").write_text("{}")
    subprocess.run(["npm", "install", "--no-audit", "--no-fund", AZURITE], cwd=folder, check=True)


def _free_port():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]


if __name__ == "__main__":
    reason = why_not("azure")
    if reason is None:
        fetch_azurite(sys.argv[1])
    else:
        print(reason)
