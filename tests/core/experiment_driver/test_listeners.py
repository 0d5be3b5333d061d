"""Listeners hear of everything in its order, on threads of their own, and harm nothing."""

import copy
import math

import pytest
from helpers.listeners import INFO, Diary, Stuck
from helpers.loopback import Experiment, Given, one_after_another, records, square, trials
from helpers.results import ended_trial, search_result
from helpers.waiting import HANG, wait_until

from maggy import Listener
from maggy.core.experiment_driver.listeners import Listeners, ListenerThread
from maggy.result.rows import make_row
from maggy.trial import Trial

pytestmark = pytest.mark.loopback


def running_trial(number=1):
    trial = Trial({"x": number})
    trial.status, trial.start, trial.attempts = Trial.RUNNING, 1000.0, 1
    return trial


def started(listener, **options):
    """Return the thread of a listener, and the lines that it says."""
    lines = []
    thread = ListenerThread(listener, "accuracy", lines.append, **options)
    thread.start(INFO)
    return thread, lines


def end(thread, timeout=HANG):
    thread.experiment_ended(search_result([0.5]))
    thread.close(timeout)


def test_a_listener_hears_of_everything_in_its_order_on_one_thread_of_its_own():
    diary, trial = Diary(), running_trial()
    thread, lines = started(diary)
    thread.trial_began(make_row(trial, "accuracy"))
    thread.points(trial.trial_id, [(0, 0.1), (1, 0.2)])
    thread.trial_ended(ended_trial({"x": 1}, 0.5, metric_history=[0.1, 0.2], step_history=[0, 1]))
    end(thread)
    assert diary.methods() == [
        "experiment_start",
        "trial_start",
        "report",
        "trial_end",
        "experiment_end",
    ]
    assert diary.calls[0][1] == INFO
    (_, start), (_, row, points), (_, ended), (_, result) = diary.calls[1:]
    assert (start["status"], start["params"], start["steps"]) == ("RUNNING", {"x": 1}, [])
    assert points == [(0, 0.1), (1, 0.2)]
    assert (row["steps"], row["history"], row["metric"]) == ([0, 1], [0.1, 0.2], None)
    assert (ended["status"], ended["metric"], ended["outputs"]) == (
        "FINALIZED",
        0.5,
        {"accuracy": 0.5},
    )
    assert (result["best_val"], result.state, len(result.trials)) == (0.5, "FINISHED", 1)
    assert [thread.name for thread in diary.threads] == ["maggy-listener-Diary"]
    assert lines == []


def test_what_a_listener_changes_changes_nothing_else():
    class Vandal(Diary):
        def on_trial_start(self, trial):
            trial["params"]["x"] = "broken"
            trial["steps"].append("broken")

        def on_report(self, trial, points):
            self._keep("report", copy.deepcopy(trial), list(points))
            trial["steps"].clear()
            trial["params"].clear()
            points.clear()

        def on_experiment_end(self, result):
            result["best_val"] = "broken"
            result.trials.clear()

    vandal, trial, result = Vandal(), running_trial(), search_result([0.5])
    thread, _ = started(vandal)
    thread.trial_began(make_row(trial, "accuracy"))
    thread.points(trial.trial_id, [(0, 0.1)])
    wait_until(lambda: "report" in vandal.methods())
    thread.points(trial.trial_id, [(1, 0.2)])
    thread.experiment_ended(result)
    thread.close(HANG)
    _, row, points = vandal.calls[-1]
    assert (row["params"], row["steps"], points) == ({"x": 1}, [0, 1], [(1, 0.2)])
    assert trial.params == {"x": 1}
    assert (result["best_val"], len(result.trials)) == (0.5, 1)


def test_points_that_wait_become_one_batch_and_the_last_value_of_a_step_counts():
    listener, trial = Stuck("trial_start"), running_trial()
    thread, _ = started(listener)
    thread.trial_began(make_row(trial, "accuracy"))
    assert listener.is_waiting.wait(HANG)
    for point in [(0, 0.1), (1, 0.2), (1, 0.3), (math.inf, 1.0), (2, math.nan)]:
        thread.points(trial.trial_id, [point])
    listener.may_go_on.set()
    end(thread)
    [(_, row, points)] = [call for call in listener.calls if call[0] == "report"]
    assert points[:3] == [(0, 0.1), (1, 0.2), (1, 0.3)]
    assert len(points) == 4
    assert math.isnan(points[3][1])
    assert (row["steps"], row["history"]) == ([0, 1, 2], [0.1, 0.3, None])


def test_a_trial_that_begins_again_begins_with_an_empty_history():
    listener, trial = Stuck("experiment_start"), running_trial()
    thread, _ = started(listener)
    for value in (0.1, 0.2):
        thread.trial_began(make_row(trial, "accuracy"))
        thread.points(trial.trial_id, [(0, value)])
    listener.may_go_on.set()
    end(thread)
    reports = [call for call in listener.calls if call[0] == "report"]
    assert [(row["history"], points) for _, row, points in reports] == [
        ([0.1], [(0, 0.1)]),
        ([0.2], [(0, 0.2)]),
    ]


def test_only_points_are_dropped_when_too_many_wait_and_a_line_counts_them():
    listener, trial = Stuck("experiment_start"), running_trial()
    thread, lines = started(listener, max_points=3)
    thread.trial_began(make_row(trial, "accuracy"))
    for step in range(5):
        thread.points(trial.trial_id, [(step, 0.5)])
    for number in range(20):
        thread.trial_ended(ended_trial({"x": number}, 0.5))
    listener.may_go_on.set()
    end(thread)
    assert listener.methods().count("trial_end") == 20
    assert [points for _, _, points in (c for c in listener.calls if c[0] == "report")] == [
        [(0, 0.5), (1, 0.5), (2, 0.5)]
    ]
    assert lines == ["The listener Stuck was too slow: 2 points were not passed on as they came."]


def test_points_are_passed_on_again_once_there_is_room():
    diary, trial = Diary(), running_trial()
    thread, lines = started(diary, max_points=1)
    thread.trial_began(make_row(trial, "accuracy"))
    for step in range(3):
        thread.points(trial.trial_id, [(step, 0.5)])
        wait_until(lambda step=step: diary.methods().count("report") == step + 1)
    end(thread)
    assert lines == []


@pytest.mark.parametrize("error", [ValueError("two\nlines"), SystemExit(3)])
def test_a_listener_that_raises_costs_one_line_and_is_called_again(error):
    class Broken(Diary):
        def _keep(self, method, *args):
            super()._keep(method, *args)
            raise error

    broken = Broken()
    thread, lines = started(broken)
    thread.trial_ended(ended_trial({"x": 1}, 0.5))
    end(thread)
    assert broken.methods() == ["experiment_start", "trial_end", "experiment_end"]
    text = " ".join(str(error).split())
    assert lines == [
        "The listener Broken failed in on_experiment_start, and the experiment goes on: "
        f"{type(error).__name__}: {text}"
    ]


def test_an_error_that_cannot_be_printed_costs_a_line_with_its_class():
    class Unprintable(Exception):
        def __str__(self):
            raise RuntimeError("no text")

    class Broken(Diary):
        def on_experiment_start(self, info):
            raise Unprintable

    broken = Broken()
    thread, lines = started(broken)
    end(thread)
    assert broken.methods() == ["experiment_end"]
    assert lines == [
        "The listener Broken failed in on_experiment_start, and the experiment goes on: Unprintable"
    ]


def test_a_method_that_cannot_be_looked_up_costs_a_line():
    class Broken(Diary):
        @property
        def on_report(self):
            raise RuntimeError("no such method")

        @property
        def on_trial_start(self):
            raise KeyError

    broken, trial = Broken(), running_trial()
    thread, lines = started(broken)
    thread.trial_began(make_row(trial, "accuracy"))
    thread.points(trial.trial_id, [(0, 0.5)])
    end(thread)
    assert broken.methods() == ["experiment_start", "experiment_end"]
    assert lines == [
        "The listener Broken failed in on_trial_start, and the experiment goes on: KeyError"
    ]


def test_a_listener_that_hangs_costs_a_line_and_goes_on_in_the_background():
    listener, result = Stuck("experiment_start"), search_result([0.5])
    thread, lines = started(listener)
    assert listener.is_waiting.wait(HANG)
    thread.experiment_ended(result)
    thread.close(0.0)
    assert len(lines) == 1
    assert "The listener Stuck is not ready" in lines[0]
    result.clear()  # it belongs to the user now
    listener.may_go_on.set()
    wait_until(lambda: len(listener.calls) == 2)
    assert listener.calls[-1][1]["best_val"] == 0.5


def test_a_listener_hears_of_one_experiment_after_the_other():
    listener = Stuck("experiment_start")
    for _ in range(2):
        thread, _ = started(listener)
        assert listener.is_waiting.wait(HANG)
        thread.experiment_ended(search_result([0.5]))
        thread.close(0.0)
    listener.may_go_on.set()
    wait_until(lambda: len(listener.calls) == 4)
    assert listener.methods() == ["experiment_start", "experiment_end"] * 2
    wait_until(lambda: "_maggy_thread" not in vars(listener))
    copy.deepcopy(listener.calls)


def test_a_listener_that_hangs_holds_up_no_other_one():
    stuck, diary, lines = Stuck("experiment_start"), Diary(), []
    listeners = Listeners([stuck, diary], "accuracy", lines.append)
    listeners.experiment_began(INFO)
    listeners.trial_ended(ended_trial({"x": 1}, 0.5))
    wait_until(lambda: "trial_end" in diary.methods())
    listeners.experiment_ended(search_result([0.5]))
    wait_until(lambda: "experiment_end" in diary.methods())
    listeners.close(timeout=0.0)
    listeners.close()  # only the first call waits
    stuck.may_go_on.set()
    assert len([line for line in lines if "Stuck" in line]) == 1


def test_only_the_first_end_of_an_experiment_counts():
    diary = Diary()
    listeners = Listeners([diary], "accuracy", pytest.fail)
    listeners.experiment_began(INFO)
    listeners.experiment_ended(search_result([0.5]))
    listeners.experiment_ended(search_result([]))
    listeners.close(HANG)
    assert [result["best_val"] for _, result in diary.calls[1:]] == [0.5]


def test_points_are_queued_only_for_a_listener_that_has_a_method_for_them():
    class Ends(Listener):
        def on_trial_end(self, trial):
            """Do nothing."""

    assert not Listeners([Ends(), Listener()], "accuracy", pytest.fail).hear_points
    assert Listeners([Ends(), Diary()], "accuracy", pytest.fail).hear_points


def reporting(params, reporter, interrupted):
    for step in range(3):
        reporter.broadcast(float(step))
    return square(params, reporter, interrupted)


def experiment_with(tmp_path, listeners, train=reporting, count=3):
    policy = Given(one_after_another(trials(count)), count)
    return Experiment(tmp_path, policy, train, listeners=listeners)


def test_the_driver_tells_each_listener_of_all_trials_and_points(tmp_path):
    diaries = [Diary(), Diary()]
    experiment = experiment_with(tmp_path, diaries)
    outcome = experiment.run()
    assert (outcome.state, experiment.troubles) == ("FINISHED", [])
    for diary in diaries:
        assert diary.methods()[0] == "experiment_start"
        assert diary.methods()[-1] == "experiment_end"
        result = diary.calls[-1][1]
        assert result.directory == experiment.store.directory
        for trial in outcome.trials:
            of_trial = [call for call in diary.calls[1:-1] if call[1]["trial_id"] == trial.trial_id]
            assert of_trial[0][0] == "trial_start"
            assert of_trial[-1] == ("trial_end", make_row(trial, "metric"))
            points = [point for call in of_trial[1:-1] for point in call[2]]
            assert points == [(0, 0.0), (1, 1.0), (2, 2.0)]
            assert of_trial[-1][1] in result.trials


def test_listeners_that_raise_cost_a_line_each_and_no_trial(tmp_path):
    class Broken(Listener):
        def on_trial_end(self, trial):
            raise OSError("the line is dead")

        def on_report(self, trial, points):
            raise OSError("the line is dead")

    experiment = experiment_with(tmp_path, [Broken(), Broken()])
    outcome = experiment.run()
    assert [trial.status for trial in outcome.trials] == ["FINALIZED"] * 3
    assert len(records(experiment)) == 3
    assert len(experiment.troubles) == 2
    log = (tmp_path / experiment.store.experiment_id / "maggy.log").read_text()
    assert log.count("The listener Broken failed in ") == 2


def test_without_listeners_nothing_is_made(tmp_path, monkeypatch):
    monkeypatch.setattr(ListenerThread, "__init__", lambda *_: pytest.fail("a thread was made"))
    experiment = experiment_with(tmp_path, [])
    experiment.run()
    assert experiment.driver._policy_thread._point_hearers == [experiment.recorder.points_came]
