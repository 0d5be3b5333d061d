"""What became of the trials that an optimizer suggested."""

from __future__ import annotations

from maggy.optimizer.running_trials import EndedTrial, RunningTrials
from maggy.trial import Trial


def test_a_trial_is_returned_once_with_its_end():
    running_trials, trial_store, final_store = RunningTrials(), {}, []
    success, failure, slow = (Trial({"x": x}) for x in range(3))
    for trial in (success, failure, slow):
        running_trials.add(trial, trial.params["x"])
        trial_store[trial.trial_id] = trial
    assert running_trials.take_ended(trial_store, final_store) == []
    for trial in (success, failure):
        del trial_store[trial.trial_id]
    final_store.append(success)
    assert running_trials.take_ended(trial_store, final_store) == [
        EndedTrial(success, 0, success),
        EndedTrial(failure, 1, None),
    ]
    assert running_trials.take_ended(trial_store, final_store) == []


def test_the_id_at_the_end_counts_and_the_record_may_be_another_object():
    running_trials = RunningTrials()
    trial, record = Trial({"x": 1}), Trial({"x": 1})
    running_trials.add(trial, "note")
    trial.trial_id = record.trial_id = f"{trial.trial_id}_2"
    assert running_trials.take_ended({trial.trial_id: trial}, []) == []
    assert running_trials.take_ended({}, [record]) == [EndedTrial(trial, "note", record)]
