"""Searches whose processes are killed at random: every trial ends, once, with all its points."""

import chaos
import pytest

pytestmark = [pytest.mark.slow, pytest.mark.timeout(3600)]


@pytest.mark.parametrize("master", ["local[2]", "local-cluster[2,1,512]"])
def test_every_trial_ends_once_whatever_is_killed(master, tmp_path):
    report = chaos.chaos(master, 60, 1, tmp_path)
    assert chaos.problems(report, 60) == [], (tmp_path / "output.txt").read_text()[-3000:]
    assert report["kills"]["workers"] >= 2
    assert report["kills"]["drivers"] == 1
