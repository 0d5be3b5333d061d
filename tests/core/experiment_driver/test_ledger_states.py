"""The ledger under any order of events, with honest workers, a lossy network and crashes."""

from collections import Counter, defaultdict

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from maggy.core.experiment_driver.instructions import (
    Ask,
    Began,
    Ended,
    Finished,
    GivenBack,
    GivenUp,
    Launch,
    Paused,
    Points,
    Send,
)
from maggy.core.experiment_driver.ledger import Ledger
from maggy.core.messages import (
    Abandon,
    Assign,
    Check,
    Checked,
    Done,
    Failed,
    Final,
    Heartbeat,
    Register,
    Wait,
    WorkerId,
)

ATTEMPTS, TIMEOUT, PARTITIONS = 2, 60, 3
MOSTLY = st.sampled_from([True, True, True, False])


class Worker:
    """An honest worker, which trains one run at a time.

    It repeats its request until it gets an answer.
    """

    def __init__(self, identity):
        self.identity = identity
        self.run = 0
        self.training = self.checking = self.check_seen = self.gone = False
        self.points = 0
        self.request = Register.of_this_release("host", 1)
        self.said = []

    def hear(self, message):
        if isinstance(message, Assign):
            if message.run > self.run and not self.training:
                self.run, self.training, self.points, self.request = message.run, True, 0, None
        elif isinstance(message, Check):
            if not self.check_seen:
                self.checking, self.check_seen, self.request = True, True, None
        elif isinstance(message, Wait):
            self.request = None
        elif isinstance(message, Abandon):
            if message.run == self.run and self.training:
                self.training, self.request = False, Failed(self.run, 0, [], 0, [], "abandoned", "")
        elif isinstance(message, Done):
            self.gone = True

    def beat(self):
        waiting = not self.training and not self.checking
        return Heartbeat(self.run, 0, [(n, 0.5) for n in range(self.points)], 0, [], waiting)

    def next_message(self):
        return self.request or self.beat()


class World(RuleBasedStateMachine):
    check_first = speculation = False
    ahead = spare = 0
    trials = 6

    def __init__(self):
        super().__init__()
        self.now = 0
        self.ledger = Ledger(
            attempts=ATTEMPTS,
            worker_timeout=TIMEOUT,
            check_first=self.check_first,
            speculation=self.speculation,
            ahead=self.ahead,
            spare=self.spare,
        )
        self.jobs = [list(range(PARTITIONS))]
        self.over = set()  # jobs that ended
        self.returned = set()  # tasks, as (job, partition), whose worker left on request
        self.alive = {}
        self.attempts = Counter()
        self.asks = self.suggested = 0
        self.active = {}  # trial -> worker
        self.paused = []  # trials that have left their worker
        self.charged = Counter()
        self.points = defaultdict(list)
        self.ended = []
        self.leaving = set()  # workers whose executors Spark takes away
        self.begun = False
        self.finished = 0
        self.given_up = False
        self.deliver = True

    # The driver's reactions to instructions.

    def do(self, instructions, charge=False):
        for instruction in instructions:
            if isinstance(instruction, Send):
                worker = self.alive.get(instruction.worker)
                if worker is not None and self.deliver:
                    self.hear(worker, instruction.message)
            elif isinstance(instruction, Ask):
                self.asks += 1
            elif isinstance(instruction, Began):
                assert instruction.trial_id not in self.active, "one trial on two workers"
                assert instruction.worker not in self.active.values(), "two trials on one worker"
                assert instruction.trial_id not in self.ended, "a trial that is final began again"
                assert instruction.worker not in self.leaving, "a worker that leaves got a trial"
                self.begun = True
                self.active[instruction.trial_id] = instruction.worker
                self.points[instruction.trial_id] = []
            elif isinstance(instruction, Points):
                self.points[instruction.trial_id] += instruction.points
            elif isinstance(instruction, GivenBack):
                worker = self.active.pop(instruction.trial_id)
                self.charged[instruction.trial_id] += charge and worker not in self.leaving
                assert self.charged[instruction.trial_id] < ATTEMPTS
            elif isinstance(instruction, Paused):
                del self.active[instruction.trial_id]
                self.paused.append(instruction.trial_id)
                self.charged[instruction.trial_id] = 0  # it has come to a checkpoint
            elif isinstance(instruction, Ended):
                assert instruction.trial_id not in self.ended, "a trial ended twice"
                self.active.pop(instruction.trial_id)
                self.ended.append(instruction.trial_id)
            elif isinstance(instruction, Launch):
                self.jobs.append(instruction.partitions)
            elif isinstance(instruction, Finished):
                self.finished += 1
            elif isinstance(instruction, GivenUp):
                self.given_up = True

    def tell(self, worker, message, charge=False):
        worker.said.append(message)
        events = {
            Register: self.ledger.register,
            Checked: self.ledger.checked,
            Heartbeat: self.ledger.heartbeat,
        }
        self.do(
            events.get(type(message), self.ledger.ended)(worker.identity, message, self.now), charge
        )
        record = self.ledger._roster.get(worker.identity)
        stays = record is not None and record.is_live and not record.is_standby
        if stays and not self.ledger.finished:
            checks = (
                worker.identity == self.ledger._assignments.checker
                and not self.ledger._assignments.is_checked
            )
            waits = worker.identity in self.ledger._queue.free_workers or checks
            busy = record.run is not None or worker.training or worker.checking
            # A worker that must abandon its run will ask again.
            has_to_speak = isinstance(worker.request, Failed)
            assert waits or busy or has_to_speak, "a worker waits for nothing"

    def hear(self, worker, message):
        worker.hear(message)
        task = worker.identity[:2]
        # When a task has ended, Spark ends all its other attempts.
        if worker.gone and worker.identity.job not in self.over:
            self.returned.add(task)
            for other in [
                identity
                for identity in self.alive
                if identity[:2] == task and identity != worker.identity
            ]:
                self.alive.pop(other).gone = True

    def places(self):
        """Return the tasks, as (job, partition), that Spark must still bring to an end."""
        tasks = ((job, place) for job, places in enumerate(self.jobs) for place in places)
        return [task for task in tasks if task[0] not in self.over and task not in self.returned]

    def has_worker(self, task):
        return any(identity[:2] == task for identity in self.alive)

    def end_jobs_whose_tasks_returned(self):
        open_jobs = {job for job, _ in self.places()}
        for job, places in list(enumerate(self.jobs)):
            if job not in self.over and job not in open_jobs:
                self.over.add(job)
                self.do(self.ledger.job_ended(job, places, None, None))

    def start(self, job, partition):
        identity = WorkerId(job, partition, self.attempts[job, partition])
        self.attempts[job, partition] += 1
        self.alive[identity] = Worker(identity)
        return self.alive[identity]

    def some(self, data, condition=lambda worker: True):
        workers = [
            worker for worker in self.alive.values() if not worker.gone and condition(worker)
        ]
        return data.draw(st.sampled_from(workers)) if workers else None

    # Events that may happen.

    @initialize()
    def the_first_job_starts(self):
        for partition in range(PARTITIONS):
            self.tell(self.start(0, partition), Register.of_this_release("host", 1), charge=True)

    @rule(data=st.data())
    def spark_starts_a_task(self, data):
        tasks = [task for task in self.places() if self.speculation or not self.has_worker(task)]
        if tasks:
            # A newer attempt takes the trial away from the older one.
            self.tell(
                self.start(*data.draw(st.sampled_from(tasks))),
                Register.of_this_release("host", 1),
                charge=True,
            )

    @rule(data=st.data(), is_answered=MOSTLY)
    def a_worker_speaks(self, data, is_answered):
        worker = self.some(data)
        if worker is not None:
            worker.points += worker.training
            self.deliver = is_answered
            self.tell(worker, worker.next_message(), charge=True)
            self.deliver = True

    @rule(
        data=st.data(),
        how=st.sampled_from(["final", "final", "paused", "failed", "leaving", "died"]),
        is_answered=MOSTLY,
    )
    def a_worker_ends_what_it_does(self, data, how, is_answered):
        worker = self.some(data, lambda candidate: candidate.training or candidate.checking)
        if worker is None:
            return
        points = [(n, 0.5) for n in range(worker.points)]
        if worker.checking:
            worker.request = Checked(None, "")
        elif how in ("final", "paused"):
            is_paused = how == "paused"
            worker.request = Final(
                worker.run, 0, points, 0, [], 1.0, {}, is_paused, paused=is_paused
            )
        else:
            worker.request = Failed(
                worker.run, 0, points, 0, [], "reason", "", how == "leaving", died=how == "died"
            )
        worker.checking = worker.training = False
        self.deliver = is_answered
        self.tell(worker, worker.request, charge=how == "died")
        self.deliver = True
        if isinstance(worker.request, Failed) and worker.request.leaving:
            self.alive.pop(worker.identity, None)

    @rule(data=st.data())
    def a_message_comes_twice_or_late(self, data):
        worker = self.some(data, lambda candidate: candidate.said)
        if worker is None:
            return
        before = (
            list(self.ended),
            {name: list(points) for name, points in self.points.items() if name in self.active},
        )
        self.tell(worker, data.draw(st.sampled_from(worker.said)), charge=True)
        assert list(self.ended) == before[0], "a repeated message ended a trial"
        for name, points in before[1].items():
            assert self.points[name] in (points, []), "a repeated message brought points"

    @precondition(lambda self: self.asks)
    @rule(everyone=MOSTLY, delivered=MOSTLY)
    def the_policy_answers(self, everyone=False, delivered=True):
        self.deliver = delivered
        for _ in range(self.asks if everyone else 1):
            self.asks -= 1
            if self.paused:
                self.do(self.ledger.suggested(self.paused.pop(0), {}, ""))
            elif self.suggested == self.trials:
                self.do(self.ledger.exhausted())
            else:
                self.suggested += 1
                self.do(self.ledger.suggested(f"t{self.suggested}", {}, ""))
        self.deliver = True

    @rule(data=st.data())
    def a_trial_is_to_stop(self, data):
        if self.active:
            self.do(self.ledger.stop(data.draw(st.sampled_from(sorted(self.active)))))

    @rule(data=st.data())
    def a_trial_is_to_pause(self, data):
        if self.active:
            self.do(self.ledger.pause(data.draw(st.sampled_from(sorted(self.active)))))

    @rule(data=st.data())
    def a_worker_dies(self, data):
        worker = self.some(data)
        if worker is not None:
            del self.alive[worker.identity]

    @rule(data=st.data())
    def a_worker_leaves_without_being_told(self, data):
        worker = self.some(data, lambda candidate: candidate.identity.job not in self.over)
        if worker is not None:
            self.hear(worker, Done())

    @rule(data=st.data())
    def spark_takes_executors_away(self, data):
        # Also of workers that are lost, have left, or have never come.
        tasks = [*self.attempts, (9, 9)]
        identities = [WorkerId(*task, self.attempts[task] - 1) for task in tasks]
        leaving = data.draw(st.lists(st.sampled_from(identities), max_size=3))
        self.do(self.ledger.preempted(leaving, self.now))
        # Spark names a worker again that registers afterwards.
        self.leaving.update(filter(self.ledger._roster.get, leaving))

    @rule(seconds=st.sampled_from([1, 30, 100]))
    def time_passes(self, seconds):
        self.now += seconds
        self.do(self.ledger.tick(self.now), charge=True)

    @precondition(lambda self: not self.given_up)
    @rule(data=st.data(), blamed=st.booleans())
    def a_job_fails(self, data, blamed):
        jobs = sorted({job for job, _ in self.places()})
        if not jobs:
            return
        job = data.draw(st.sampled_from(jobs))
        culprit = self.jobs[job][0] if blamed else None
        self.over.add(job)
        partition_of = {trial: worker.partition for trial, worker in self.active.items()}
        # Workers of a failed job may live and send messages for a while.
        for instruction in self.ledger.job_ended(job, self.jobs[job], "crash", culprit):
            trial_id = getattr(instruction, "trial_id", None)
            self.do([instruction], charge=culprit is None or partition_of.get(trial_id) == culprit)

    @rule()
    def jobs_end(self):
        self.end_jobs_whose_tasks_returned()

    # Rules that always hold.

    @invariant()
    def nobody_waits_while_trials_are_queued(self):
        ledger = self.ledger
        assert not (
            ledger._queue.trials and ledger._queue.free_workers and ledger._assignments.is_checked
        )

    @invariant()
    def the_ledger_knows_what_it_asked_for(self):
        assert self.ledger._queue.pending == self.asks

    @invariant()
    def nobody_stays_who_can_get_no_further_trial(self):
        if self.ledger._queue.is_over and not self.ledger.finished:
            assert len(self.ledger._queue.free_workers) <= self.spare

    @invariant()
    def there_are_never_more_places_than_at_first(self):
        staying = [task for task in self.places() if not self.ledger._roster.has_left(*task)]
        assert len(staying) <= PARTITIONS

    @invariant()
    def trials_are_kept_ready(self):
        queue = self.ledger._queue
        if self.begun and not queue.is_exhausted and not self.ledger.finished:
            assert len(queue.trials) + queue.pending >= self.ahead

    @invariant()
    def the_ledger_knows_who_runs_what(self):
        if not self.ledger.finished:
            assert set(self.ledger.running) == set(self.active)

    @invariant()
    def it_is_finished_once_and_only_when_every_trial_is_final(self):
        assert self.finished <= 1
        if self.finished:
            assert len(self.ended) == self.suggested

    def teardown(self):
        """Bring the experiment to its end from any state; the network works and nothing crashes."""
        if self.given_up:
            return
        for _ in range(8 * (self.trials + PARTITIONS) * ATTEMPTS):
            if self.finished:
                break
            self.now += 20
            while self.asks:
                self.the_policy_answers()
            self.end_jobs_whose_tasks_returned()
            for task in self.places():
                if not self.has_worker(task):
                    self.tell(self.start(*task), Register.of_this_release("host", 1), charge=True)
            for worker in [candidate for candidate in self.alive.values() if not candidate.gone]:
                if worker.checking:
                    worker.checking, worker.request = False, Checked(None, "")
                elif worker.training:
                    worker.training = False
                    worker.request = Final(worker.run, 0, [], 0, [], 1.0, {}, False)
                self.tell(worker, worker.next_message(), charge=True)
            self.do(self.ledger.tick(self.now), charge=True)
        assert self.finished == 1, "the experiment does not come to an end"
        assert sorted(self.ended) == sorted(f"t{n}" for n in range(1, self.trials + 1))
        for worker in [candidate for candidate in self.alive.values() if not candidate.gone]:
            self.tell(worker, worker.next_message())
            assert worker.gone


class CheckedWorld(World):
    check_first = True


class SpeculativeWorld(World):
    speculation = True


class WorldAhead(World):
    ahead = 2


class LastTrials(World):
    """A world where the last trials run, so that one worker can get none."""

    trials = 2

    @initialize()
    def the_first_job_starts(self):
        super().the_first_job_starts()
        while self.asks:
            self.the_policy_answers()


class LastTrialsWithASpareWorker(LastTrials):
    spare = 1


class LastTrialsWithSpeculation(LastTrials):
    speculation = True


quick = settings(
    max_examples=100,
    stateful_step_count=50,
    derandomize=True,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
)
WORLDS = (
    World,
    CheckedWorld,
    SpeculativeWorld,
    WorldAhead,
    LastTrials,
    LastTrialsWithASpareWorker,
    LastTrialsWithSpeculation,
)
for world in WORLDS:
    world.TestCase.settings = quick
    globals()[f"Test{world.__name__}"] = world.TestCase
del world
