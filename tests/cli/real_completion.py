"""The completion of ``maggy`` in a real bash and zsh, with argcomplete: `tox -e dashboard`."""

import os
import pty
import re
import select
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest
from helpers.recorded import record_search

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]
SECONDS = 60.0
_CONTROL = re.compile(rb"\x1b\[[0-9;?]*[a-zA-Z]|\x1b[=>]|\x1b\][^\x07]*\x07|[\x07\x08]")


class Shell:
    """A shell on a terminal, in which a test types."""

    def __init__(self, command, folder):
        environment = {
            "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
            "PYTHONPATH": os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")]),
            "HOME": str(folder), "MAGGY_LOG_DIR": str(folder / "logs"), "TERM": "xterm",
            "PS1": "$ ", "LANG": "C.UTF-8", "COLUMNS": "200",
        }  # fmt: skip
        self._terminal, child = pty.openpty()
        self._process = subprocess.Popen(
            command, cwd=folder, env=environment, stdin=child, stdout=child, stderr=child,
            start_new_session=True,
        )  # fmt: skip
        os.close(child)
        self._text = b""

    def type(self, text):
        """Type a text, and forget what was written before."""
        self._text = b""
        os.write(self._terminal, text.encode())

    def wait_for(self, text):
        """Wait until the shell has written a text."""
        deadline = time.monotonic() + SECONDS
        while text.encode() not in _CONTROL.sub(b"", self._text):
            assert time.monotonic() < deadline, _CONTROL.sub(b"", self._text)
            if select.select([self._terminal], [], [], 0.1)[0]:
                self._text += os.read(self._terminal, 65536)

    def end(self):
        """End the shell and what it has started."""
        self._process.kill()
        self._process.wait()
        os.close(self._terminal)


@pytest.fixture(params=["bash", "zsh"])
def shell(request, tmp_path):
    if shutil.which(request.param) is None:
        pytest.skip(f"{request.param} is not installed")
    for _ in range(2):
        record_search(tmp_path / "logs")
    (tmp_path / "logs" / "app_2").rename(tmp_path / "logs" / "other_7")
    (tmp_path / "mine").mkdir()
    shutil.copytree(tmp_path / "logs" / "app_1", tmp_path / "mine" / "copy_1")
    command = {"bash": ["bash", "--noprofile", "--norc", "-i"], "zsh": ["zsh", "-f", "-i"]}
    shell = Shell(command[request.param], tmp_path)
    if request.param == "zsh":
        shell.type("autoload -U compinit && compinit -u\n")
    shell.type('eval "$(register-python-argcomplete maggy)"; echo rea""dy\n')
    shell.wait_for("ready")
    yield shell
    shell.end()


def test_commands_options_ids_and_directories_are_completed(shell):
    for typed, completed in (
        ("maggy resu", "maggy resume-hint"),
        ("maggy show --fail", "maggy show --failures"),
        ("maggy show oth", "maggy show other_7"),
        ("maggy dashboard ap", "maggy dashboard app_1"),
        ("maggy show --log-dir mine cop", "maggy show --log-dir mine copy_1"),
        ("maggy show ./mi", "maggy show ./mine/"),
        ("maggy show mine/co", "maggy show mine/copy_1"),
        ("maggy list --log-dir mi", "maggy list --log-dir mine/"),
    ):
        shell.type(f"{typed}\t")
        shell.wait_for(completed)
        shell.type("\x15")  # deletes the line
    shell.type("maggy show app_\t\n")
    shell.wait_for("optimization with RandomSearch")
