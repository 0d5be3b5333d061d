"""The rule that never stops."""

from __future__ import annotations

from maggy.earlystop import NoStoppingRule
from maggy.testing import EarlyStopContract


class TestNoStoppingRule(EarlyStopContract):
    def make(self):
        return NoStoppingRule()

    def test_it_never_stops(self):
        for running in self.histories():
            assert not self.check(running, [[9.0] * 20])
