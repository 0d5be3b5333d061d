"""Start the parts of one experiment, wait for its end, and end the parts."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from maggy.core.cluster import Cluster, Task
from maggy.core.environment.progress_board import ProgressBoard
from maggy.core.experiment_driver.checkpoint_book import CheckpointBook
from maggy.core.experiment_driver.ctrl_c import TimeIsUp, handle_interrupts
from maggy.core.experiment_driver.dispatcher import Dispatcher
from maggy.core.experiment_driver.display import Display
from maggy.core.experiment_driver.foreground import Foreground
from maggy.core.experiment_driver.gc_pauses import shorten_collections
from maggy.core.experiment_driver.instruction_router import InstructionRouter
from maggy.core.experiment_driver.instructions import Points
from maggy.core.experiment_driver.jobs import JobEnd, Jobs
from maggy.core.experiment_driver.ledger import Ledger
from maggy.core.experiment_driver.listeners import HeardNotices, Listeners
from maggy.core.experiment_driver.live_feed import LiveFeed
from maggy.core.experiment_driver.notice_router import NoticeRouter
from maggy.core.experiment_driver.policy import Policy
from maggy.core.experiment_driver.policy_thread import PolicyThread, TrialListener
from maggy.core.experiment_driver.preemption_watch import PreemptionWatch
from maggy.core.experiment_driver.progress import Progress
from maggy.core.experiment_driver.recorder import Recorder
from maggy.core.experiment_driver.trial_book import TrialBook
from maggy.core.messages import WorkerId
from maggy.core.rpc import Address, Server
from maggy.trial import Trial

__all__ = ["ExperimentDriver", "Outcome", "RunLimits"]

STOP_SECONDS = 1.5
"""Seconds that workers get to leave by themselves when an experiment is stopped."""
CANCEL_SECONDS = 3.5
"""Seconds that Spark then gets to kill the remaining tasks."""
MAX_AHEAD = 32
"""Maximum number of suggestions prepared in advance for optimizers that ignore results."""


@dataclass(frozen=True)
class RunLimits:
    """The limits of one call of ``lagom``.

    :class:`maggy.experiment_config.CommonConfig` explains each of them.
    """

    num_workers: int
    seed: int
    trial_attempts: int = 3
    worker_timeout: float = 60.0
    preemption_grace: float = 30.0
    max_trial_seconds: float | None = None
    max_seconds: float | None = None
    fail_fast: bool = False
    give_up_after: int | None = 5
    verbose: int = 1


@dataclass
class Outcome:
    """The outcome of an experiment.

    Attributes:
        state: ``"FINISHED"``, ``"FAILED"`` or ``"KILLED"``.
        trials: All trials that ended, in the order in which they ended.
        values: The return values of the workers' tasks.
        error: The error that ended the experiment; None if it ended by itself.
        job_error: The last failure of a Spark job; None if there was none.
        spare_checkpoint_ids: The ids of trials whose checkpoints nothing can go on from: none
            unless the experiment has finished.
        has_policy_ended: No other thread uses the policy any more. It is false if the policy hangs.
    """

    state: str
    trials: list[Trial]
    values: list[Any]
    error: BaseException | None
    job_error: str | None = None
    spare_checkpoint_ids: Sequence[str] = ()
    has_policy_ended: bool = True


class ExperimentDriver:
    """Run one experiment from its first Spark job to its last.

    Three threads work beside the thread that called ``lagom``: the dispatcher (sockets and ledger),
    the policy thread (trial book and policy) and the writer (files). They leave each other messages
    in queues. The calling thread shows the progress and waits.

    Args:
        policy: The search, the ablation, or the single run.
        limits: The limits of this call.
        cluster: The Spark cluster that runs the workers.
        server: The server, not yet started.
        recorder: Writes the records.
        make_tasks: Returns, for the address of the server, a function that makes the task of the
            job with a given number.
        earlier: Trials that have ended in an earlier call of the experiment.
        describe_error: Returns the exception for the class name and the text of an error that the
            check of the study has raised on a worker.
        board: Also shows the progress, to clients that ask over the network. It gets the number of
            trials here, so no client may learn its address before.
        again: Trials that failed in an earlier call, or were interrupted, and run again.
        checkpoints: The checkpoints of the trials; None for a new experiment.
        listeners: Hear of the trials; None if nobody listens.
        display: Draws the experiment; None for a bar and printed lines.
    """

    def __init__(
        self,
        policy: Policy,
        limits: RunLimits,
        cluster: Cluster,
        server: Server,
        recorder: Recorder,
        make_tasks: Callable[[Address], Callable[[int], Task]],
        earlier: list[Trial],
        describe_error: Callable[[str, str], Exception],
        board: ProgressBoard | None = None,
        again: Iterable[Trial] = (),
        listeners: Listeners | None = None,
        display: Display | None = None,
        checkpoints: CheckpointBook | None = None,
    ) -> None:
        self._policy = policy
        self._limits = limits
        self._cluster = cluster
        self._server = server
        self._recorder = recorder
        self._make_tasks = make_tasks
        self._describe_error = describe_error
        self._listeners = listeners
        self._live = None if display is None else display.live
        self._progress = Progress(
            policy.direction,
            policy.total,
            earlier,
            board,
            verbose=limits.verbose,
            has_trials=policy.optimization_key is not None,
            display=display,
        )
        self._foreground = Foreground(
            self._progress,
            recorder,
            cluster.advertised,
            num_workers=limits.num_workers,
            verbose=limits.verbose,
        )
        self._ledger = Ledger(
            attempts=limits.trial_attempts,
            worker_timeout=limits.worker_timeout,
            preemption_grace=limits.preemption_grace,
            max_trial_seconds=limits.max_trial_seconds,
            check_first=policy.needs_check,
            speculation=cluster.speculation,
            ahead=min(limits.num_workers, MAX_AHEAD) if policy.ahead else 0,
            give_up_after=limits.give_up_after,
            spare=cluster.spare_workers,
        )
        self._checkpoints = checkpoints or CheckpointBook(policy.direction)
        self._book = TrialBook(policy, earlier, again, time.monotonic, time.time, self._checkpoints)
        self._values: list[Any] = []
        self._job_error: str | None = None
        recorder.when_lost(self._fail_soon)

    def run(self) -> Outcome:
        """Return the outcome. Errors are stored in ``Outcome.error``, not raised."""
        self._policy.start(self._book.trial_store, self._book.final_store, self._limits.seed)
        address = self._server.start()
        try:
            make_task = self._make_tasks(address)
        except BaseException:
            self._server.close()
            raise
        self._connect_parts(make_task)
        with handle_interrupts(self._interrupted), shorten_collections():
            try:
                try:
                    self._start_and_wait()
                except BaseException as error:
                    self._foreground.error = error
                state = self._shut_down()
            finally:  # whatever happens, the terminal is given back
                self._progress.close("FAILED")
        return Outcome(
            state,
            # A copy, since a policy that hangs may add trials when it goes on.
            list(self._book.ended),
            self._values,
            self._foreground.error,
            self._job_error,
            self._checkpoint_ids() if state == "FINISHED" else [],
            self._has_policy_ended,
        )

    def _checkpoint_ids(self) -> list[str]:
        """Return the ids of the trials that may have checkpoints and do not go on from them.

        Those of earlier calls are among them. A failed trial goes on with ``retry_failed=True``.
        """
        ids = list(self._checkpoints.trial_ids)
        trials = self._book.ended
        failed_ids = {trial.trial_id for trial in trials if trial.status == Trial.ERROR}
        all_ids = dict.fromkeys([*ids, *(trial.trial_id for trial in trials)]) if ids else {}
        return [trial_id for trial_id in all_ids if trial_id not in failed_ids]

    def _start_and_wait(self) -> None:
        if self._live is not None:
            self._live.on_change = self._foreground.wake
            self._live.wait_for(self._foreground.waiting_text)
        self._progress.open()
        self._dispatcher.start()
        self._policy_thread.start(self._notice_chain, self._point_hearers)
        self._jobs.launch(list(range(self._limits.num_workers)))
        self._watch.start()
        self._foreground.wait(self._limits.max_seconds)

    def _connect_parts(self, make_task: Callable[[int], Task]) -> None:
        """Make the threads and the jobs, each with the parts to which it hands things on."""
        self._jobs = Jobs(
            self._cluster,
            self._recorder.experiment_id,
            f"Maggy experiment {self._recorder.experiment_id}",
            make_task,
            self._job_ended,
            self._fail_soon,
        )
        self._watch = PreemptionWatch(self._cluster, self._preempted, self._recorder.log)
        self._policy_thread = PolicyThread(self._book)
        self._point_hearers: list[Callable[[Points], None]] = [self._recorder.points_came]
        metric_name = self._policy.optimization_key or "metric"
        # The policy thread writes it, and the dispatcher reads it.
        numbers: dict[str, int | None] = {}
        self._dispatcher = Dispatcher(
            self._server,
            self._ledger,
            InstructionRouter(
                self._policy_thread,
                self._jobs,
                self._watch,
                self._recorder,
                self._progress,
                self._foreground,
                numbers,
                self._describe_error,
            ),
        )
        self._notice_chain: TrialListener = NoticeRouter(
            self._book,
            self._ledger,
            self._dispatcher,
            self._recorder,
            self._progress,
            self._foreground,
            numbers,
            total=self._policy.total,
            fail_fast=self._limits.fail_fast,
            metric_name=metric_name,
            verbose=self._limits.verbose,
        )
        listeners = self._listeners
        if listeners is not None:
            self._notice_chain = HeardNotices(listeners, self._notice_chain)
            if listeners.hear_points:
                self._point_hearers.append(listeners.points)
        if self._live is not None:
            feed = LiveFeed(self._live, metric_name, self._notice_chain)
            self._notice_chain = feed
            self._point_hearers.append(feed.add_points)

    def _shut_down(self) -> str:
        """End every part, and return the state of the experiment.

        The order loses no record: first the workers leave, then the dispatcher hands on their last
        messages, then the policy thread handles them.
        """
        error, self._foreground.is_over = self._foreground.error, True
        self._watch.close()
        if error is not None:
            self._dispatcher.post(self._ledger.stop_all)
        elif self._policy.optimization_key is None:
            # A return value comes with the end of its job. It may be large, so the wait has no
            # limit.
            self._foreground.wait_while(lambda: not self._jobs.join(0.0))
        if not self._jobs.join(STOP_SECONDS if error is not None else CANCEL_SECONDS):
            self._jobs.cancel()
            if not self._jobs.join(CANCEL_SECONDS):
                self._foreground.say(
                    "Spark has not ended all of Maggy's tasks yet; they leave when their training "
                    "ends."
                )
        self._dispatcher.close()
        self._has_policy_ended = self._policy_thread.close(timeout=STOP_SECONDS)
        self._foreground.run_backlog()
        self._progress.close(self._state())
        return self._state()  # A second Ctrl-C may have come meanwhile.

    def _state(self) -> str:
        error = self._foreground.error
        if isinstance(error, (KeyboardInterrupt, TimeIsUp)):
            return "KILLED"
        return "FINISHED" if error is None else "FAILED"

    def _interrupted(self) -> None:
        """End the experiment on Ctrl-C. Called by a signal handler on the calling thread."""
        self._foreground.fail(KeyboardInterrupt())
        self._foreground.wake()

    def _fail_soon(self, error: BaseException) -> None:
        """End the experiment with an error. May be called from any thread."""
        self._foreground.post(self._foreground.fail, error)

    def _preempted(self, workers: list[WorkerId]) -> None:
        """Take into account which executors Spark will take away, on the thread of the watch."""
        self._dispatcher.post(self._ledger.preempted, workers, time.monotonic())

    def _job_ended(self, end: JobEnd) -> None:
        """Take the end of a Spark job into account, on the thread of the job."""
        self._values.extend(end.values)
        self._job_error = end.error or self._job_error
        self._foreground.wake()
        if end.error is not None and not self._ledger.finished:
            self._recorder.log(f"Spark job {end.job} ended: {end.error}")
        self._dispatcher.post(
            self._ledger.job_ended, end.job, end.partitions, end.error, end.culprit
        )
