"""The view in a terminal draws below what is printed, and leaves the terminal as it was."""

import io
import sys

import pytest
from helpers.screen import Screen, Terminal

from maggy import Trial
from maggy.live import choice
from maggy.live.choice import choose_view
from maggy.live.experiment import LiveExperiment
from maggy.live.terminal import open_terminal_view
from maggy.result.rows import make_row

pytest.importorskip("rich")


class FakeTerminal(io.StringIO):
    """A stream that says it is a terminal."""

    encoding = "utf-8"

    def isatty(self):
        return True


def make_terminal(monkeypatch, columns=80, rows=24, **variables):
    """Make standard output a terminal, and return it. A fixture would be too early for pytest."""
    for name in ("NO_COLOR", "FORCE_COLOR", "TTY_COMPATIBLE", "TTY_INTERACTIVE"):
        monkeypatch.delenv(name, raising=False)
    size = {"COLUMNS": str(columns), "LINES": str(rows)}
    for name, value in {"TERM": "xterm", **size, **variables}.items():
        monkeypatch.setenv(name, value)
    stream = FakeTerminal()
    monkeypatch.setattr(sys, "stdout", stream)
    return stream


def screen_of(stream, columns=80, rows=24):
    screen = Screen(columns, rows)
    screen.feed(stream.getvalue().replace("\n", "\r\n"))
    return screen


def experiment(running=0):
    live = LiveExperiment("digits", total=20, optimization_key="accuracy", clock=lambda: 0.0)
    for number in range(1, 5 + running):
        trial = Trial({"lr": number / 100, "units": 2**number % 1000})
        trial.number, trial.worker, trial.status = number, number % 2, Trial.RUNNING
        live.trial_began(make_row(trial, "accuracy"))
        live.add_points(trial.trial_id, [(step, step * number / 10) for step in range(9)])
        if number < 4:
            trial.status, trial.final_metric = Trial.FINALIZED, number / 10
            live.trial_ended(make_row(trial, "accuracy"))
        elif number == 4:
            trial.status, trial.error = Trial.ERROR, "ValueError: \x1b[9A\x1b[2Jno [bold]x[/bold]"
            live.trial_ended(make_row(trial, "accuracy"))
    return live


def test_the_picture_of_two_running_trials(monkeypatch):
    stream = make_terminal(monkeypatch)
    view = choose_view()
    live = experiment(running=2)
    view.show(live.snapshot())
    view.say("0 #5: Epoch 1/10")
    print("printed by the user")
    view.show(live.snapshot())
    assert screen_of(stream).lines == [
        "0 #5: Epoch 1/10",
        "printed by the user",
        "Maggy experiment ━━━━━━━━╺━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━ 4/20",
        "best accuracy 0.3 (trial 3), 1 failed",
        "running  parameters         step  accuracy  curve         worker  time",
        "trial 5  lr=0.05, units=32     8         4  ▁▂▃▄▅▅▆▇█          1",
        "trial 6  lr=0.06, units=64     8       4.8  ▁▂▃▄▅▅▆▇█          0",
        "best     accuracy  parameters",
        "trial 3       0.3  lr=0.03, units=8",
        "trial 2       0.2  lr=0.02, units=4",
        "trial 1       0.1  lr=0.01, units=2",
        "failed   error",
        "trial 4  ValueError: no [bold]x[/bold]",
    ]
    view.close(live.snapshot("FINISHED"))
    view.close(live.snapshot("FINISHED"))
    print("Finished Experiment")
    screen = screen_of(stream)
    assert sys.stdout is stream
    assert screen.has_cursor
    assert screen.unknown == []
    assert not [line for line in screen.lines if line.startswith("running")]
    assert screen.text.count("Maggy experiment") == 1
    last_lines = "trial 4  ValueError: no [bold]x[/bold]\nFinished Experiment"
    assert screen.text.rstrip().endswith(last_lines)


def test_an_experiment_without_trials_is_a_bar(monkeypatch):
    stream = make_terminal(monkeypatch)
    view = open_terminal_view()
    live = LiveExperiment("digits", total=None)
    live.wait_for("Waiting for the first worker")
    view.show(live.snapshot())
    view.close(live.snapshot("FAILED"))
    assert screen_of(stream).lines == [
        "Maggy experiment 0, failed",
        "Waiting for the first worker",
        "",
    ]


@pytest.mark.parametrize(("columns", "rows"), [(60, 8), (60, 24), (100, 12), (200, 60), (40, 6)])
def test_thousand_running_trials_fit_in_any_size(monkeypatch, columns, rows):
    stream = make_terminal(monkeypatch, columns, rows)
    view = open_terminal_view()
    live = experiment(running=1000)
    for _ in range(3):
        view.show(live.snapshot())
    screen = screen_of(stream, columns, rows)
    assert len(screen.lines) < rows
    assert max(map(len, screen.lines)) <= columns
    assert screen.text.count("Maggy experiment") == 1
    assert " more" in screen.text
    view.close(live.snapshot())


def test_long_lines_are_left_to_the_terminal_and_nothing_moves_the_cursor(monkeypatch):
    stream = make_terminal(monkeypatch)
    view = open_terminal_view()
    live = experiment()
    view.show(live.snapshot())
    view.say("0 #5: " + "x" * 200 + "\x1b[3A\x1b[2J\x1b]0;title\x07\rend [red]of[/red] line")
    view.close(live.snapshot())
    assert "x" * 200 + "end [red]of[/red] line" in stream.getvalue()
    screen = screen_of(stream)
    assert screen.unknown == []
    assert screen.lines[0].startswith("0 #5: xxx")


def test_without_colours_there_are_none(monkeypatch):
    stream = make_terminal(monkeypatch)

    def colours():
        view = open_terminal_view()
        view.show(experiment(running=2).snapshot())
        view.close(experiment().snapshot())
        codes = {code for group in screen_of(stream).colours for code in group.split(";")}
        return codes - {"", "0", "1", "2"}  # bold and dim are no colours

    assert colours()
    stream.truncate(0)
    stream.seek(0)
    monkeypatch.setenv("NO_COLOR", "1")
    assert not colours()


@pytest.mark.parametrize(
    ("name", "value"),
    [("TERM", "dumb"), ("TERM", "unknown"), ("TTY_COMPATIBLE", "0"), ("COLUMNS", "39")],
)
def test_a_terminal_that_cannot_draw_has_no_view(monkeypatch, name, value):
    make_terminal(monkeypatch, **{name: value})
    assert choose_view() is None


def test_without_a_terminal_or_its_characters_or_rich_there_is_no_view(monkeypatch):
    stream = make_terminal(monkeypatch)
    assert choose_view() is not None
    with monkeypatch.context() as patch:
        patch.setattr(stream, "encoding", "ascii", raising=False)
        assert choose_view() is None
    with monkeypatch.context() as patch:
        patch.setattr(stream, "isatty", lambda: False)
        assert choose_view() is None
    with monkeypatch.context() as patch:
        patch.setitem(sys.modules, "rich", None)
        assert choose_view() is None
    monkeypatch.setattr(sys, "stdout", None)
    assert choose_view() is None


def test_inside_a_live_display_of_the_user_there_is_no_view(monkeypatch):
    make_terminal(monkeypatch)
    from rich.console import Console
    from rich.live import Live

    with Live("mine", console=Console(), auto_refresh=False):
        assert choose_view() is None
    assert choose_view() is not None


def test_in_a_notebook_whose_panel_cannot_be_made_there_is_no_view(monkeypatch):
    def fail():
        raise ImportError("no IPython")

    make_terminal(monkeypatch)
    monkeypatch.setattr(choice, "is_available", lambda: True)
    monkeypatch.setattr(choice, "NotebookPanel", fail)
    assert choose_view() is None


DRAW = """
import sys, time
from maggy.live.choice import choose_view
from maggy.live.experiment import LiveExperiment
view = choose_view()
view.show(LiveExperiment("digits", total=20).snapshot())
time.sleep(60)
"""


@pytest.mark.slow
def test_a_killed_process_leaves_a_usable_terminal():
    terminal = Terminal([sys.executable, "-c", DRAW])
    try:
        terminal.read_until(lambda screen: "Maggy experiment" in screen.text, 60)
        terminal.process.kill()
        terminal.read_to_end(60)
        assert terminal.screen.has_cursor
        assert terminal.screen.unknown == []
        assert terminal.attributes_now() == terminal.attributes
    finally:
        terminal.close()
