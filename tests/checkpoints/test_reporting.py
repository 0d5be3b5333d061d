"""What a training function may ask of its reporter about checkpoints."""

import pytest

from maggy.checkpoints.run import CheckpointPlace, RunCheckpoints, RunPlace
from maggy.checkpoints.saved import CheckpointNews, Handover, SavedCheckpoint
from maggy.common.exceptions import BadArgumentsError, CheckpointError, NotSupportedError
from maggy.core.reporter import Reporter

FIRST, SECOND = SavedCheckpoint(1, 0.5, "1/a"), SavedCheckpoint(2, 0.6, "2/a")


@pytest.fixture
def uploads():
    return []


@pytest.fixture
def reporter(tmp_path, uploads):
    (tmp_path / "token").write_text("secret")
    place = CheckpointPlace(str(tmp_path), "token", "secret")
    reporter = Reporter()
    run_place = RunPlace(place, "0.0.0-1", str(tmp_path / "here"))
    reporter.attach(RunCheckpoints(run_place, "a" * 16, None, uploads.append, print))
    return reporter


@pytest.mark.parametrize("step", [-1, 1.5, "1", None, True, float("nan"), 2**63])
def test_a_step_is_a_whole_number_from_0(reporter, step):
    with pytest.raises(BadArgumentsError, match="whole number of at least 0, but got"):
        reporter.checkpoint(step).__enter__()


def test_the_last_metric_belongs_to_the_checkpoint(reporter, uploads):
    for metric in (None, 0.25, float("nan")):
        if metric is not None:
            reporter.broadcast(metric)
        with reporter.checkpoint(step=3.0):
            pass
    assert [(upload.step, upload.metric) for upload in uploads] == [(3, None), (3, 0.25), (3, None)]


def test_without_an_experiment_nothing_is_saved():
    with pytest.raises(NotSupportedError, match="while a trial of an experiment runs"):
        Reporter().checkpoint(step=0).__enter__()
    with pytest.raises(NotSupportedError, match="restore"):
        Reporter().restore()


def test_a_checkpoint_is_restored_before_the_first_metric(tmp_path, reporter):
    place = RunPlace(CheckpointPlace(str(tmp_path), "token", "secret"), "1-1", str(tmp_path))
    handover = Handover("b/checkpoints/1/x", 1, 0.5)
    reporter.attach(RunCheckpoints(place, "a" * 16, handover, print, print))
    reporter.broadcast(0.5)
    with pytest.raises(CheckpointError, match=r"before the first reporter\.broadcast"):
        reporter.restore()


def test_what_the_driver_has_not_acknowledged_is_said_again(reporter):
    assert reporter.checkpoint_news() is None
    reporter.add_saved(FIRST)
    assert reporter.checkpoint_news() == CheckpointNews(False, 0, [FIRST])
    reporter.add_saved(SECOND)
    reporter.acknowledge_checkpoints(1)
    reporter.acknowledge_checkpoints(0)  # an older message
    assert reporter.checkpoint_news() == CheckpointNews(False, 1, [SECOND])
    reporter.acknowledge_checkpoints(2)
    assert reporter.checkpoint_news() is None
    reporter.note_restored()
    assert reporter.checkpoint_news() == CheckpointNews(True, 2, [])


def test_a_training_function_sees_that_it_should_save_a_checkpoint(reporter):
    assert reporter.should_checkpoint is False
    reporter.ask_for_checkpoint()
    assert reporter.should_checkpoint is True
