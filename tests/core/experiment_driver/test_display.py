"""A display draws when something is new and not too often, and survives its view."""

import threading

import pytest
from helpers.loopback import Given, one_after_another
from helpers.waiting import HANG

from maggy import Trial
from maggy.core.environment.progress_board import ProgressBoard
from maggy.core.experiment_driver import RunLimits
from maggy.core.experiment_driver.display import MAX_SHARE, REDRAW_SECONDS, TICK_SECONDS, Display
from maggy.core.experiment_driver.progress import Progress
from maggy.core.messages import REMARK
from maggy.live import View
from maggy.live.experiment import LiveExperiment
from maggy.result.rows import make_row
from maggy.result.trial_lines import end_line
from maggy.testing.loopback import LoopbackExperiment


class Picture(View):
    """A view that keeps what it is given.

    Args:
        shows_output: As in `View`.
        fails_in: The name of a method that raises an exception.
        error: The exception.
    """

    def __init__(self, shows_output=False, fails_in="", error=None):
        self.shows_output = shows_output
        self.snapshots, self.texts, self.last, self.threads = [], [], None, set()
        self._fails_in, self._error = fails_in, error or RuntimeError("no screen")

    def _call(self, method):
        self.threads.add(threading.current_thread())
        if method == self._fails_in:
            raise self._error

    def show(self, snapshot):
        self._call("show")
        self.snapshots.append(snapshot)

    def say(self, text):
        self._call("say")
        self.texts.append(text)

    def close(self, snapshot):
        self._call("close")
        self.last = snapshot


class Clock:
    """A clock that a test sets."""

    now = 100.0

    def __call__(self):
        return self.now


def trial(number, metric=None, error=None):
    made = Trial({"x": number})
    made.number, made.status = number, Trial.RUNNING
    if metric is not None:
        made.status, made.final_metric = Trial.FINALIZED, metric
    if error is not None:
        made.status, made.error, made.failure_reason = Trial.ERROR, error, error.split("\n")[-1]
    return made


def opened(view, clock=None):
    display = Display(view, LiveExperiment("digits", total=9), clock or Clock())
    display.open()
    return display


def begin(display, number):
    display.live.trial_began(make_row(trial(number), "metric"))


def test_while_nothing_happens_nothing_is_drawn():
    view = Picture()
    display = opened(view)
    assert display.next_drawing() is None
    display.draw_if_due()
    assert len(view.snapshots) == 1


def test_changes_are_drawn_together_a_moment_later():
    view, clock = Picture(), Clock()
    display = opened(view, clock)
    begin(display, 1)
    display.say("one")
    display.draw_if_due()
    begin(display, 2)
    display.say("two")
    assert display.next_drawing() == clock.now + REDRAW_SECONDS
    assert len(view.snapshots) == 1
    clock.now += REDRAW_SECONDS
    display.draw_if_due()
    assert (len(view.snapshots), len(view.snapshots[-1].running)) == (2, 2)
    assert view.texts == ["one\ntwo"]


def test_while_trials_run_the_clock_moves_on_once_a_second():
    view, clock = Picture(), Clock()
    display = opened(view, clock)
    begin(display, 1)
    clock.now += 1
    display.draw_if_due()
    assert display.next_drawing() == clock.now + TICK_SECONDS
    clock.now += TICK_SECONDS
    display.draw_if_due()
    assert len(view.snapshots) == 3


def test_a_slow_screen_is_drawn_less_often():
    view, clock = Picture(), Clock()
    display = opened(view, clock)
    show = view.show

    def show_slowly(snapshot):
        clock.now += 2.0
        show(snapshot)

    view.show = show_slowly
    begin(display, 1)
    clock.now += 1
    display.draw_if_due()
    begin(display, 2)
    assert display.next_drawing() - clock.now >= 2.0 / MAX_SHARE - 2.0


def test_the_last_snapshot_has_the_state_and_stays():
    view = Picture()
    display = opened(view)
    display.say("last words")
    display.close("KILLED")
    display.close("FINISHED")
    assert (view.last.state, view.texts) == ("KILLED", ["last words"])
    assert display.next_drawing() is None


def progress_with(view, **options):
    progress = Progress(
        "max", 9, [], display=Display(view, LiveExperiment("d", total=9)), **options
    )
    progress.open()
    return progress


def end(progress, ended):
    progress.trial_ended(ended, end_line(ended))


@pytest.mark.parametrize("fails_in", ["show", "say", "close"])
@pytest.mark.parametrize("error", [RuntimeError("no"), SystemExit(1)], ids=["error", "exit"])
def test_when_the_view_fails_there_are_the_bar_and_all_lines(capsys, fails_in, error):
    progress = progress_with(Picture(fails_in=fails_in, error=error))
    progress.say("a line")
    end(progress, trial(1, 0.5))
    progress.close()
    captured = capsys.readouterr()
    # A view that has printed its lines and fails in close() has drawn the experiment before.
    if fails_in != "close":
        assert "a line\n" in captured.out
        assert "trial 1: metric=0.5" in captured.out
    if fails_in == "show":
        assert "1/9" in captured.err


def test_a_view_that_fails_in_between_is_replaced_by_the_bar(capsys):
    view, clock = Picture(), Clock()
    progress = Progress("max", 9, [], display=Display(view, LiveExperiment("d"), clock))
    progress.open()
    end(progress, trial(1, 0.5))
    view._fails_in = "say"
    clock.now += 1
    assert capsys.readouterr().out == ""
    progress.draw_if_due()
    end(progress, trial(2, 0.25))
    progress.close()
    captured = capsys.readouterr()
    assert [line.split(" |")[0] for line in captured.out.splitlines()] == [
        "trial 1: metric=0.5",
        "trial 2: metric=0.25",
    ]
    assert "2/9" in captured.err


def test_the_view_of_an_experiment_in_which_all_trials_failed_says_so(capsys):
    view = Picture()
    progress = progress_with(view)
    end(progress, trial(1, error="no"))
    progress.close("FINISHED")
    assert view.last.state == "FAILED"


@pytest.mark.parametrize("verbose", [0, 1])
def test_lines_are_printed_above_a_view_as_without_one(capsys, verbose):
    def run(progress):
        progress.lines(0, 1, ["printed", f"{REMARK}a remark"], "id")
        end(progress, trial(1, 0.5))
        end(progress, trial(2, error="Traceback\nValueError: no"))
        progress.say_unless_shown("trial 3: begins")
        progress.close()

    view = Picture()
    run(progress_with(view, verbose=verbose))
    assert capsys.readouterr() == ("", "")
    plain = Progress("max", 9, [], verbose=verbose)
    run(plain)
    assert "".join(f"{text}\n" for text in view.texts) == capsys.readouterr().out


@pytest.mark.parametrize("verbose", [0, 1])
def test_a_view_that_shows_output_gets_the_lines_and_only_remarks_are_printed(capsys, verbose):
    view, board = Picture(shows_output=True), ProgressBoard()
    progress = progress_with(view, verbose=verbose, board=board)
    progress.lines(0, 1, ["one", f"{REMARK}a remark", "two"], "id")
    progress.say_unless_shown("--- 3 lines left out ---", "id")
    end(progress, trial(1, 0.5))
    end(progress, trial(2, error="Traceback\nValueError: no"))
    progress.close()
    assert view.texts == [f"{REMARK}a remark"]
    lines = ["one", "two"] if verbose else []
    assert view.last.output == {"id": [*lines, "--- 3 lines left out ---"]}
    assert capsys.readouterr() == ("", "")
    assert ("0 #1: one" in board.read()["ex_logs"]) == bool(verbose)


@pytest.mark.loopback
@pytest.mark.parametrize("fails_in", ["", "show", "say"])
def test_an_experiment_is_drawn_from_its_beginning_to_its_end(tmp_path, fails_in):
    view = Picture(fails_in=fails_in)
    may_end = threading.Event()

    def train(params, reporter, interrupted):
        number = params["x"]
        for step in range(5):
            reporter.broadcast(number + step, step)
        if number == 3:
            raise ValueError("three")
        if number == 4:
            assert may_end.wait(HANG)
        return number

    show = view.show

    def show_and_look(snapshot):
        rows = [row for row in snapshot.running if row["params"]["x"] == 4]
        if rows and rows[0]["history"]:
            may_end.set()
        show(snapshot)

    view.show = show_and_look
    if fails_in:
        may_end.set()
    trials = [Trial({"x": number}) for number in range(1, 9)]
    experiment = LoopbackExperiment(
        tmp_path,
        Given(one_after_another(trials), total=8),
        train,
        limits=RunLimits(num_workers=2, seed=1, give_up_after=None),
        view=view,
    )
    outcome = experiment.run()
    assert (outcome.state, len(outcome.trials)) == ("FINISHED", 8)
    assert view.threads == {threading.current_thread()}
    if fails_in:
        return
    assert view.snapshots[0].waiting_for == "Waiting for executors: 0 of 2"
    assert (view.last.state, view.last.num_ended, view.last.num_failed) == ("FINISHED", 8, 1)
    assert [row["params"]["x"] for row in view.last.best] == [8, 7, 6, 5, 4]
    assert view.last.running == []
    (seen,) = [
        row
        for snapshot in view.snapshots
        for row in snapshot.running
        if row["params"]["x"] == 4 and row["history"]
    ][-1:]
    assert seen["history"] == [4.0, 5.0, 6.0, 7.0, 8.0]
    assert any("trial 3: failed: ValueError: three" in text for text in view.texts)


@pytest.mark.loopback
def test_without_a_view_nothing_hears_of_points(tmp_path):
    policy = Given(one_after_another([Trial({"x": 1})]))
    experiment = LoopbackExperiment(tmp_path, policy, lambda params, reporter, interrupted: 1.0)
    assert experiment.run().state == "FINISHED"
    driver = experiment.driver
    assert (driver._live, driver._point_hearers) == (None, [experiment.recorder.points_came])
    assert type(driver._notice_chain).__name__ == "NoticeRouter"
    assert driver._progress.next_drawing() is None
