"""Lines about an experiment: one when something has changed, and none twice."""

from dataclasses import replace

import pytest

from maggy.live.plain import PlainView, progress_text
from maggy.live.snapshot import Snapshot
from maggy.result.rows import make_row
from maggy.trial import Trial

START = Snapshot(
    "demo", "app_1", "/logs/app_1", "optimization", "RUNNING", "max", "accuracy", 20,
    waiting_for="Waiting for the first worker",
)  # fmt: skip


def row(metric):
    trial = Trial({"x": metric})
    trial.status, trial.final_metric = Trial.FINALIZED, metric
    return make_row(trial, "accuracy")


MIDDLE = replace(
    START, waiting_for="", num_ended=12, num_stopped=1, num_failed=1, best=[row(0.8123456)],
    running=[row(0.5)] * 2, seconds=60.0, remaining_seconds=195.0,
)  # fmt: skip


def test_the_progress_is_one_line():
    assert progress_text(START) == "RUNNING: Waiting for the first worker"
    assert progress_text(MIDDLE) == (
        "RUNNING: 12 of 20 trials, 1 stopped early, 1 failed; 2 running; "
        "best accuracy=0.8123; about 3:15 left"
    )
    assert progress_text(replace(MIDDLE, remaining_seconds=0.2)).endswith("accuracy=0.8123")
    end = replace(
        MIDDLE, state="FINISHED", num_ended=20, running=[], seconds=7384.0, remaining_seconds=None
    )
    assert progress_text(end) == (
        "FINISHED: 20 of 20 trials, 1 stopped early, 1 failed; best accuracy=0.8123; 2:03:04"
    )
    nothing = replace(START, state="KILLED", waiting_for="", total=None)
    assert progress_text(nothing) == "KILLED: 0 trials"
    assert progress_text(replace(nothing, total=1)) == "KILLED: 0 of 1 trial"
    once = replace(nothing, kind="single", num_ended=1, seconds=3.0)
    assert progress_text(once) == "KILLED: one call of a function; 0:03"


def test_a_view_writes_only_what_has_changed_and_the_end_once():
    lines = []
    view = PlainView(lines.append)
    for snapshot in (START, replace(START, seconds=1.0), MIDDLE, replace(MIDDLE, seconds=70.0)):
        view.show(snapshot)
    view.say("trial 3: accuracy=0.5")
    end = replace(MIDDLE, state="FINISHED", running=[])
    view.show(end)
    for _ in range(2):
        view.close(end)
    assert lines == [
        "Experiment 'demo' in /logs/app_1",
        progress_text(START),
        progress_text(MIDDLE),
        "trial 3: accuracy=0.5",
        progress_text(end),
    ]


@pytest.mark.parametrize("evil", ["\x1b[2J\x1b]0;title\x07", "\u202e", "a\nb\r"], ids=ascii)
def test_no_terminal_obeys_a_line(evil):
    lines = []
    view = PlainView(lines.append)
    snapshot = replace(
        MIDDLE, name=evil, directory=f"/{evil}", optimization_key=evil, waiting_for=""
    )
    view.show(snapshot)
    view.show(replace(snapshot, waiting_for=evil))
    view.say(evil)
    text = "".join(lines)
    assert text.replace("\n", "").isprintable()
    assert len(progress_text(snapshot).splitlines()) == 1
