"""The listener of the guide, which sends a message at the end."""

import json
import re
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest
from helpers.listeners import INFO
from helpers.results import search_result
from helpers.waiting import Background

import maggy

GUIDE = Path(__file__).parents[2] / "docs" / "guides" / "listeners.md"


class Chat(BaseHTTPRequestHandler):
    """A chat that takes messages."""

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.messages.append((self.path, json.loads(body)))
        self.send_response(200)
        self.end_headers()

    def log_message(self, *args):
        pass


@pytest.mark.loopback
def test_the_message_of_the_guide_arrives():
    block = re.search(r"```python\n(.*?)```", GUIDE.read_text(encoding="utf-8"), re.DOTALL)[1]
    names = {}
    exec(block.partition("def train")[0], names)  # the class, without the search
    with HTTPServer(("127.0.0.1", 0), Chat) as chat:
        chat.messages = []
        background = Background(chat.handle_request)
        listener = names["Message"](f"http://127.0.0.1:{chat.server_port}/webhook")
        assert isinstance(listener, maggy.Listener)
        listener.on_experiment_start(INFO)
        listener.on_experiment_end(search_result([0.5, None, 0.75]))
        background.join()
    text = f"{INFO['name']}: FINISHED, 2 trials, best 0.75"
    assert chat.messages == [("/webhook", {"text": text})]
