"""The texts and curves in the cells of a view are short and safe, whatever the data are."""

import pytest

from maggy import Trial
from maggy.common.text_table import display_width
from maggy.live import cells
from maggy.live.experiment import LiveExperiment
from maggy.result.rows import make_row

NASTY = "a\x1b[2J\x1b[31mb\nc\x07\u202ed"


def row(params=None, points=(), trial_type="optimization", error=None, repeat=None):
    trial = Trial(params or {}, trial_type)
    for step, value in points:
        trial.append_metric({"step": step, "value": value})
    trial.number, trial.error, trial.repeat = 12, error, repeat
    return make_row(trial, "metric")


def test_parameters_are_rounded_and_cut_to_the_width():
    params = {"lr": 0.0123456789, "units": 64, "kind": "adam"}
    assert cells.parameters_text(row(params), "optimization") == "lr=0.01235, units=64, kind=adam"
    assert cells.parameters_text(row(params), "optimization", 20) == "lr=0.01235, units=6…"


@pytest.mark.parametrize("width", [1, 2, 3, 17, 60])
def test_no_text_is_wider_than_its_cell(width):
    wide = row({"学習率" * 100: "値" * 300, "x" * 300: "y" * 300})
    text = cells.parameters_text(wide, "optimization", width)
    assert 0 < display_width(text) <= width


@pytest.mark.parametrize("kind", ["optimization", "ablation"])
def test_no_text_holds_what_a_terminal_obeys(kind):
    params = {"ablated_layer": NASTY} if kind == "ablation" else {NASTY: NASTY}
    nasty = row(params, trial_type=kind, error=f"Traceback\n{NASTY}")
    text = cells.parameters_text(nasty, kind) + cells.failure_text(nasty)
    assert text.isprintable()
    assert "\u202e" not in text


def test_a_trial_of_an_ablation_says_what_it_leaves_out():
    base = row({"ablated_feature": "None", "ablated_layer": "None"}, trial_type="ablation")
    assert cells.parameters_text(base, "ablation") == "base"
    layer = row(
        {"ablated_feature": "None", "ablated_layer": "dense_1"}, trial_type="ablation", repeat=2
    )
    assert cells.parameters_text(layer, "ablation") == "without layer dense_1, repeat 2"
    assert cells.parameters_text(layer, "ablation", 20) == "without l…, repeat 2"


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (None, "no reason given"),
        ("metric is NaN", "metric is NaN"),
        ('Traceback\n  File "a.py", line 1, in f\n    g()\nValueError: no\nmore', "ValueError: no"),
        (
            'Traceback\n  File "a.py", line 1\nKeyError: 1\n\nDuring ...\n'
            '  File "b.py", line 2, in f\n    h()\n    ^^^\nOSError: last',
            "OSError: last",
        ),
        ('Traceback\n  File "a.py", line 1, in f', 'File "a.py", line 1, in f'),
        ("\n \n", "no reason given"),
    ],
    ids=["none", "text", "traceback", "chain", "cut", "blank"],
)
def test_a_failure_is_one_line(error, reason):
    assert cells.failure_text(row(error=error)) == reason


@pytest.mark.parametrize(
    ("points", "expected"),
    [
        ([], ""),
        ([(0, 0.5)], "▅"),
        ([(0, float("nan")), (1, float("inf"))], ""),
        ([(0, 1e308), (1, -1e308)], "█▁"),
        ([(step, step) for step in range(100)], "▁▂▃▄▅▆▇█"),
        ([(0, 0.0), (1, 1.0), (99, 0.5)], "█▁"),
    ],
    ids=["none", "one", "nan", "extreme", "many", "uneven"],
)
def test_a_sparkline_shows_the_values_by_step(points, expected):
    assert cells.sparkline(row(points=points), 8) == expected


def test_the_points_of_a_curve_are_from_0_to_1():
    points = cells.curve_points(row(points=[(10, 3.0), (15, 1.0), (20, 2.0)]), 30)
    assert points == [(0.0, 1.0), (0.5, 0.0), (1.0, 0.5)]


def test_the_count_says_how_trials_ended():
    def ended(**fields):
        trial = Trial({})
        trial.status = fields.pop("status", Trial.FINALIZED)
        vars(trial).update(fields)
        return make_row(trial, "metric")

    live = LiveExperiment("digits", total=1)
    assert cells.count_text(live.snapshot()) == "0 of 1 trial"
    live = LiveExperiment("digits")
    live.trial_ended(ended(final_metric=1.0, early_stop=True))
    assert cells.count_text(live.snapshot()) == "1 trial, 1 stopped early"
    live.trial_ended(ended(status=Trial.ERROR))
    assert cells.count_text(live.snapshot()) == "2 trials, 1 stopped early, 1 failed"


def test_values_steps_and_names():
    assert [cells.step_text(step) for step in (None, 0, 12000, 0.5)] == ["", "0", "12,000", "0.5"]
    assert cells.last_value(row(points=[(0, 0.5), (1, float("nan"))])) == 0.5
    assert cells.last_value(row()) is None
    assert cells.trial_name(row()) == "12"
    assert cells.trial_name({**row(), "number": None}) == row()["trial_id"]
    assert cells.seconds_text(None) == cells.seconds_text(float("inf")) == ""
    assert cells.seconds_text(-1) == "0:00"
