"""The lines and the bar that the user sees during an experiment."""

import threading

import pytest

from maggy import Trial
from maggy.core.environment.progress_board import ProgressBoard
from maggy.core.experiment_driver.progress import Progress, announce
from maggy.core.messages import REMARK
from maggy.result.trial_lines import end_line


def end(progress, trial):
    progress.trial_ended(trial, end_line(trial))


def ended(metric=None, error=None, reason=None, early=False):
    trial = Trial({"x": metric if metric is not None else 0})
    trial.status = Trial.ERROR if error is not None else Trial.FINALIZED
    trial.final_metric, trial.error, trial.early_stop = metric, error, early
    if reason is not None:
        trial.info_dict["reason"] = reason
    return trial


def opened(*args, **options):
    progress = Progress(*args, **options)
    progress.open()
    return progress


def shown(capsys):
    captured = capsys.readouterr()
    return captured.out + captured.err


@pytest.mark.parametrize(("direction", "best"), [("max", "best=0.9"), ("min", "best=0.1")])
def test_the_bar_counts_trials_and_shows_the_best_by_its_direction(capsys, direction, best):
    progress = opened(direction, 4, [])
    for metric in (0.5, 0.9, 0.1):
        end(progress, ended(metric, early=metric == 0.1))
    progress.close()
    last = shown(capsys).split("\r")[-1]
    assert "Maggy experiment" in last
    assert "3/4" in last
    assert best in last
    assert "early stopped=1" in last
    assert "failed" not in last


def test_a_metric_of_zero_is_a_metric(capsys):
    progress = opened("max", 2, [])
    end(progress, ended(0.0))
    progress.close()
    assert "best=0" in shown(capsys)


def test_trials_of_an_earlier_run_count(capsys):
    progress = opened("max", 3, [ended(0.7), ended(error="e")])
    end(progress, ended(0.2))
    progress.close()
    last = shown(capsys).split("\r")[-1]
    assert "3/3" in last
    assert "best=0.7" in last
    assert "failed=1" in last


def test_a_failure_is_shown_with_its_traceback_and_an_equal_one_only_once(capsys):
    progress = opened("max", None, [])
    for _ in range(3):
        end(progress, ended(error="Traceback: the same", reason="ValueError: no"))
    progress.close()
    text = shown(capsys)
    assert text.count("failed: ValueError: no") == 3
    assert text.count("Traceback: the same") == 1


def test_what_trials_print_has_the_numbers_of_worker_and_trial(capsys):
    progress = opened("max", 1, [])
    progress.lines(3, 12, ["one", "two"])
    progress.close()
    assert "3 #12: one\n3 #12: two\n" in shown(capsys)


def test_a_remark_of_the_library_is_shown_once_and_without_a_number(capsys):
    progress = Progress("max", 1, [])
    remark = f"{REMARK}a list counts with its first item"
    progress.lines(3, 12, ["one", remark, remark])
    progress.lines(4, 13, [remark])
    progress.lines(4, None, ["two"])
    progress.close()
    text = shown(capsys)
    assert text.count(remark) == 1
    assert f": {remark}" not in text
    assert "3 #12: one\n" in text
    assert "4: two\n" in text


def test_the_bar_leaves_no_thread_behind():
    before = threading.active_count()
    opened("max", 1, []).close()
    assert threading.active_count() == before


def test_an_announcement_is_printed(capsys):
    announce("Finished Experiment")
    assert shown(capsys) == "Finished Experiment\n"


def test_a_trial_costs_no_drawing_of_the_bar(capsys, monkeypatch):
    drawings, figures = [], Progress._figures
    monkeypatch.setattr(Progress, "_figures", lambda self: drawings.append(1) or figures(self))
    progress = opened("max", 1000, [])
    for number in range(1000):
        end(progress, ended(float(number)))
    progress.close()
    assert len(drawings) < 100  # the bar is drawn at most ten times a second
    assert "1000/1000" in shown(capsys).split("\r")[-1]


def test_the_board_has_the_number_of_trials_before_the_bar_is_drawn(capsys):
    board = ProgressBoard()
    Progress("max", 7, [ended(0.5)], board)
    figures = board.read()
    assert (figures["num_trials"], figures["to_date"], figures["metric"]) == (7, 1, 0.5)
    assert shown(capsys) == ""


@pytest.mark.parametrize("verbose", [0, 1])
def test_without_verbose_only_failures_and_remarks_are_printed(capsys, verbose):
    progress = opened("max", 4, [], verbose=verbose)
    end(progress, ended(0.5))
    end(progress, ended(error="Traceback", reason="ValueError: no"))
    progress.lines(0, 1, ["printed by the trial"])
    progress.close()
    text = shown(capsys)
    assert ("metric=0.5" in text, "printed by the trial" in text) == (verbose == 1,) * 2
    assert "failed: ValueError: no" in text
    assert "Traceback" in text


def test_a_function_that_runs_once_is_no_trial_to_its_user(capsys):
    progress = opened("max", 1, [], has_trials=False)
    progress.lines(0, 1, ["hello"])
    end(progress, ended())
    progress.close()
    text = shown(capsys)
    assert "0: hello\n" in text
    assert "trial" not in text.replace("trial/s", "").replace("s/trial", "")


def test_of_many_ends_some_lines_are_printed_and_the_others_are_counted(capsys):
    now = [0.0]
    progress = opened("max", 100, [], clock=lambda: now[0])
    for number in range(30):
        end(progress, ended(float(number)))
    end(progress, ended(error="e", reason="ValueError: no"))
    for _ in range(2):
        end(progress, ended(0.5))
    now[0] = 1.5
    end(progress, ended(0.25))
    for _ in range(20):
        end(progress, ended(0.5))
    progress.close()
    text = shown(capsys)
    assert text.count(": metric=") == 20 + 20
    # A failure is always printed.
    assert text.index("10 more trials have ended.") < text.index("failed: ValueError: no")
    assert text.index("2 more trials have ended.") < text.index("metric=0.25")
    assert text.index("1 more trial has ended.") > text.index("metric=0.25")
