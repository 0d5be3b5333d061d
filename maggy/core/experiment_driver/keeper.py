"""The thread that owns the trials: their histories, their ends, and the policy's calls. Slow policies slow only it."""

from __future__ import annotations

import logging
import math
import queue
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import Any, Protocol

from maggy.common.ended_trials import EndedTrials
from maggy.common.exceptions import ExperimentError
from maggy.core.experiment_driver.give_up import Mistake
from maggy.core.experiment_driver.instructions import (
    Ask,
    Began,
    Ended,
    Finished,
    GivenBack,
    Mistaken,
    Points,
    Probed,
)
from maggy.core.experiment_driver.policy import Policy
from maggy.core.experiment_driver.suggestions import Suggestions
from maggy.trial import MAX_ID_BYTES, Trial, is_directory_name

__all__ = ["Keeper", "KeeperEvent", "KeeperListener"]

logger = logging.getLogger(__name__)

KeeperEvent = Points | Ask | Began | Ended | GivenBack | Probed | Mistaken | Finished
"""What the ledger instructs that is about trials and the policy."""
IDLE_SECONDS = 0.1
"""An optimizer that answered "IDLE" is asked again after this time at the latest."""


class KeeperListener(Protocol):
    """Who is told what the keeper decided. Must not block."""

    def suggested(self, trial: Trial, params: dict[str, Any]) -> None: ...

    def exhausted(self) -> None: ...

    def trial_began(self, trial: Trial) -> None: ...

    def stop(self, trial_id: str) -> None: ...

    def trial_given_back(self, trial: Trial, reason: str) -> None: ...

    def trial_ended(self, trial: Trial) -> None: ...

    def all_ended(self) -> None: ...

    def remark(self, text: str) -> None: ...

    def mistaken(self, mistake: Mistake) -> None: ...

    def policy_failed(self, error: BaseException) -> None: ...

    def rule_failed(self, error: Exception) -> None: ...

    def experiment_ends(self, reason: str) -> None: ...


class Keeper:
    """Keeps the trials of one experiment.

    Args:
        policy: Suggests trials and stops them.
        listener: Is told what happens.
        ended: Trials that ended before, when an experiment is resumed. A suggestion that is among them is not run
            again: it is handed back to the policy as ended.
        clock: Monotonic seconds.
        again: Trials that failed before and run again, under their ids and before anything else.

    Attributes:
        trial_store: The trials that are suggested or running, by id.
        final_store: The trials that ended with a metric, in that order.
        ended: All that ended, in that order.
    """

    def __init__(
        self,
        policy: Policy,
        listener: KeeperListener,
        ended: list[Trial],
        clock: Callable[[], float] = time.monotonic,
        again: Iterable[Trial] = (),
    ) -> None:
        self._policy = policy
        policy.remark = listener.remark
        self._listener = listener
        self._clock = clock
        self._events: queue.SimpleQueue[tuple[KeeperEvent | None, ...]] = queue.SimpleQueue()
        self._at_hand: deque[KeeperEvent | None] = deque()  # out of the queue, and not yet handled
        self._asks = 0
        self._idle_until: float | None = None
        self._exhausted = False
        self._finished: deque[Trial] = deque()  # not yet told to the policy
        self._suggestions = Suggestions(policy.name)
        self._counts: dict[str, int] = {}  # how often each configuration was suggested
        self._began: dict[str, float] = {}
        self._next_check = clock() + (policy.es_seconds or 0)
        self._rule_failed = False
        self._ending = False  # a rule has ended the experiment
        self._untold: deque[Trial] = deque()  # ended, and not yet told to the listener
        self._recorded = {trial.trial_id: trial for trial in ended}
        self._again = deque(again)  # not yet begun
        # Those of them that the policy has not suggested in this run: it must not be told of their end before.
        self._unsuggested = {trial.trial_id: trial for trial in self._again}
        self.trial_store: dict[str, Trial] = {}
        self.ended = list(ended)
        self.final_store: EndedTrials[Trial] = EndedTrials()
        self._thread = threading.Thread(target=self._run, name="maggy-policy", daemon=True)

    def start(self) -> None:
        earlier = [*self.ended, *self._again]
        if earlier:
            finals = [trial for trial in earlier if trial.final_metric is not None]
            if self._policy.restore(earlier):
                self._count_recorded(earlier)
                self.final_store.extend(finals)
            self._check_experiment(finals)
        self._thread.start()

    def put(self, *events: KeeperEvent) -> None:
        """Have events handled soon, in their order. May be called from any thread."""
        self._events.put(events)

    def close(self, timeout: float | None = None) -> None:
        """End the thread once the events before are handled; wait ``timeout`` seconds at most."""
        self._events.put((None,))
        if self._thread.ident is not None:  # it may not have got so far
            self._thread.join(timeout)

    def _run(self) -> None:
        try:
            while (event := self._next_event()) is not None:
                if not isinstance(event, _Timeout):
                    self._handle(event)
                self._answer_asks()
                if not isinstance(event, Ended):
                    self._tell_ends()
                self._check_by_time()
        except BaseException as error:
            logger.debug("The policy failed.", exc_info=True)
            self._listener.policy_failed(error)

    def _next_event(self) -> KeeperEvent | _Timeout | None:
        if self._untold and not self._at_hand:
            # The worker that ended it is about to ask for the next trial: that goes first.
            with suppress(queue.Empty):
                self._at_hand.extend(self._events.get_nowait())
            if not self._at_hand:
                self._tell_ends()
        if self._at_hand:
            return self._at_hand.popleft()
        deadlines = [self._next_check] if self._policy.es_seconds is not None else []
        if self._asks and self._idle_until is not None:
            deadlines.append(self._idle_until)
        try:
            self._at_hand.extend(
                self._events.get(
                    timeout=max(0.0, min(deadlines) - self._clock()) if deadlines else None
                )
            )
        except queue.Empty:
            return _Timeout()
        return self._at_hand.popleft()

    def _handle(self, event: KeeperEvent) -> None:
        if isinstance(event, Points):
            self._take_points(event)
        elif isinstance(event, Ask):
            self._asks += 1
        elif isinstance(event, Began):
            self._begin(event)
        elif isinstance(event, Ended):
            self._end(event)
        elif isinstance(event, GivenBack):
            trial = self.trial_store[event.trial_id]
            trial.reset()
            trial.status = Trial.SCHEDULED
            self._listener.trial_given_back(trial, event.reason)
        elif isinstance(event, Probed):
            self._withdraw(event)
        elif isinstance(event, Finished):
            self._tell_ends()
            self._listener.all_ended()
        elif isinstance(event, Mistaken):
            self._tell_ends()
            self._listener.mistaken(event.mistake)

    def _begin(self, event: Began) -> None:
        trial = self.trial_store[event.trial_id]
        trial.status = Trial.RUNNING
        trial.attempts += 1
        trial.start = time.time()
        self._began[trial.trial_id] = self._clock()
        self._listener.trial_began(trial)
        if self._ending:  # it lost its worker and was begun again, though nothing more is to begin
            self._listener.stop(trial.trial_id)

    def _take_points(self, event: Points) -> None:
        trial = self.trial_store.get(event.trial_id)
        if trial is None:
            return
        new = [
            trial.append_point(step, float(value))
            for step, value in event.points
            if math.isfinite(step)
        ]
        steps = [step for step in new if step is not None]
        if (
            steps
            and not event.last
            and self._policy.es_seconds is None
            and self._policy.due(trial, steps)
        ):
            self._check(trial)

    def _check(self, trial: Trial) -> None:
        try:
            stops = self._policy.stops(trial, self.final_store)
        except Exception as error:  # a rule that fails must not cost the experiment
            self._report_failure(error)
            return
        if stops:
            self._listener.stop(trial.trial_id)

    def _check_experiment(self, finals: list[Trial]) -> None:
        """Begin no further trial, and stop the running ones, if the policy says that the experiment should end."""
        if self._exhausted:
            return
        try:
            reason = self._policy.ends(finals)
        except Exception as error:
            self._report_failure(error)
            return
        if reason is not None:
            self._exhausted = self._ending = True
            self._listener.experiment_ends(reason)
            for trial_id in self.trial_store:
                self._listener.stop(trial_id)

    def _report_failure(self, error: Exception) -> None:
        if not self._rule_failed:
            self._rule_failed = True
            self._listener.rule_failed(error)

    def _check_by_time(self) -> None:
        if self._policy.es_seconds is None or self._clock() < self._next_check:
            return
        self._next_check = self._clock() + self._policy.es_seconds
        for trial in list(self.trial_store.values()):
            if trial.metric_history and self._policy.due(trial, trial.step_history):
                self._check(trial)

    def _end(self, event: Ended) -> None:
        trial = self.trial_store.pop(event.trial_id)
        began = self._began.pop(event.trial_id, None)
        trial.duration = 0 if began is None else int((self._clock() - began) * 1000)
        report = event.report
        if report is None or (report.metric is not None and not math.isfinite(report.metric)):
            trial.status = Trial.ERROR
            trial.error = event.traceback or event.reason or "metric is NaN"
            trial.info_dict["reason"] = event.reason or "metric is NaN"
        else:
            trial.status = Trial.FINALIZED
            trial.final_metric, trial.outputs, trial.early_stop = (
                report.metric,
                report.outputs,
                report.early,
            )
        self.ended.append(trial)
        if trial.final_metric is not None:
            self.final_store.append(trial)
            if trial.trial_id not in self._unsuggested:
                self._finished.append(trial)
            self._check_experiment(self.final_store)
        self._untold.append(trial)
        self._idle_until = None

    def _tell_ends(self) -> None:
        while self._untold:
            self._listener.trial_ended(self._untold.popleft())

    def _answer_asks(self) -> None:
        if self._idle_until is not None and self._clock() < self._idle_until:
            return
        self._idle_until = None
        while self._asks:
            trial = self._suggest()
            if trial == "IDLE":
                self._idle_until = self._clock() + IDLE_SECONDS
                return
            if trial is None:
                self._asks -= 1
                self._listener.exhausted()
            elif (params := self._prepare(trial)) is not None:
                self._asks -= 1
                self._listener.suggested(trial, params)

    def _prepare(self, trial: Trial) -> dict[str, Any] | None:
        """Return the parameters for the worker; end a trial whose parameters cannot be sent."""
        try:
            params = self._suggestions.prepare(trial)
        finally:
            if trial.status == Trial.ERROR:
                del self.trial_store[trial.trial_id]
                self.ended.append(trial)
                self._untold.append(trial)
        return params

    def _suggest(self) -> Any:
        while not self._exhausted:
            if self._again:
                return self._begin_again(self._again.popleft())
            trial = self._policy.suggest(self._finished.popleft() if self._finished else None)
            if trial is None:
                self._exhausted = True
            elif isinstance(trial, str) and trial == "IDLE":
                return trial
            elif not isinstance(trial, Trial):
                raise ExperimentError(
                    f"{self._policy.name} must suggest a Trial, None or 'IDLE', but got {type(trial).__name__}: "
                    f"{trial!r:.80}."
                )
            elif trial.status != Trial.PENDING:
                raise ExperimentError(
                    f"{self._policy.name} must suggest a new Trial each time, but suggested {trial.trial_id} again. "
                    "Make one with Trial(dict(trial.params)): equal parameters may be tried again."
                )
            elif not is_directory_name(trial.trial_id):
                raise ExperimentError(
                    f"{self._policy.name} must suggest trials whose trial_id is a plain file name, since their records "
                    f"are in a directory of that name, but got {trial.trial_id!r:.80}. Leave the id that Trial makes, "
                    f"or use at most {MAX_ID_BYTES} letters, digits, '-' and '_'."
                )
            else:
                if self._admit(trial):
                    return trial
        return None

    def _admit(self, trial: Trial) -> bool:
        """Give a suggested trial its name. Return False if it is recorded: it has ended, or it runs again already."""
        self._name(trial)
        if trial.trial_id in self._unsuggested:
            self._match(self._unsuggested.pop(trial.trial_id))
            return False
        if trial.trial_id not in self._recorded:
            trial.status = Trial.SCHEDULED
            self.trial_store[trial.trial_id] = trial
            return True
        recorded = self._recorded[trial.trial_id]
        if recorded.final_metric is not None:
            self.final_store.append(recorded)
            self._finished.append(recorded)
        return False

    def _withdraw(self, event: Probed) -> None:
        """End the trials of components that cannot be built, out of their turn and without a worker."""
        for label in event.slow:
            self._listener.remark(
                f"{label} took too long to be built in the check; its trial builds it again."
            )
        for label, reason, traceback in event.failures:
            trial = self._policy.withdraw(label)
            if trial is not None and self._admit(trial):
                self._end(Ended(trial.trial_id, None, reason, traceback))

    def _begin_again(self, trial: Trial) -> Trial:
        """A trial that failed in an earlier run, to be run again under its id."""
        trial.reset()
        trial.info_dict.pop("reason", None)
        trial.status = Trial.SCHEDULED
        self.trial_store[trial.trial_id] = trial
        return trial

    def _match(self, trial: Trial) -> None:
        """The policy has suggested a trial that runs again already; its end is told now or when it comes."""
        if trial.final_metric is not None:
            self._finished.append(trial)

    def _count_recorded(self, earlier: list[Trial]) -> None:
        """Go on counting equal configurations where the records end; none of them is suggested again."""
        self._recorded = {}
        self._unsuggested = {}
        for trial in earlier:
            base, _, suffix = trial.trial_id.partition("_")
            self._counts[base] = max(
                self._counts.get(base, 0), int(suffix) if suffix.isdigit() else 1
            )

    def _name(self, trial: Trial) -> None:
        """Tell equal configurations apart: the second gets the suffix ``_2``, and so on."""
        base = trial.trial_id
        self._counts[base] = count = self._counts.get(base, 0) + 1
        if count > 1:
            trial.trial_id = f"{base}_{count}"


class _Timeout:
    """A time to check something has come."""
