"""Checkpoints under any order of events: the ledger, the trial book and honest workers' reports."""

from collections import Counter, deque
from contextlib import nullcontext

import pytest
from helpers.trainings import HonestWorker
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from maggy.checkpoints.saved import path_of
from maggy.common.exceptions import EarlyStopException
from maggy.core.experiment_driver.instructions import Launch, Saved, Send, TrialEvent
from maggy.core.experiment_driver.ledger import Ledger
from maggy.core.experiment_driver.notices import (
    CheckpointsSaved,
    SuggestionsExhausted,
    TrialSuggested,
)
from maggy.core.experiment_driver.policy import Policy
from maggy.core.experiment_driver.trial_book import TrialBook
from maggy.core.messages import Assign, Failed, Final, Heartbeat, Register, WorkerId
from maggy.trial import Trial

TRIALS, PLACES, TIMEOUT = 5, 2, 60
TROUBLES = (
    "the function fails",
    "its process dies",
    "the worker is silent",
    "the worker dies",
    "its executor goes",
    "Spark starts its task again",
)
MOSTLY = st.sampled_from([True, True, True, False])


class Choosing(Policy):
    """Suggest new trials, children of ended ones, and paused ones, as the test has chosen."""

    kind, name, continues_paused = "optimization", "Choosing", True

    def __init__(self, world):
        self.world, self.choices, self.count = world, [], 0

    def start(self, trial_store, final_store, seed):
        pass

    def identity(self):
        return {}

    def suggest(self, finished):
        book = self.world.book
        paused = [trial for trial in book.trial_store.values() if trial.status == Trial.PAUSED]
        parents = [trial.trial_id for trial in book.ended if trial.trial_id in self.world.newest]
        choice = self.choices.pop() if self.choices else "new"
        if paused and (choice == "paused" or self.count == TRIALS):
            return paused[0]
        if self.count == TRIALS:
            return None
        self.count += 1
        trial = Trial({"x": self.count})
        if choice == "child" and parents:
            trial.parent = parents[-1]
        return trial


class CheckpointWorld(RuleBasedStateMachine):
    def __init__(self):
        super().__init__()
        self.now = 0
        self.ledger = Ledger(attempts=4, worker_timeout=TIMEOUT, preemption_grace=20)
        self.policy = Choosing(self)
        self.book = TrialBook(self.policy, [], [], lambda: 0.0, lambda: 0.0)
        self.events = deque()  # that wait for the thread of the policy
        self.store = {}
        self.newest = {}  # the newest acknowledged checkpoint of each trial
        self.runs = {}  # all trainings by the number of their run
        self.workers = []
        self.tasks = [(0, place) for place in range(PLACES)]  # of Spark: the job, and the place
        self.attempts = Counter()
        self.moved = set()  # trials that have lost their worker at the end

    # The driver.

    def do(self, instructions):
        for instruction in instructions:
            if isinstance(instruction, Saved):
                self.acknowledge(instruction)
            if isinstance(instruction, TrialEvent):
                self.events.append(instruction)
            elif isinstance(instruction, Launch):
                self.tasks += [(self.tasks[-1][0] + 1, place) for place in instruction.partitions]
            elif isinstance(instruction, Send):
                self.deliver(instruction)

    def acknowledge(self, saved):
        for checkpoint in saved.checkpoints:
            directory = path_of(saved.trial_id, checkpoint.name)
            stored = self.store[directory]
            assert stored.is_whole, "a checkpoint counts that is not complete"
            assert not stored.is_acknowledged, "a checkpoint counts twice"
            stored.is_acknowledged = True
            self.newest[saved.trial_id] = directory

    def deliver(self, send):
        message = send.message
        worker = next((one for one in self.workers if one.identity == send.worker), None)
        if isinstance(message, Assign) and message.run not in self.runs:
            self.check_handover(message)
        if worker is None or not self.is_answered:
            return
        before = worker.training
        worker.hear(message)
        if worker.training not in (None, before):
            self.runs[message.run] = worker.training

    def check_handover(self, assignment):
        trial = self.book.trial_store[assignment.trial_id]
        expected = self.newest.get(trial.trial_id) or self.newest.get(trial.parent)
        handover = assignment.handover
        assert (handover and handover.directory) == expected, "another checkpoint was handed out"
        if handover is not None:
            stored = self.store[handover.directory]
            assert stored.is_whole
            assert stored.is_acknowledged
            assert not stored.is_removed
            assert handover.step == stored.saved.step

    def think(self, count=1000):
        """Let the policy's thread handle events."""
        while self.events and count:
            count -= 1
            for notice in self.book.handle(self.events.popleft()):
                if isinstance(notice, TrialSuggested):
                    trial, params = notice.trial, notice.params
                    self.do(self.ledger.suggested(trial.trial_id, params, "", notice.handover))
                elif isinstance(notice, SuggestionsExhausted):
                    self.do(self.ledger.exhausted())
                elif isinstance(notice, CheckpointsSaved):
                    self.keep(notice.saving)

    def keep(self, saving):
        """Remove the checkpoints of a trial that are not kept any more."""
        trial_id, pair = saving.trial.trial_id, saving.pair
        for old in saving.replaced:
            self.store[path_of(trial_id, old.name)].is_removed = True
        for kept in filter(None, (pair.newest, pair.best)):
            assert not self.store[path_of(trial_id, kept.name)].is_removed

    is_answered = True

    def tell(self, worker, messages, arrives=True, is_answered=True):
        worker.said += messages
        events = {Register: self.ledger.register, Heartbeat: self.ledger.heartbeat}
        self.is_answered = is_answered
        for message in messages if arrives else ():
            handle = events.get(type(message), self.ledger.ended)
            self.do(handle(worker.identity, message, self.now))
        self.is_answered = True
        self.workers = [one for one in self.workers if not one.is_gone]

    def start(self, task):
        """Start a worker of a task, unless the last one has left."""
        if self.ledger.finished or self.ledger._roster.has_left(*task):
            return
        worker = HonestWorker(self, WorkerId(*task, self.attempts[task]))
        self.attempts[task] += 1
        self.workers.append(worker)
        self.tell(worker, worker.messages())

    # What may happen.

    @initialize(choices=st.lists(st.sampled_from(["new", "child", "paused"]), min_size=2 * TRIALS))
    def two_workers_come(self, choices):
        self.policy.choices = choices
        for task in list(self.tasks):
            self.start(task)
        self.think()

    def some(self, data, condition=lambda worker: True):
        workers = [worker for worker in self.workers if condition(worker)]
        return data.draw(st.sampled_from(workers)) if workers else None

    def trainer(self, data):
        return self.some(data, lambda worker: worker.training is not None)

    @rule(
        data=st.data(),
        restores=MOSTLY,
        epochs=st.integers(0, 2),
        saves=MOSTLY,
        uploads=MOSTLY,
        speaks=st.booleans(),
        is_answered=MOSTLY,
    )
    def a_function_trains(self, data, restores, epochs, saves, uploads, speaks, is_answered):
        worker = self.trainer(data)
        if worker is None:
            return
        if restores:
            worker.training.ask()
        for _ in range(epochs):
            worker.training.train()
        if saves and worker.training.curve:
            self.save(worker, uploads)
        if speaks:
            self.tell(worker, worker.messages(), is_answered=is_answered)
            self.think()

    def save(self, worker, uploads):
        """Save a checkpoint, which ends the run if the trial is to pause."""
        run = worker.training
        is_pausing = run.reporter.is_pausing
        end = pytest.raises(EarlyStopException) if is_pausing else nullcontext()
        with end, run.reporter.checkpoint(run.curve[-1][0]):
            pass
        if uploads:
            run.upload()
        if is_pausing:
            self.end(worker, has_store=uploads)

    def end(self, worker, has_store):
        """Report the end of a function that has returned, after its last uploads."""
        run = worker.training
        while run.uploads and has_store:
            run.upload()
        is_paused = run.reporter.is_paused
        metric = run.own[-1][1] if run.own else 0.5

        def final(**report):
            return Final(metric=metric, outputs={}, early=is_paused, paused=is_paused, **report)

        worker.end(final)

    @rule(data=st.data(), speaks=MOSTLY)
    def an_upload_ends(self, data, speaks):
        # Also one of a run that is over, or whose worker was taken for lost.
        runs = [run for run in self.runs.values() if run.uploads]
        if not runs:
            return
        run = data.draw(st.sampled_from(runs))
        run.upload()
        if speaks and run.worker in self.workers:
            self.tell(run.worker, run.worker.messages())

    @rule(data=st.data(), arrives=MOSTLY, is_answered=MOSTLY)
    def a_worker_speaks(self, data, arrives, is_answered):
        if (worker := self.some(data)) is not None:
            self.tell(worker, worker.messages(), arrives, is_answered)

    @rule(data=st.data())
    def a_message_comes_twice_or_late(self, data):
        worker = self.some(data, lambda candidate: candidate.said)
        if worker is not None:
            self.tell(worker, [data.draw(st.sampled_from(worker.said))])

    @rule(data=st.data(), has_store=MOSTLY, speaks=MOSTLY)
    def a_function_ends(self, data, has_store, speaks):
        if (worker := self.trainer(data)) is not None:
            self.end(worker, has_store)
            if speaks:
                self.tell(worker, worker.messages())

    @rule(data=st.data(), trouble=st.sampled_from(TROUBLES))
    def something_goes_wrong(self, data, trouble):
        is_end = trouble in ("the function fails", "its process dies")
        worker = self.trainer(data) if is_end else self.some(data)
        if worker is None:
            return
        if is_end:
            died = trouble == "its process dies"
            worker.end(lambda **report: Failed(reason=trouble, traceback="", died=died, **report))
            self.tell(worker, worker.messages())
        elif trouble == "the worker is silent":
            self.do(self.ledger.lost(worker.identity, "silent", charge=True))
        elif trouble == "the worker dies":
            self.workers.remove(worker)
            self.do(self.ledger.lost(worker.identity, "dead", charge=True))
            self.start(worker.identity[:2])
        elif trouble == "its executor goes":
            self.do(self.ledger.preempted([worker.identity], self.now))
        else:
            self.start(worker.identity[:2])  # another attempt takes the trial over

    @rule(data=st.data())
    def a_trial_is_to_pause(self, data):
        if self.ledger.running:
            self.do(self.ledger.pause(data.draw(st.sampled_from(sorted(self.ledger.running)))))

    @rule(data=st.data(), seconds=st.sampled_from([1, 30, 30, 100]))
    def time_passes(self, data, seconds):
        self.now += seconds
        self.do(self.ledger.tick(self.now))
        for task in list(self.tasks):
            if all(worker.identity[:2] != task for worker in self.workers):
                self.start(task)

    @rule(count=st.integers(1, 9))
    def the_policy_thinks(self, count):
        self.think(count)

    # What always holds.

    @invariant()
    def no_step_of_a_curve_counts_twice(self):
        for trial in [*self.book.trial_store.values(), *self.book.ended]:
            steps = trial.step_history
            assert steps == sorted(set(steps))

    @invariant()
    def a_running_trial_has_the_curve_of_its_training(self):
        if self.events:
            return
        for trial_id, record in self.ledger._assignments.running.items():
            run = record.run
            inherited = self.store[run.handover.directory].curve if run.is_continued else []
            training = self.runs.get(run.number)
            own = training.own[: run.points] if training is not None else []
            assert training is None or run.is_continued <= training.reporter.is_restored
            assert self.curve_of(self.book.trial_store[trial_id]) == [*inherited, *own]

    def curve_of(self, trial):
        return list(zip(trial.step_history, trial.metric_history, strict=True))

    def teardown(self):
        """Bring the experiment to its end from any state, and compare all curves."""
        for _ in range(200):
            self.think()
            if self.ledger.finished:
                break
            self.now += 25
            for worker in list(self.workers):
                if worker.training is not None:
                    self.bring_on(worker)
                self.tell(worker, worker.messages())
            for task in list(self.tasks):
                if all(worker.identity[:2] != task for worker in self.workers):
                    self.start(task)
            self.do(self.ledger.tick(self.now))
        assert self.ledger.finished, "the experiment does not come to an end"
        assert len(self.book.ended) == self.policy.count == TRIALS
        for trial in self.book.ended:
            # Every value names its run, so a whole curve cannot be made of the wrong pieces.
            curves = [run.curve for run in self.runs.values()]
            curve = self.curve_of(trial)
            assert not curve or any(curve == one[: len(curve)] for one in curves)

    def bring_on(self, worker):
        """Train and save an epoch; then lose each trial once, and end it when it has gone on."""
        run = worker.training
        trial_id = run.assignment.trial_id
        if not run.own:
            run.ask()
            self.tell(worker, worker.messages())
            self.think()
            self.a_running_trial_has_the_curve_of_its_training()
            if worker.training is not run:
                return
            run.train()
            self.save(worker, uploads=True)
            if worker.training is run:
                run.train()  # beyond the checkpoint
        elif trial_id not in self.moved:
            self.moved.add(trial_id)
            self.do(self.ledger.lost(worker.identity, "silent", charge=False))
        else:
            self.end(worker, has_store=True)


CheckpointWorld.TestCase.settings = settings(
    max_examples=150,
    stateful_step_count=60,
    derandomize=True,
    deadline=None,
    # To find a failure takes a second, to shorten its example minutes.
    phases=[Phase.generate],
    suppress_health_check=[HealthCheck.too_slow],
)
TestCheckpointWorld = CheckpointWorld.TestCase
