"""Pass the driver's orders about a running trial on to its reporter."""

from __future__ import annotations

from maggy.common.exhaustive import assert_never
from maggy.core.messages import Decided, Order, Pause, Preempt, Stop
from maggy.core.reporter import Reporter

__all__ = ["obey", "pending_orders"]


def obey(reporter: Reporter, order: Order) -> None:
    """Let the training function hear of an order. Any thread may call this."""
    match order:
        case Stop():
            reporter.stop()
        case Pause():
            reporter.pause()
        case Preempt():
            reporter.ask_for_checkpoint()
        case Decided(points=points):
            reporter.decision_wait.note(points)
        case _:
            assert_never(order)


def pending_orders(reporter: Reporter) -> list[Order]:
    """Return the orders of which a reporter has heard, for a process that begins later."""
    orders: list[tuple[bool, Order]] = [
        (reporter.is_stopped, Stop(0)),
        (reporter.is_pausing, Pause(0)),
        (reporter.should_checkpoint, Preempt(0)),
    ]
    return [order for is_given, order in orders if is_given]
