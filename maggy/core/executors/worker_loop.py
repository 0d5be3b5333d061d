"""Ask the driver for work and do it, again and again."""

from __future__ import annotations

from typing import Protocol

from maggy.common.exhaustive import assert_never
from maggy.core.executors.session import Session
from maggy.core.executors.trial_session import Answer
from maggy.core.messages import Assign, Check, Checked, Done, Register

__all__ = ["Executor", "serve"]


class Executor(Protocol):
    """Run trials one after the other, in this process or in processes of their own."""

    def train(self, assignment: Assign) -> Answer:
        """Run a trial and report its end; return the driver's answer."""

    def check(self, probe: bool) -> Checked:
        """Try the study out before any trial.

        Args:
            probe: Whether to build each of the study's components, too.
        """


def serve(session: Session, hello: Register, executor: Executor) -> None:
    """Ask the driver for work and do it until there is none.

    Args:
        session: The worker's session with the driver.
        hello: The worker's first message.
        executor: Does the work.
    """
    answer = session.request(hello)
    while True:
        match answer:
            case Assign():
                answer = executor.train(answer)
            case Check(probe=probe):
                answer = session.request(executor.check(probe))
            case Done():
                return
            case _:
                assert_never(answer)
