"""The panel in a kernel: what it sends to the front end, and that nothing of it stays."""

import sys

import pytest
from helpers.snapshots import experiment_snapshot

from maggy.live.panel import NotebookPanel, is_available

CELL = """
import sys, threading
sys.path[:0] = {path!r}
import ipywidgets
from helpers.snapshots import experiment_snapshot as snapshot
from maggy.live.panel import NotebookPanel, is_available

assert is_available()
threads = threading.active_count()
times = iter({times!r})
panel = NotebookPanel(clock=lambda: next(times))
panel.show(snapshot(num_ended=1))
for ended in range(2, {last}):
    panel.show(snapshot(num_ended=ended))
panel.close(snapshot(state="FINISHED", num_ended=8, running=[]))
panel.close(snapshot(state="FAILED"))  # closing again is harmless
panel.show(snapshot())
panel.say("a line that stays")
assert threading.active_count() == threads
from ipywidgets.widgets.widget import _instances
assert not _instances
"""


@pytest.fixture(scope="module")
def client():
    from jupyter_client import KernelManager

    manager = KernelManager()
    manager.kernel_cmd = [sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"]
    manager.start_kernel()
    client = manager.client()
    client.start_channels()
    try:
        client.wait_for_ready(timeout=120)
        yield client
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)


def messages(client, times, **options):
    """Run a panel in the kernel with this clock; return what it sends to the front end."""
    found = []

    def take(message):
        if message["msg_type"] not in ("status", "execute_input"):
            found.append((message["msg_type"], message["content"]))

    code = CELL.format(path=sys.path, times=times, last=len(times) + 1)
    reply = client.execute_interactive(code, timeout=120, output_hook=take, **options)
    assert reply["content"]["status"] == "ok", reply["content"]
    return found


@pytest.mark.slow
def test_the_panel_is_html_that_a_model_changes_and_nothing_of_the_model_stays(client):
    # Too early for the model; for the model only; for both; for a new model.
    found = messages(client, [0.0, 0.1, 1.0, 3.5, 16.0])
    assert [kind for kind, _ in found] == [
        *("display_data", "comm_open", "comm_open"),
        "comm_msg",
        *("comm_msg", "update_display_data"),
        *("comm_open", "comm_open", "comm_close", "comm_close", "update_display_data"),
        *("comm_msg", "update_display_data", "comm_close", "comm_close"),
        "stream",
    ]
    contents = [content for _, content in found]
    displays = [content for content in contents if "transient" in content]
    assert len({content["transient"]["display_id"] for content in displays}) == 1
    assert {tuple(content["data"]) for content in displays} == {("text/html", "text/plain")}
    (panel_id,) = {content["transient"]["display_id"] for content in displays}
    assert all(f'data-panel="{panel_id}"' in content["data"]["text/html"] for content in displays)
    assert "8 of 8 trials" in displays[-1]["data"]["text/html"]
    assert displays[-1]["data"]["text/plain"].startswith("Maggy experiment digits: finished, 8 of")
    # Only what differs is sent.
    assert set(contents[3]["data"]["state"]) == {"head"}
    assert "3 of 8 trials" in contents[3]["data"]["state"]["head"]
    assert contents[-1]["text"] == "a line that stays\n"


@pytest.mark.slow
def test_a_program_that_only_runs_a_notebook_gets_html_alone(client):
    found = messages(client, [0.0, 1.0, 3.5], allow_stdin=False)
    assert [kind for kind, _ in found] == [
        *("display_data", "update_display_data", "update_display_data", "stream"),
    ]


def test_there_is_no_panel_outside_a_kernel():
    assert not is_available()


def test_a_panel_that_cannot_be_shown_raises_and_closing_it_is_harmless(monkeypatch):
    def fail(*args, **options):
        raise OSError("the front end is gone")

    monkeypatch.setattr("IPython.display.display", fail)
    panel = NotebookPanel()
    for _ in range(2):
        with pytest.raises(OSError, match="is gone"):
            panel.show(experiment_snapshot())
    with pytest.raises(OSError, match="is gone"):
        panel.close(experiment_snapshot())
    panel.close(experiment_snapshot())
