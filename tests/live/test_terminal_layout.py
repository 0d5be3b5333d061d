"""The tables of an experiment fit any terminal."""

import itertools

import pytest

from maggy import Trial
from maggy.common.text_table import display_width
from maggy.live.experiment import LiveExperiment
from maggy.live.terminal_layout import GAP, headline, sections, share_lines, status_text
from maggy.result.rows import make_row

NOW = 1000.0
LONG = "学習\x1b[2Jrate" * 40


def make_trial(number, metric=None, error=None, **params):
    trial = Trial(params or {"lr": 0.1 * number, "units": 64})
    trial.number, trial.worker, trial.start = number, number % 8, NOW - number
    trial.status = Trial.RUNNING
    if metric is not None:
        trial.status, trial.final_metric = Trial.FINALIZED, metric
    if error is not None:
        trial.status, trial.error = Trial.ERROR, error
    return trial


def experiment(running=2, best=7, failed=5, key="val_accuracy", kind="optimization", **params):
    live = LiveExperiment("digits", total=2000, optimization_key=key, kind=kind)
    number = itertools.count(1)
    for _ in range(best):
        live.trial_ended(make_row(make_trial(next(number), metric=0.5, **params), key))
    for _ in range(failed):
        live.trial_ended(make_row(make_trial(next(number), error=f"{LONG}", **params), key))
    for _ in range(running):
        row = make_row(make_trial(next(number), **params), key)
        live.trial_began(row)
        live.add_points(row["trial_id"], [(step, 0.1 * step) for step in range(20)])
    return live


@pytest.mark.parametrize("counts", [(0, 0, 0), (1, 1, 0), (3, 5, 2), (1000, 5, 3), (1000, 0, 0)])
def test_the_rows_that_are_chosen_fit_in_every_number_of_lines(counts):
    for lines in range(60):
        chosen = share_lines(lines, counts)
        used = sum(1 + count for count in chosen if count) + (0 < chosen[0] < counts[0])
        assert used <= max(0, lines)
        assert all(0 <= part <= count for part, count in zip(chosen, counts, strict=True))


def test_running_trials_get_the_room_that_others_leave():
    assert share_lines(30, [1000, 5, 3]) == [18, 5, 3]
    assert share_lines(30, [2, 5, 3]) == [2, 5, 3]
    assert share_lines(12, [1000, 5, 3]) == [4, 3, 1]
    assert share_lines(5, [1000, 5, 3]) == [1, 1, 0]
    assert share_lines(3, [1000, 5, 3]) == [1, 0, 0]
    assert share_lines(5, [0, 5, 3]) == [0, 1, 1]


@pytest.mark.parametrize("columns", [40, 60, 79, 80, 120, 200])
@pytest.mark.parametrize("params", [{}, {LONG: LONG}], ids=["short", "long"])
def test_no_line_is_wider_than_the_terminal(columns, params):
    snapshot = experiment(key=LONG if params else "loss", **params).snapshot()
    tables = sections(snapshot, columns, 40, NOW)
    assert [table.name for table in tables] == ["running", "best", "failed"]
    for table in tables:
        widths = [
            max(map(display_width, cells)) for cells in zip(table.heads, *table.rows, strict=True)
        ]
        # At 40 columns the long name of a metric leaves no room for all others.
        assert columns == 40 or sum(widths) + GAP * (len(widths) - 1) <= columns
        assert all(cell.isprintable() for cells in table.rows for cell in cells)


def test_of_thousand_running_trials_some_are_shown_and_the_others_counted():
    table = sections(experiment(running=1000).snapshot(), 100, 30, NOW)[0]
    assert (len(table.rows), table.more) == (18, 982)
    assert [row[0] for row in table.rows[:2]] == ["trial 13", "trial 14"]


def test_the_row_of_a_running_trial():
    (table, *_) = sections(experiment(running=1, best=0, failed=0).snapshot(), 100, 30, NOW)
    assert dict(zip(table.heads, table.rows[0], strict=True)) == {
        "running": "trial 1",
        "parameters": "lr=0.1, units=64",
        "step": "19",
        "val_accuracy": "1.9",
        "curve       ": "▁▂▂▃▃▄▅▅▆▆▇█",
        "worker": "1",
        "time": "0:01",
    }


def test_when_it_has_ended_no_trial_runs():
    snapshot = experiment().snapshot("KILLED")
    assert [table.name for table in sections(snapshot, 100, 30, NOW)] == ["best", "failed"]
    assert headline(snapshot).endswith("killed")


def test_a_function_that_runs_once_is_no_trial_to_its_user():
    assert sections(experiment(kind="single").snapshot(), 100, 30, NOW) == []


def test_the_lines_above_the_tables():
    live = LiveExperiment("digits", total=2, optimization_key="loss", direction="min")
    live.wait_for("Waiting for executors: 2 of 8")
    assert status_text(live.snapshot()) == "Waiting for executors: 2 of 8"
    assert headline(live.snapshot()) == "0/2"
    live.trial_began(make_row(make_trial(1), "loss"))
    live.trial_ended(make_row(make_trial(1, metric=0.25), "loss"))
    live.trial_ended(make_row(make_trial(2, error="no"), "loss"))
    assert status_text(live.snapshot()) == "best loss 0.25 (trial 1), 1 failed"
    assert headline(live.snapshot("FINISHED")).startswith("2/2, 0:00 elapsed")
