"""The driver of one experiment: it starts the parts, passes what they say to each other, waits, and ends them all."""

from __future__ import annotations

import logging
import queue
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from maggy.common.exceptions import ExperimentError
from maggy.core.cluster.spark import Cluster, Task
from maggy.core.environment.progress_board import Board
from maggy.core.experiment_driver.dispatcher import Dispatcher
from maggy.core.experiment_driver.gc_pauses import short_collections
from maggy.core.experiment_driver.give_up import Mistake, explanation
from maggy.core.experiment_driver.instructions import (
    CheckFailed,
    Ended,
    GivenUp,
    Instruction,
    Kill,
    Launch,
    Lines,
    Lost,
    WorkerId,
)
from maggy.core.experiment_driver.interrupts import TimeIsUp, interrupts
from maggy.core.experiment_driver.jobs import Jobs
from maggy.core.experiment_driver.keeper import Keeper, KeeperEvent
from maggy.core.experiment_driver.ledger import Ledger
from maggy.core.experiment_driver.policy import Policy
from maggy.core.experiment_driver.progress import Progress
from maggy.core.experiment_driver.recorder import Recorder
from maggy.core.experiment_driver.shown import ShownLines
from maggy.core.messages import Register
from maggy.core.rpc import Address, Server
from maggy.trial import Trial

__all__ = ["Conditions", "ExperimentDriver", "Outcome"]

logger = logging.getLogger(__name__)

STOP_SECONDS = 1.5
"""How long workers may take to leave by themselves when an experiment is stopped."""
PATIENCE_SECONDS = 30.0
"""After so long without a worker the user is told what may be the matter."""
CANCEL_SECONDS = 3.5
"""How long Spark may then take to kill what is left."""
MOST_AHEAD = 32
"""So many suggestions are made before a worker is free, at most, where they depend on no result."""


@dataclass(frozen=True)
class Conditions:
    """Under which an experiment runs; see :class:`maggy.experiment_config.CommonConfig` for what each means."""

    num_workers: int
    seed: int
    trial_attempts: int = 3
    worker_timeout: float = 60.0
    max_trial_seconds: float | None = None
    max_seconds: float | None = None
    fail_fast: bool = False
    give_up_after: int | None = 5


@dataclass
class Outcome:
    """How an experiment ended.

    Attributes:
        state: ``"FINISHED"``, ``"FAILED"`` or ``"KILLED"``.
        trials: All trials that ended, in that order.
        values: What the workers' tasks returned.
        error: What ended it, if it did not end by itself.
        job_error: The last failure of a Spark job, if there was one.
    """

    state: str
    trials: list[Trial]
    values: list[Any]
    error: BaseException | None
    job_error: str | None = None


class ExperimentDriver:
    """Runs one experiment from its first Spark job to its last.

    Three threads work beside the caller's: the dispatcher (sockets and ledger), the keeper (trials and policy) and
    the recorder's writer (files). They leave word for each other in queues; the caller's thread only shows progress
    and waits.

    Args:
        policy: What is run: a search, an ablation, or a function once.
        conditions: Under which it runs.
        cluster: The Spark that runs the workers.
        server: Not started yet.
        recorder: Writes the records.
        make_tasks: Given the server's address, makes the task of the job with a given number.
        before, again: Trials of an earlier run: those that are over, and failed ones that run again.
        describe_error: Makes an exception out of the name and text of one that a worker's check raised.
        board: Where the progress is also shown, for those who ask over the network. It has the number of
            trials as soon as the driver is made, so tell nobody of the board before.
    """

    def __init__(
        self,
        policy: Policy,
        conditions: Conditions,
        cluster: Cluster,
        server: Server,
        recorder: Recorder,
        make_tasks: Callable[[Address], Callable[[int], Task]],
        before: list[Trial],
        describe_error: Callable[[str, str], Exception],
        board: Board | None = None,
        again: Iterable[Trial] = (),
    ) -> None:
        self._policy = policy
        self._conditions = conditions
        self._cluster = cluster
        self._server = server
        self._recorder = recorder
        self._make_tasks = make_tasks
        self._describe_error = describe_error
        self._earlier = len(before)
        self._progress = Progress(policy.direction, policy.total, before, board)
        self._ledger = Ledger(
            attempts=conditions.trial_attempts,
            worker_timeout=conditions.worker_timeout,
            max_trial_seconds=conditions.max_trial_seconds,
            check_first=policy.needs_check,
            speculation=cluster.speculation,
            ahead=min(conditions.num_workers, MOST_AHEAD) if policy.ahead else 0,
            give_up_after=conditions.give_up_after,
            spare=cluster.spare_workers,
        )
        self._keeper = Keeper(policy, self, before, again=again)
        self._dispatcher = Dispatcher(server, self._ledger, self)
        self._news: queue.SimpleQueue[Callable[[], None]] = queue.SimpleQueue()
        self._shown = ShownLines(recorder.trial_directory)
        self._values: list[Any] = []
        self._job_error: str | None = None
        self._over = False
        self._registered = False
        self._error: BaseException | None = None
        recorder.when_lost(lambda error: self._tell(self._fail, error))

    def run(self) -> Outcome:
        """Run the experiment; returns how it ended, and raises nothing that it can return."""
        self._policy.start(
            self._keeper.trial_store, self._keeper.final_store, self._conditions.seed
        )
        address = self._server.start()
        try:
            make_task = self._make_tasks(address)
        except BaseException:
            self._server.close()
            raise
        self._jobs = Jobs(
            self._cluster,
            self._recorder.experiment_id,
            f"Maggy experiment {self._recorder.experiment_id}",
            make_task,
            self._job_ended,
            lambda error: self._tell(self._fail, error),
        )
        self._progress.open()
        with interrupts(self._interrupted), short_collections():
            try:
                self._dispatcher.start()
                self._keeper.start()
                self._jobs.launch(list(range(self._conditions.num_workers)))
                self._wait()
            except BaseException as error:
                self._error = error
            state = self._shut_down()
        return Outcome(state, self._keeper.ended, self._values, self._error, self._job_error)

    def _wait(self) -> None:
        """Show progress until the experiment is over."""
        limit = self._conditions.max_seconds
        deadline = None if limit is None else time.monotonic() + limit
        hint: float | None = time.monotonic() + PATIENCE_SECONDS
        while not self._over:
            deadlines = [each for each in (deadline, hint) if each is not None]
            with suppress(queue.Empty):
                self._news.get(
                    timeout=max(0.0, min(deadlines) - time.monotonic()) if deadlines else None
                )()
            if deadline is not None and time.monotonic() >= deadline and not self._over:
                self._say(
                    f"The experiment ends after max_seconds={limit:g} with the trials that it has."
                )
                raise TimeIsUp(f"max_seconds={limit:g} are over.")
            if hint is not None and (self._registered or time.monotonic() >= hint):
                hint = None
                if not self._registered:
                    self._say(
                        f"No worker has come yet after {PATIENCE_SECONDS:g} seconds. Either Spark has no free task "
                        f"slot, or its executors cannot reach the driver at {self._cluster.advertised}."
                    )

    def _shut_down(self) -> str:
        """End every part, in an order that loses no record; returns the experiment's state."""
        error, self._over = self._error, True
        if error is not None:
            self._dispatcher.post(self._ledger.stop_all)
        elif self._policy.optimization_key is None:
            self._wait_for_values()
        if not self._jobs.join(STOP_SECONDS if error is not None else CANCEL_SECONDS):
            self._jobs.cancel()
            if not self._jobs.join(CANCEL_SECONDS):
                self._say(
                    "Spark has not ended all of Maggy's tasks yet; they leave when their training ends."
                )
        self._dispatcher.close()
        self._keeper.close(timeout=STOP_SECONDS)
        while not self._news.empty():
            self._news.get()()
        self._progress.close()
        if isinstance(error, (KeyboardInterrupt, TimeIsUp)):
            return "KILLED"
        return "FINISHED" if error is None else "FAILED"

    def _wait_for_values(self) -> None:
        """What a function that is run once returned comes back with the end of its job, and may be large."""
        while self._error is None and not self._jobs.join(0.0):
            with suppress(queue.Empty):
                self._news.get(timeout=1.0)()

    def _say(self, text: str) -> None:
        self._recorder.log(text)
        self._progress.say(text)

    def _interrupted(self) -> None:
        self._fail(KeyboardInterrupt())
        self._news.put(lambda: None)  # wakes the wait

    def _launch(self, partitions: list[int]) -> None:
        if not self._over:
            self._jobs.launch(partitions)

    def _fail(self, error: BaseException) -> None:
        if self._error is None:
            self._error = error
        self._over = True

    def _tell(self, news: Callable[..., None], *args: Any) -> None:
        self._news.put(lambda: news(*args))

    # What the jobs' threads say.

    def _job_ended(
        self,
        job: int,
        partitions: list[int],
        values: list[Any],
        error: str | None,
        culprit: int | None,
    ) -> None:
        self._values.extend(values)
        self._job_error = error or self._job_error
        self._tell(lambda: None)
        if error is not None and not self._ledger.finished:
            self._recorder.log(f"Spark job {job} ended: {error}")
        self._dispatcher.post(self._ledger.job_ended, job, partitions, error, culprit)

    # What the dispatcher says, on its thread.

    def worker_registered(self, worker: WorkerId, message: Register) -> None:
        self._registered = True
        self._recorder.worker_registered(
            worker.job, worker.partition, worker.attempt, message.host, message.pid
        )

    def carry_out(self, instructions: list[Instruction]) -> None:
        for_keeper: list[KeeperEvent] = []
        for instruction in instructions:
            if isinstance(instruction, KeeperEvent):
                for_keeper.append(instruction)
                if type(instruction) is Ended and (
                    notice := self._shown.ended(instruction.trial_id)
                ):
                    self._tell(self._progress.say, notice)
            else:
                self._carry_out(instruction)
        if for_keeper:
            self._keeper.put(*for_keeper)

    def _carry_out(self, instruction: Instruction) -> None:
        if isinstance(instruction, Lines):
            self._recorder.lines(
                instruction.trial_id, instruction.worker, [line for _, line in instruction.lines]
            )
            self._show(instruction)
        elif isinstance(instruction, Launch):
            self._tell(self._launch, instruction.partitions)
        elif isinstance(instruction, Kill):
            self._tell(self._jobs.kill, instruction.worker.job, instruction.task)
        elif isinstance(instruction, Lost):
            self._recorder.log(
                f"Worker {instruction.worker.partition} was lost: {instruction.reason}"
            )
        elif isinstance(instruction, CheckFailed):
            self._tell(self._fail, self._describe_error(instruction.error_type, instruction.error))
        elif isinstance(instruction, GivenUp):
            self._tell(self._fail, ExperimentError(instruction.reason))

    def _show(self, output: Lines) -> None:
        lines = [line for is_shown, line in output.lines if is_shown]
        if not lines:
            return
        shown = self._shown.admit(output.trial_id, lines, time.monotonic(), self._news.qsize())
        if shown:
            self._tell(self._progress.lines, output.worker.partition, shown)

    def dispatcher_failed(self, error: BaseException) -> None:
        logger.error("The dispatcher failed.", exc_info=error)
        self._tell(self._fail, error)

    # What the keeper says, on its thread.

    def suggested(self, trial: Trial, params: dict[str, Any]) -> None:
        directory = self._recorder.trial_directory(trial.trial_id)
        self._dispatcher.post(self._ledger.suggested, trial.trial_id, params, directory)

    def exhausted(self) -> None:
        self._dispatcher.post(self._ledger.exhausted)

    def trial_began(self, trial: Trial) -> None:
        self._recorder.trial_begins(trial)

    def stop(self, trial_id: str) -> None:
        self._dispatcher.post(self._ledger.stop, trial_id)

    def trial_given_back(self, trial: Trial, reason: str) -> None:
        text = f"Trial {trial.trial_id} lost its worker and will run again: {reason}"
        self._recorder.trial_given_back(trial, text)
        self._tell(self._progress.say, text)

    def trial_ended(self, trial: Trial) -> None:
        self._recorder.trial_ended(trial)
        self._tell(self._progress.trial_ended, trial)
        if trial.status == Trial.ERROR and self._conditions.fail_fast:
            reason = trial.info_dict.get("reason")
            error = ExperimentError(
                f"Trial {trial.trial_id} failed, and fail_fast is set: {reason}\n{trial.error}"
            )
            self._tell(self._fail, error)

    def all_ended(self) -> None:
        self._tell(self._end)

    def remark(self, text: str) -> None:
        self._tell(self._say, text)

    def mistaken(self, mistake: Mistake) -> None:
        ended, total = self._keeper.ended, self._policy.total
        left = None if total is None else total - len(ended)
        if left == 0:  # only the policy knew that there would be no more
            self.all_ended()
            return
        trained = [trial for trial in ended[self._earlier :] if trial.attempts]
        self._tell(self._fail, ExperimentError(explanation(mistake, trained, left)))

    def policy_failed(self, error: BaseException) -> None:
        self._tell(self._fail, error)

    def rule_failed(self, error: Exception) -> None:
        self._tell(
            self._say,
            f"The early-stop rule failed, so it stops nothing: {type(error).__name__}: {error}",
        )

    def experiment_ends(self, reason: str) -> None:
        self._tell(self._say, f"The experiment ends, since {reason}.")

    def _end(self) -> None:
        self._over = True
