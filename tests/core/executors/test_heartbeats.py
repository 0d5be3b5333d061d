"""What a report holds when the training function goes on while it is made."""

import pytest
from helpers.trainings import StillClient

from maggy.checkpoints.saved import CheckpointNews, SavedCheckpoint
from maggy.core.executors.heartbeats import Reports

SAVED = SavedCheckpoint(0, 0.5, "0/a")


@pytest.mark.parametrize("saved", [[], [SAVED]])
def test_points_never_come_before_the_checkpoint_from_which_their_run_goes_on(saved):
    reports = Reports(StillClient())
    reporter = reports.reporter
    for checkpoint in saved:
        reporter.add_saved(checkpoint)
    news_of = reporter.checkpoint_news

    def restore_after_the_news():
        news = news_of()
        reporter.note_restored()
        reporter.broadcast(0.75, step=3)
        return news

    reporter.checkpoint_news = restore_after_the_news
    (part,) = reports.parts()
    assert part.fields[2] == [(3, 0.75)]
    assert part.checkpoints == CheckpointNews(True, 0, saved)
