"""A memory of trials: ended trials are read once, those that may run again are looked at again."""

import pytest
from helpers.results import ended_trial

from maggy.records.trial_memory import MAX_RECHECKS, TrialMemory

CALL = 1000.0


def remember(*trials):
    memory = TrialMemory()
    for number, trial in enumerate(trials):
        memory.keep(trial.trial_id, (number, trial))
    return memory


def to_read(memory, names, *, call_start=CALL, running=(), is_over=False):
    return memory.names_to_read(names, call_start=call_start, running=running, is_over=is_over)


def test_a_name_is_read_until_its_trial_has_ended():
    trial = ended_trial({"x": 1}, 0.5, start=CALL - 1)
    memory = TrialMemory()
    memory.beginnings[trial.trial_id] = trial.params
    assert to_read(memory, [trial.trial_id, "new"]) == [trial.trial_id, "new"]
    memory.keep(trial.trial_id, (0, trial))
    assert memory.beginnings == {}
    for is_over in (False, True):
        assert to_read(memory, [trial.trial_id, "new"], is_over=is_over) == ["new"]


@pytest.mark.parametrize(
    ("start", "call_start", "is_read"),
    [(CALL - 1, CALL, True), (CALL, CALL, False), (None, CALL, True), (CALL, None, True)],
    ids=str,
)
def test_a_failed_trial_is_read_again_if_the_last_call_may_run_it(start, call_start, is_read):
    trial = ended_trial({"x": 1}, None, start=start)
    names = to_read(remember(trial), [trial.trial_id], call_start=call_start)
    assert names == ([trial.trial_id] if is_read else [])


def test_a_trial_that_runs_again_is_read_until_the_look_after_its_run():
    trial = ended_trial({"x": 1}, 0.5, start=CALL - 1)
    memory, names = remember(trial), [trial.trial_id]
    assert to_read(memory, names) == []
    assert to_read(memory, names, running=names) == names
    assert to_read(memory, names) == names
    assert to_read(memory, names) == []


def test_failed_trials_are_read_again_in_turns_and_all_of_them_at_the_end():
    trials = [ended_trial({"x": x}, None, start=CALL - 1) for x in range(2 * MAX_RECHECKS + 1)]
    memory = remember(*trials)
    names = [trial.trial_id for trial in trials]
    turns = []
    for _ in range(3):
        turn = to_read(memory, names)
        turns.append(len(turn))
        for trial in trials:
            if trial.trial_id in turn:
                trial.start = CALL  # it has run again
                memory.keep(trial.trial_id, (0, trial))
    assert turns == [MAX_RECHECKS, MAX_RECHECKS, 1]
    assert to_read(memory, names) == []
    assert to_read(remember(*trials), names, call_start=CALL + 1, is_over=True) == names


def test_damaged_records_are_read_again_in_turns():
    memory = TrialMemory()
    names = [f"{number:03d}" for number in range(MAX_RECHECKS + 1)]
    for name in names:
        memory.keep_problem(name, "it is torn")
    first = to_read(memory, names)
    assert first == names[:-1]
    for name in first:
        memory.keep_problem(name, "it is torn")
    assert names[-1] in to_read(memory, names)
    trial = ended_trial({"x": 1}, 0.5)
    memory.keep(names[0], (0, trial))
    assert names[0] not in memory.problems


def test_what_has_vanished_is_forgotten():
    trial = ended_trial({"x": 1}, 0.5)
    memory = remember(trial)
    memory.beginnings["running"] = {}
    memory.keep_problem("torn", "it is torn")
    assert to_read(memory, []) == []
    assert (memory.trials, memory.beginnings, memory.problems) == ([], {}, {})
    memory.keep(trial.trial_id, (0, trial))
    memory.forget(trial.trial_id)
    assert memory.trials == []


def test_a_file_of_the_experiment_is_tried_once_and_a_directory_until_it_is_a_trial():
    memory = TrialMemory()
    files = [
        "maggy.json",
        "maggy.log",
        "executor_0_0.log",
        "running-1-1.jsonl",
        "maggy.log.000002",
        "events.out.tfevents.1.maggy",
    ]
    for name in [*files, "abc"]:
        memory.skip(name)
    assert to_read(memory, [*files, "abc"]) == ["abc"]


def test_trials_are_in_the_order_of_their_ends_in_whatever_order_they_were_read():
    trials = [ended_trial({"x": x}, 0.5) for x in range(3)]
    memory = TrialMemory()
    for number in (2, 0, 1):
        memory.keep(trials[number].trial_id, (number, trials[number]))
    assert memory.trials == trials
