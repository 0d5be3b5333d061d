"""The words for how a trial stands."""

import pytest
from helpers.results import ended_trial

from maggy.result.rows import make_row
from maggy.result.status import caption, trial_status


@pytest.mark.parametrize(
    ("metric", "changes", "status"),
    [
        (0.5, {}, "finished"),
        (0.5, {"early_stop": True}, "stopped early"),
        (None, {}, "failed"),
        (None, {"early_stop": True}, "failed"),
        (None, {"status": "RUNNING"}, "running"),
    ],
)
def test_a_trial_stands_in_one_of_four_ways(metric, changes, status):
    row = {**make_row(ended_trial({"x": 1}, metric), "metric"), **changes}
    assert trial_status(row) == status


def test_the_caption_leaves_out_what_there_is_not():
    rows = [
        make_row(ended_trial({"x": x}, metric), "metric") for x, metric in [(1, 0.5), (2, None)]
    ]
    assert caption(rows) == "2 trials: 1 finished, 1 failed"
    assert caption([{**rows[0], "status": "RUNNING"}]) == "1 trial: 1 running"
