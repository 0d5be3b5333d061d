"""Workers, messages and ledgers for tests of the bookkeeping."""

from maggy.core.experiment_driver.ledger import Ledger
from maggy.core.messages import (
    Assign,
    Failed,
    Final,
    Heartbeat,
    Register,
    WorkerId,
)

A, B, C = WorkerId(0, 0, 0), WorkerId(0, 1, 0), WorkerId(0, 2, 0)
HELLO = Register.of_this_release("host", 1)


def beat(run=0, points=(), first=0, waiting=False):
    return Heartbeat(run, first, list(points), 0, [], waiting)


def final(run, metric=1.0, points=(), first=0):
    return Final(run, first, list(points), 0, [], metric, {"metric": metric}, False)


def failed(run, leaving=False, mistake="", location=""):
    return Failed(run, 0, [], 0, [], "it broke", "traceback", leaving, mistake, location)


def died(run):
    return Failed(run, 0, [], 0, [], "it broke", "", died=True)


def assign(run, trial_id):
    return Assign(run, trial_id, {"of": trial_id}, f"dir/{trial_id}")


def suggest(ledger, trial_id):
    return ledger.suggested(trial_id, {"of": trial_id}, f"dir/{trial_id}")


def with_running(*workers, **options):
    """A ledger in which the n-th worker runs trial ``tn`` as run n."""
    ledger = Ledger(**options)
    for number, worker in enumerate(workers, 1):
        ledger.register(worker, HELLO, 0)
        suggest(ledger, f"t{number}")
    return ledger
