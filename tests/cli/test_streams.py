"""Where the command writes: streams that are closed, full, or read by nobody."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from helpers.recorded import record_search

from maggy.cli.command_line import main

ROOT = Path(__file__).parents[2]
REMARK = "maggy: Standard output must be a place that can be written, but it is not: "


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="only Linux has a full disk at hand")
@pytest.mark.parametrize("count", [1, 500])
def test_an_answer_that_cannot_be_written_is_2(tmp_path, monkeypatch, capsys, count):
    recorded = record_search(tmp_path, [0.5] * count)
    full = open("/dev/full", "w")  # noqa: SIM115  # its error would come again when it is closed
    with monkeypatch.context() as patch:
        patch.setattr(sys, "stdout", full)
        assert main(["export", recorded.path, "--json"]) == 2
    assert capsys.readouterr().err == f"{REMARK}[Errno 28] No space left on device.\n"
    full.close()


@pytest.mark.parametrize("name", ["stdout", "stderr"])
def test_a_stream_that_the_caller_has_closed_changes_no_exit_code(tmp_path, monkeypatch, name):
    record_search(tmp_path)
    for arguments, code in ((["list", "--log-dir", str(tmp_path)], 0), (["show", "nope"], 3)):
        with monkeypatch.context() as patch:
            patch.setattr(sys, name, None)
            assert main(arguments) == code
            getattr(sys, name).close()


@pytest.mark.slow
def test_remarks_that_nobody_reads_change_no_exit_code():
    reading, writing = os.pipe()
    os.close(reading)
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    env.pop("PYTHONUNBUFFERED", None)  # users' output waits in memory
    for arguments, code in ((["show", "nope"], 3), (["show", "--nope"], 2)):
        command = [sys.executable, "-m", "maggy", *arguments]
        done = subprocess.run(command, env=env, stdout=subprocess.PIPE, stderr=writing, check=False)
        assert (done.returncode, done.stdout) == (code, b"")
    os.close(writing)
