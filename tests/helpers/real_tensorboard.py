"""A real TensorBoard on a folder, asked over HTTP."""

import json
import re
import subprocess
import sys
import time
import urllib.error
import urllib.request

GROUPS = {
    "experimentName": "",
    "allowedStatuses": ["STATUS_SUCCESS", "STATUS_FAILURE", "STATUS_RUNNING", "STATUS_UNKNOWN"],
    "colParams": [],
    "startIndex": 0,
    "sliceSize": 100,
}


class TensorBoard:
    """Serve a folder while it is open, and answer questions to a page of the HParams plugin."""

    def __init__(self, folder):
        options = [
            "--port",
            "0",
            "--host",
            "localhost",
            "--reload_interval",
            "1",
            "--load_fast",
            "false",
        ]
        self._command = [
            sys.executable,
            "-m",
            "tensorboard.main",
            "--logdir",
            str(folder),
            *options,
        ]

    def __enter__(self):
        self._process = subprocess.Popen(
            self._command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
        )
        for line in self._process.stderr:
            if found := re.search(r"http://\S+?:\d+", line):
                self._url = found[0]
                return self
        self.__exit__()
        raise AssertionError("TensorBoard showed no address")

    def __call__(self, page, body):
        request = urllib.request.Request(
            f"{self._url}/data/plugin/hparams/{page}",
            json.dumps(body).encode(),
            {"Content-Type": "application/json"},
        )
        with urllib.request.urlopen(request, timeout=60) as answer:
            return json.load(answer)

    def __exit__(self, *error):
        self._process.terminate()
        try:
            self._process.wait(60)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process.stderr.close()


def wait_for(condition, seconds=300):
    """What the condition gives once it gives something."""
    end = time.monotonic() + seconds
    while True:
        try:
            found = condition()
        except urllib.error.HTTPError:  # TensorBoard has not read the files yet
            found = None
        if found:
            return found
        assert time.monotonic() < end, "TensorBoard did not show it in time"
        time.sleep(0.2)
