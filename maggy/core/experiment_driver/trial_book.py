"""Keep the histories and ends of the trials, and the policy's decisions about them.

A pure state machine around the policy. Events come in, notices come out. It has no threads, queues
or files, and gets its clocks from outside.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator

from maggy.common.ended_trials import EndedTrials
from maggy.common.exhaustive import assert_never
from maggy.common.types import Params
from maggy.core.experiment_driver.checkpoint_book import CheckpointBook
from maggy.core.experiment_driver.instructions import (
    Ask,
    Began,
    Continued,
    DecisionWanted,
    Ended,
    Finished,
    GivenBack,
    Mistaken,
    Paused,
    Points,
    Probed,
    Saved,
    TrialEvent,
)
from maggy.core.experiment_driver.notices import (
    AllTrialsEnded,
    ExperimentEnds,
    Notice,
    Remark,
    SameMistake,
    SuggestionsExhausted,
    TrialBegan,
    TrialEnded,
    TrialGivenBack,
    TrialPaused,
    TrialStopped,
    TrialSuggested,
)
from maggy.core.experiment_driver.paused_trials import PausedTrials
from maggy.core.experiment_driver.policy import Policy
from maggy.core.experiment_driver.stop_checks import StopChecks
from maggy.core.experiment_driver.suggestions import Suggestions, recordable
from maggy.core.experiment_driver.trial_changes import (
    RunTimes,
    enter_beginning,
    enter_checkpoints,
    enter_end,
    enter_points,
)
from maggy.core.experiment_driver.trial_identities import TrialIdentities
from maggy.core.experiment_driver.trial_names import check_suggestion
from maggy.trial import Trial
from maggy.trial.trial import TrialParamsError

__all__ = ["TrialBook"]

IDLE_SECONDS = 0.1
"""A policy that answered "IDLE" is asked again after this time at the latest."""


class TrialBook:
    """Keep the trials of one experiment, and ask the policy about them.

    All methods return or yield notices. They must be carried out in their order, and each one
    before the next is requested: a suggestion must reach its worker before the policy makes the
    next one.

    Args:
        policy: Suggests trials and stops them.
        earlier: Trials that have ended in an earlier call of the experiment. When the policy
            suggests one of them, it does not run again: the policy gets it back as ended.
        again: Trials that failed in an earlier call, or have a checkpoint and did not end. They run
            again, first and under their ids.
        clock: Returns monotonic seconds.
        wall_clock: Returns seconds since 1970.
        checkpoints: The checkpoints of the trials; None for a new experiment.

    Attributes:
        trial_store: The trials that are suggested or running, by id.
        final_store: The trials that ended with a metric, in the order in which they ended.
        ended: All trials that ended, in the order in which they ended.
    """

    def __init__(
        self,
        policy: Policy,
        earlier: list[Trial],
        again: Iterable[Trial],
        clock: Callable[[], float],
        wall_clock: Callable[[], float],
        checkpoints: CheckpointBook | None = None,
    ) -> None:
        self._checkpoints = checkpoints or CheckpointBook(policy.direction)
        self._policy = policy
        self._clock = clock
        self._wall_clock = wall_clock
        self._remarks: deque[str] = deque()
        policy.remark = self._remarks.append
        self._suggestions = Suggestions(policy.name)
        self._asks = 0  # suggestions that the ledger waits for
        self._idle_until: float | None = None
        self._stop_checks = StopChecks(policy, clock)
        self._is_exhausted = False
        self._is_ending = False  # a rule has ended the experiment
        self._run_times = RunTimes(clock)
        self._unreported: deque[Trial] = deque()  # ended, but the policy was not told yet
        self._unannounced: deque[Trial] = deque()  # ended, but there was no notice yet
        self._identities = TrialIdentities(earlier, again, policy.source_trials)
        self._paused = PausedTrials(policy.direction)
        self.trial_store: dict[str, Trial] = {}
        self.ended = list(earlier)
        self.final_store: EndedTrials[Trial] = EndedTrials()

    def start(self) -> list[Notice]:
        """Restore the policy if the experiment is resumed or warm-started."""
        trials = self._identities.earlier
        if not trials and not self._policy.source_trials:
            return []
        finals = [trial for trial in trials if trial.final_metric is not None]
        if self._policy.restore(trials):
            for trial in self._identities.policy_has_taken_over():
                self.trial_store[trial.trial_id] = trial
                self._paused.add(trial)
            self.final_store.extend(finals)
        return self._check_experiment(finals) if finals else []

    def handle(self, event: TrialEvent) -> Iterator[Notice]:
        """Handle an event, then answer the ledger's requests for suggestions."""
        yield from self._note(event)
        # Each step is skipped where it has nothing to do: a generator takes time to begin and end.
        if self._asks:
            yield from self._answer_asks()
        # The worker that ended a trial asks for the next one at once. That suggestion goes first.
        if self._unannounced and not isinstance(event, Ended):
            yield from self.announce_ends()
        if self._policy.es_seconds is not None:
            yield from self._stop_checks.check_by_time(self.trial_store, self.final_store)
        if self._remarks:
            yield from self._pass_remarks_on()

    def _note(  # noqa: C901, PLR0912 (one case for each kind)
        self, event: TrialEvent
    ) -> Iterable[Notice]:
        """Enter what has happened into the book."""
        match event:
            case Points():
                return self._append_points(event)
            case DecisionWanted():
                return [event]
            case Continued() | Saved():
                return enter_checkpoints(self.trial_store, event, self._checkpoints)
            case Ask():
                self._asks += 1
            case Began():
                return [*self.announce_ends(), *self._begin(event)]  # its worker is free
            case Ended():
                return self._end(event)
            case GivenBack():
                return [self._give_back(event)]
            case Probed():
                return self._withdraw(event)
            case Paused():
                return [self._pause(event)]
            case Finished():
                for end in self._paused.take_all():
                    self._end(end)
                return [*self.announce_ends(), AllTrialsEnded()]
            case Mistaken():
                return [*self.announce_ends(), SameMistake(event.mistake)]
            case _:
                assert_never(event)
        return ()

    def next_deadline(self) -> float | None:
        """Return when to call :meth:`check_time`, in monotonic seconds; None for never."""
        deadlines = [self._stop_checks.next_deadline(), self._idle_until if self._asks else None]
        return min((deadline for deadline in deadlines if deadline is not None), default=None)

    def check_time(self) -> Iterator[Notice]:
        """Ask an idle policy again, and check the running trials, if it is time for that."""
        yield from self._answer_asks()
        yield from self.announce_ends()
        yield from self._stop_checks.check_by_time(self.trial_store, self.final_store)

    @property
    def has_unannounced_ends(self) -> bool:
        """Whether :meth:`announce_ends` has notices."""
        return bool(self._unannounced)

    def announce_ends(self) -> Iterator[Notice]:
        """Give notice of the trials that have ended."""
        while self._unannounced:
            yield TrialEnded(self._unannounced.popleft())

    def _begin(self, event: Began) -> list[Notice]:
        trial = self.trial_store[event.trial_id]
        enter_beginning(trial, event, event.at or self._wall_clock())
        self._run_times.begin(trial)
        # It may have lost its worker and begin again, although the experiment ends.
        return [TrialBegan(trial), *([TrialStopped(trial.trial_id)] if self._is_ending else [])]

    def _append_points(self, event: Points) -> Iterable[Notice]:
        trial = self.trial_store.get(event.trial_id)
        steps = [] if trial is None else enter_points(trial, event)
        if trial is None or not steps or event.last:
            return ()
        return self._stop_checks.check_points(trial, steps, self.final_store)

    def _check_experiment(self, finals: list[Trial]) -> list[Notice]:
        """End the experiment if the policy says so: begin no trial, and stop the running ones."""
        if self._is_exhausted:
            return []
        reason, failures = self._stop_checks.end_reason(finals)
        if reason is None:
            return failures
        self._is_exhausted = self._is_ending = True
        return [ExperimentEnds(reason), *(TrialStopped(trial_id) for trial_id in self.trial_store)]

    def _end(self, event: Ended) -> list[Notice]:
        trial = self.trial_store.pop(event.trial_id)
        self._run_times.end(trial)
        enter_end(trial, event)
        self._checkpoints.leave(trial)
        self.ended.append(trial)
        self._unannounced.append(trial)
        self._idle_until = None
        if trial.final_metric is None:
            return []
        self.final_store.append(trial)
        if not self._identities.is_unsuggested(trial):
            self._unreported.append(trial)
        return self._check_experiment(self.final_store)

    def _pause(self, event: Paused) -> Notice:
        trial = self.trial_store[event.trial_id]
        self._run_times.end(trial)
        self._paused.add(trial)
        self._idle_until = None
        return TrialPaused(trial, self._checkpoints.pause(trial))

    def _give_back(self, event: GivenBack) -> Notice:
        trial = self.trial_store[event.trial_id]
        self._checkpoints.leave(trial)
        return TrialGivenBack(self._schedule_again(trial), event.reason)

    def _schedule_again(self, trial: Trial) -> Trial:
        trial.reset()
        trial.status = Trial.SCHEDULED
        self.trial_store[trial.trial_id] = trial
        return trial

    def _answer_asks(self) -> Iterator[Notice]:
        if self._idle_until is not None and self._clock() < self._idle_until:
            return
        self._idle_until = None
        while self._asks:
            suggestion = self._suggest()
            yield from self._pass_remarks_on()
            if isinstance(suggestion, str):
                self._idle_until = self._clock() + IDLE_SECONDS
                return
            if suggestion is None:
                self._asks -= 1
                yield SuggestionsExhausted()
            elif (params := self._prepare(suggestion)) is not None:
                self._asks -= 1
                yield TrialSuggested(suggestion, params, self._checkpoints.handover(suggestion))

    def _pass_remarks_on(self) -> Iterator[Notice]:
        while self._remarks:
            yield Remark(self._remarks.popleft())

    def _prepare(self, trial: Trial) -> Params | None:
        """Return the parameters for the worker. A trial whose parameters cannot be sent ends."""
        try:
            params = self._suggestions.prepare(trial)
        finally:
            if trial.status == Trial.ERROR:
                self._end_unsent(trial)
        return params if params is None else {**params, **self._policy.extra_params(trial)}

    def _suggest(self) -> Trial | str | None:
        """Return the next trial to run, ``"IDLE"``, or None if there are no more."""
        while not self._is_exhausted:
            if (again := self._identities.next_to_run()) is not None:
                return self._schedule_again(again)
            finished = self._unreported.popleft() if self._unreported else None
            try:
                suggestion = self._policy.suggest(finished)
            except TrialParamsError as error:
                self._refuse(error)
                continue
            if suggestion is None:
                self._stop_checks.may_pause = self._policy.continues_paused
                best = None if self._policy.continues_paused else self._paused.take_best()
                if best is not None:
                    return self._schedule_again(best)
                self._is_exhausted = True
            elif isinstance(suggestion, str) and suggestion == "IDLE":
                return suggestion
            elif (paused := self._paused.take(suggestion)) is not None:
                return self._schedule_again(paused)
            elif self._admit(trial := check_suggestion(suggestion, self._policy.name)):
                return trial
        return None

    def _refuse(self, error: TrialParamsError) -> None:
        """Fail a trial that the policy could not make, since its parameters are not allowed."""
        trial = Trial(recordable(error.params))
        if self._admit(trial):
            try:
                self._suggestions.refuse(trial, str(error), error.params)
            finally:
                self._end_unsent(trial)

    def _end_unsent(self, trial: Trial) -> None:
        del self.trial_store[trial.trial_id]
        self.ended.append(trial)
        self._unannounced.append(trial)

    def _admit(self, trial: Trial) -> bool:
        """Return whether a suggested trial must run. A trial of an earlier call need not."""
        earlier_trial = self._identities.identify(trial)
        if earlier_trial is None:
            trial.status = Trial.SCHEDULED
            self.trial_store[trial.trial_id] = trial
            return True
        # The policy is told of its end now if it has ended, else when it ends.
        if earlier_trial.final_metric is not None:
            if self._identities.has_ended(trial):
                self.final_store.append(earlier_trial)
            self._unreported.append(earlier_trial)
        return False

    def _withdraw(self, event: Probed) -> Iterator[Notice]:
        """End the trials of components that cannot be built, without a worker."""
        for label in event.slow:
            yield Remark(
                f"{label} took too long to be built in the check; its trial builds it again."
            )
        for label, reason, traceback in event.failures:
            for trial in self._policy.withdraw(label):
                if self._admit(trial):
                    yield from self._end(Ended(trial.trial_id, None, reason, traceback))
