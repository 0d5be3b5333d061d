"""Drive an optimizer as the driver does, with simulated workers: repeatable and without waiting."""

from __future__ import annotations

import heapq
import math

from maggy.earlystop import Decision


class Simulation:
    """One experiment on workers that train at random speeds.

    Args:
        optimizer: An optimizer that is not initialized yet.
        space: A seeded search space.
        train: Function of the parameters that yields a metric for each step. The last one is the
            trial's metric.
        direction: ``"max"`` or ``"min"``.
        workers: How many trials run at once.
        rng: Draws how fast each trial trains; a step takes 1 on average.
        num_trials: Number of trials that the user asks for.
        rule: An early stopping rule, or None.
        es_min: Number of trials that must be final before a rule that waits is asked.
        most_steps: The experiment ends after this number of training steps in all.

    Attributes:
        final_store: The trials, in the order in which they ended.
        ended_at: When each of them ended.
        time: When the last one ended.
    """

    def __init__(
        self,
        optimizer,
        space,
        train,
        direction,
        workers,
        rng,
        num_trials=None,
        rule=None,
        es_min=10,
        most_steps=math.inf,
    ):
        self.final_store, self.trial_store = [], {}
        self.steps = 0
        self.time = 0.0
        self.ended_at = []
        optimizer.num_trials, optimizer.searchspace, optimizer.direction = (
            num_trials,
            space,
            direction,
        )
        optimizer.trial_store, optimizer.final_store = self.trial_store, self.final_store
        optimizer.initialize()
        free, exhausted, finished, counts, queue = workers, False, [], {}, []
        while True:
            while free and not exhausted and self.steps < most_steps:
                trial = optimizer.get_suggestion(finished.pop(0) if finished else None)
                if trial is None:
                    exhausted = True
                    break
                if trial == "IDLE":
                    break
                counts[trial.trial_id] = count = counts.get(trial.trial_id, 0) + 1
                if count > 1:
                    trial.trial_id += f"_{count}"
                self.trial_store[trial.trial_id] = trial
                free -= 1
                speed = math.exp(rng.gauss(0, 0.5))
                heapq.heappush(
                    queue,
                    (self.time + speed, len(counts), count, speed, trial, train(trial.params)),
                )
            if not queue:
                return
            self.time, *rest, speed, trial, training = heapq.heappop(queue)
            metric = next(training, None)
            if metric is not None:
                self.steps += 1
                trial.append_metric({"step": len(trial.step_history) + 1, "value": metric})
                if not self._stops(rule, trial, direction, es_min) and self.steps < most_steps:
                    heapq.heappush(queue, (self.time + speed, *rest, speed, trial, training))
                    continue
                trial.early_stop = True
            del self.trial_store[trial.trial_id]
            trial.final_metric = trial.metric_history[-1]
            self.final_store.append(trial)
            self.ended_at.append(self.time)
            finished.append(trial)
            free += 1

    def _stops(self, rule, trial, direction, es_min):
        if rule is None or (rule.waits_for_finals and len(self.final_store) <= es_min):
            return False
        running = list(self.trial_store.values())
        return rule.decide(trial, self.final_store, running, direction) is Decision.STOP
