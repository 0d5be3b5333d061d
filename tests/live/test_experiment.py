"""A live experiment collects what runs, and its snapshots share nothing with what goes on."""

import copy
import itertools

import pytest

from maggy import Trial
from maggy.live.bounded import MAX_LINE_CHARACTERS, MAX_POINTS
from maggy.live.experiment import MAX_ENDED_OUTPUTS, LiveExperiment
from maggy.live.snapshot import MAX_BEST, MAX_FAILURES, MAX_OUTPUT_LINES
from maggy.result.rows import make_row


class Clock:
    """A clock that a test sets."""

    now = 100.0

    def __call__(self):
        return self.now


def row(number, metric=None, *, failed=False, stopped=False):
    trial = Trial({"x": number})
    trial.number, trial.status = number, Trial.RUNNING
    if metric is not None:
        trial.status, trial.final_metric, trial.early_stop = Trial.FINALIZED, metric, stopped
    elif failed:
        trial.status, trial.error = Trial.ERROR, f"ValueError: {number}"
    return make_row(trial, "accuracy")


def id_of(number):
    return row(number)["trial_id"]


def numbers(rows):
    return [row["number"] for row in rows]


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def live(clock):
    return LiveExperiment("digits", "app_1", "/tmp/app_1", total=10, clock=clock)


def test_a_new_experiment_has_nothing_to_show(live):
    snapshot = live.snapshot()
    assert (snapshot.name, snapshot.experiment_id, snapshot.total) == ("digits", "app_1", 10)
    assert (snapshot.num_ended, snapshot.seconds, snapshot.remaining_seconds) == (0, 0.0, None)
    assert (snapshot.running, snapshot.best, snapshot.failures) == ([], [], [])


def test_running_trials_are_in_the_order_of_their_numbers(live):
    for number in (2, 3, 1):
        live.trial_began(row(number))
    live.trial_ended(row(3, 0.5))
    live.trial_given_back(id_of(2))
    live.trial_began(row(2))
    assert numbers(live.snapshot().running) == [1, 2]


@pytest.mark.parametrize(("direction", "order"), [("max", [4, 7, 1]), ("min", [2, 6, 8])])
def test_the_best_trials_are_kept_and_of_equal_ones_the_first(direction, order):
    live = LiveExperiment("digits", direction=direction)
    for number, metric in enumerate([0.7, 0.1, 0.5, 0.9, 0.4, 0.2, 0.9, 0.2], start=1):
        live.trial_ended(row(number, metric))
    live.trial_ended(row(9, failed=True))
    best = live.snapshot().best
    assert len(best) == MAX_BEST
    assert numbers(best)[:3] == order


def test_failures_are_counted_and_the_last_ones_kept(live):
    for number in range(30):
        live.trial_ended(row(number, failed=True))
    live.trial_ended(row(30, 0.5, stopped=True))
    snapshot = live.snapshot()
    assert (snapshot.num_ended, snapshot.num_failed, snapshot.num_stopped) == (31, 30, 1)
    assert numbers(snapshot.failures) == list(range(30 - MAX_FAILURES, 30))


def test_trials_of_an_earlier_call_count():
    live = LiveExperiment("digits", earlier=[row(1, 0.5), row(2, failed=True)])
    snapshot = live.snapshot()
    assert (snapshot.num_ended, snapshot.num_failed, numbers(snapshot.best)) == (2, 1, [1])


def test_a_snapshot_shares_nothing_with_what_goes_on(live):
    live.trial_began(row(1))
    live.add_points(id_of(1), [(0, 0.25)])
    live.add_output(id_of(1), ["one"])
    snapshot = live.snapshot()
    before = copy.deepcopy(snapshot)
    live.add_points(id_of(1), [(1, 0.5)])
    live.add_output(id_of(1), ["two"])
    live.trial_ended(row(1, 0.5))
    assert snapshot == before
    assert snapshot.running[0]["history"] == [0.25]


def test_points_count_as_in_a_trial(live):
    live.trial_began(row(1))
    trial = Trial({"x": 1})
    points = [(0, 0.5), (0.0, 0.6), (2, 0.7), (1, 0.8), (float("inf"), 1.0), (3, float("nan"))]
    live.add_points(id_of(1), points)
    live.add_points(id_of(2), points)
    for step, value in points:
        if step != float("inf"):
            trial.append_metric({"step": step, "value": value})
    (running,) = live.snapshot().running
    expected = make_row(trial, "accuracy")
    assert (running["steps"], running["history"]) == (expected["steps"], expected["history"])


@pytest.mark.parametrize("count", [MAX_POINTS, MAX_POINTS + 1, 1000, 12345])
def test_of_many_points_an_even_choice_stays_with_the_first_and_the_last(live, count):
    live.trial_began(row(1))
    for step in range(count):
        live.add_points(id_of(1), [(step, float(step))])
    (running,) = live.snapshot().running
    steps = running["steps"]
    assert MAX_POINTS // 2 <= len(steps) <= MAX_POINTS
    assert (steps[0], steps[-1]) == (0, count - 1)
    assert len({later - step for step, later in itertools.pairwise(steps[:-1])}) == 1
    assert running["history"] == [float(step) for step in steps]


def test_the_last_lines_of_running_and_lately_ended_trials_are_kept(live):
    live.trial_began(row(0))
    live.add_output(id_of(0), ["x" * 5000, *map(str, range(MAX_OUTPUT_LINES - 1))])
    assert len(live.snapshot().output[id_of(0)][0]) == MAX_LINE_CHARACTERS
    live.add_output(id_of(0), ["last"])
    for number in range(1, 50):
        live.trial_began(row(number))
        live.add_output(id_of(number), [str(number)])
        live.trial_ended(row(number, 0.5))
    output = live.snapshot().output
    assert output[id_of(0)] == [*map(str, range(MAX_OUTPUT_LINES - 1)), "last"]
    assert list(output)[1:] == [id_of(number) for number in range(50 - MAX_ENDED_OUTPUTS, 50)]


def test_the_output_of_a_trial_that_runs_again_stays(live):
    live.trial_began(row(0))
    live.add_output(id_of(0), ["first attempt"])
    live.trial_given_back(id_of(0))
    live.trial_began(row(0))
    for number in range(1, 50):
        live.add_output(id_of(number), ["late"])
    assert id_of(0) in live.snapshot().output


def test_time_counts_from_the_beginning_of_the_first_trial(live, clock):
    clock.now = 130.0  # Spark has started
    assert live.snapshot().seconds == 0
    live.trial_began(row(1))
    clock.now = 140.0
    assert live.snapshot().seconds == 10
    assert live.snapshot().remaining_seconds is None


def test_the_estimate_follows_from_the_rate_of_ends(live, clock):
    live.trial_began(row(1))
    clock.now += 10
    live.trial_ended(row(1, 0.5))
    live.trial_began(row(2))
    assert live.snapshot().remaining_seconds == pytest.approx(90)
    clock.now += 5
    assert live.snapshot().remaining_seconds == pytest.approx(85)
    clock.now += 5
    live.trial_ended(row(2, 0.5))
    assert live.snapshot().remaining_seconds == pytest.approx(80)


def test_a_trial_that_fails_at_once_says_nothing_about_the_others(live, clock):
    live.trial_began(row(1))
    live.trial_ended(row(1, failed=True))
    live.trial_began(row(2))
    clock.now += 10
    assert live.snapshot().remaining_seconds is None
    live.trial_ended(row(2, 0.5))
    assert live.snapshot().remaining_seconds == pytest.approx(8 * 5)


def test_the_first_end_of_many_workers_does_not_count_as_their_rate(clock):
    live = LiveExperiment("digits", total=200, clock=clock)
    for number in range(100):
        live.trial_began(row(number))
    clock.now += 10
    live.trial_ended(row(0, 0.5))
    # The other 99 are about to end, and then 100 further ones take 10 seconds.
    assert live.snapshot().remaining_seconds == pytest.approx(10)


def test_nobody_knows_the_rest_without_a_total_or_when_the_last_trial_is_slow(live, clock):
    endless = LiveExperiment("digits", clock=clock)
    for experiment in (live, endless):
        for number in range(1, 11):
            experiment.trial_began(row(number))
        clock.now += 1
        for number in range(1, 10):
            experiment.trial_ended(row(number, 0.5))
        clock.now += 100
        assert experiment.snapshot().remaining_seconds is None
    live.trial_ended(row(10, 0.5))
    assert live.snapshot().remaining_seconds == 0


def test_trials_of_an_earlier_call_do_not_count_in_the_rate(clock):
    live = LiveExperiment("digits", total=4, earlier=[row(1, 0.5), row(2, 0.5)], clock=clock)
    live.trial_began(row(3))
    clock.now += 10
    live.trial_ended(row(3, 0.5))
    assert live.snapshot().remaining_seconds == pytest.approx(10)


def test_what_it_waits_for_is_over_when_a_trial_begins(live):
    live.wait_for("Waiting for executors: 2 of 8")
    assert live.snapshot().waiting_for == "Waiting for executors: 2 of 8"
    live.trial_began(row(1))
    assert live.snapshot().waiting_for == ""


def test_the_first_change_after_a_snapshot_is_told_and_no_further_one(live):
    calls = []
    live.on_change = lambda: calls.append(live.has_changed)
    for number in range(3):
        live.trial_began(row(number))
    assert calls == [True]
    live.snapshot()
    assert not live.has_changed
    live.add_points(id_of(1), [(0, 0.5)])
    live.add_points(id_of(99), [(0, 0.5)])
    assert calls == [True, True]


def test_thousand_running_trials_are_copied_only_where_something_has_changed(live):
    for number in range(1000):
        live.trial_began(row(number))
        live.add_points(id_of(number), [(0, 0.5)])
    first = live.snapshot().running
    live.add_points(id_of(7), [(1, 0.5)])
    second = live.snapshot().running
    assert [number for number in range(1000) if first[number] is not second[number]] == [7]


def test_a_snapshot_has_the_numbers_of_the_trials_whose_output_it_has():
    live = LiveExperiment("digits")
    trial_id = row(7)["trial_id"]
    live.trial_began(row(7))
    live.add_output(trial_id, ["a line"])
    live.add_output("unknown", ["a line"])
    live.trial_ended(row(7, 0.5))
    assert live.snapshot().numbers == {trial_id: 7}
