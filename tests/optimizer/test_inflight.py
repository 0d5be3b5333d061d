"""What became of the trials that an optimizer suggested."""

from __future__ import annotations

from maggy.optimizer.inflight import InFlight
from maggy.trial import Trial


def test_a_trial_is_told_once_with_its_end():
    flight, running, final = InFlight(), {}, []
    good, bad, slow = (Trial({"x": x}) for x in range(3))
    for trial in (good, bad, slow):
        flight.add(trial, trial.params["x"])
        running[trial.trial_id] = trial
    assert flight.ended(running, final) == []
    for trial in (good, bad):
        del running[trial.trial_id]
    final.append(good)
    assert flight.ended(running, final) == [(good, 0, good), (bad, 1, None)]
    assert flight.ended(running, final) == []


def test_the_id_at_the_end_counts_and_what_is_recorded_may_be_another_object():
    flight = InFlight()
    trial, recorded = Trial({"x": 1}), Trial({"x": 1})
    flight.add(trial, "note")
    trial.trial_id = recorded.trial_id = f"{trial.trial_id}_2"
    assert flight.ended({trial.trial_id: trial}, []) == []
    assert flight.ended({}, [recorded]) == [(trial, "note", recorded)]
