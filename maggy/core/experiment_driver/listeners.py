"""The threads of the listeners: each hears on its own thread what the experiment does."""

from __future__ import annotations

import copy
import math
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence

from maggy.common.credentials import without_credentials
from maggy.common.json_values import to_plain
from maggy.core.experiment_driver.instructions import Points
from maggy.core.experiment_driver.notices import Notice, TrialBegan, TrialContinued, TrialEnded
from maggy.core.experiment_driver.policy_thread import TrialListener
from maggy.core.messages import Point
from maggy.result import ExperimentResult
from maggy.result.rows import TrialRow, copy_row, make_row
from maggy.tracking import ExperimentInfo, Listener
from maggy.trial import Trial

__all__ = ["HeardNotices", "ListenerThread", "Listeners"]

MAX_POINTS = 100_000
"""Maximum number of points that wait for one listener. Further points are not passed on."""
THREAD = "_maggy_thread"
"""The attribute in which a listener has its last thread while that runs."""
PATIENCE_SECONDS = 30.0
"""How long ``lagom`` waits at its end for all listeners together."""


class ListenerThread:
    """Call the methods of one listener on a thread of its own, in the order of the events.

    The other methods may be called from any thread. They do not wait.

    Args:
        listener: The listener.
        optimization_key: The name of the metric.
        say: Shows a line to the user. May be called from any thread.
        max_points: Maximum number of points that wait.
    """

    def __init__(
        self,
        listener: Listener,
        optimization_key: str,
        say: Callable[[str], None],
        max_points: int = MAX_POINTS,
    ) -> None:
        self._listener = listener
        self._key = optimization_key
        self._say = say
        self._max_points = max_points
        self._name = type(listener).__name__
        # A listener without this method, which is the most frequent one, costs no queue for it.
        self.hears_points = _overrides(listener, "on_report")
        self._queue: deque[tuple[Callable[..., None], tuple[object, ...]]] = deque()
        self._condition = threading.Condition()
        # Everything from here to the next comment only with the condition's lock.
        self._batches: dict[str, list[Point]] = {}  # the last one of each trial in the queue
        self._waiting_points = 0
        self._lost_points = 0
        self._result: ExperimentResult | None = None
        # Everything below belongs to the thread.
        self._rows: dict[str, TrialRow] = {}  # running trials
        self._earlier: threading.Thread | None = None
        self._has_ended = False
        self._has_failed = False
        self._thread = threading.Thread(
            target=self._run, name=f"maggy-listener-{self._name}", daemon=True
        )

    def start(self, info: ExperimentInfo) -> None:
        """Start the thread, and pass the beginning of the experiment on.

        A listener that still hears of an earlier experiment hears of that one to its end first.
        """
        self._earlier = vars(self._listener).get(THREAD)
        vars(self._listener)[THREAD] = self._thread
        self._post(self._call, "on_experiment_start", copy.deepcopy(info))
        self._thread.start()

    def trial_began(self, row: TrialRow) -> None:
        """Pass the beginning of a trial on."""
        self._post(self._trial_began, row, about=row["trial_id"])

    def trial_ended(self, trial: Trial) -> None:
        """Pass the end of a trial on. Nothing may change the trial any more."""
        self._post(self._trial_ended, trial, about=trial.trial_id)

    def points(self, trial_id: str, points: Sequence[Point]) -> None:
        """Pass points on, unless too many wait. Those that wait for a trial become one batch."""
        with self._condition:
            if self._waiting_points + len(points) > self._max_points:
                self._lost_points += len(points)
                return
            self._waiting_points += len(points)
            batch = self._batches.get(trial_id)
            if batch is None:
                batch = self._batches[trial_id] = []
                self._queue.append((self._report, (trial_id, batch)))
                self._condition.notify()
            batch.extend(points)

    def experiment_ended(self, result: ExperimentResult) -> None:
        """Pass the end of the experiment on. Afterwards the thread ends."""
        self._result = result
        self._post(self._experiment_ended)

    def close(self, timeout: float) -> None:
        """Wait for the thread. A listener that takes longer goes on in the background.

        Args:
            timeout: Seconds to wait at most.
        """
        try:
            self._thread.join(timeout)
        finally:  # also after Ctrl-C
            with self._condition:
                lost_points = self._lost_points
                # Whoever called lagom may change the result from now on.
                self._result = copy.deepcopy(self._result)
        if lost_points:
            self._say(
                f"The listener {self._name} was too slow: {lost_points} points were not passed on "
                "as they came."
            )
        if self._thread.is_alive():
            self._say(
                f"The listener {self._name} is not ready {PATIENCE_SECONDS:g} seconds after the "
                "end of the experiment. It goes on in the background while this process lives."
            )

    def _post(self, call: Callable[..., None], *args: object, about: str = "") -> None:
        with self._condition:
            self._queue.append((call, args))
            # Points that come now are later than this event.
            self._batches.pop(about, None)
            self._condition.notify()

    # Everything below runs on the listener's thread.

    def _run(self) -> None:
        if self._earlier is not None:
            self._earlier.join()
        while not self._has_ended:
            with self._condition:
                while not self._queue:
                    self._condition.wait()
                call, args = self._queue.popleft()
            call(*args)
        if vars(self._listener).get(THREAD) is self._thread:
            del vars(self._listener)[THREAD]

    def _trial_began(self, row: TrialRow) -> None:
        self._rows[row["trial_id"]] = row
        self._call("on_trial_start", copy_row(row))

    def _report(self, trial_id: str, batch: list[Point]) -> None:
        with self._condition:
            if self._batches.get(trial_id) is batch:
                del self._batches[trial_id]
            self._waiting_points -= len(batch)
        row = self._rows.get(trial_id)
        points = [(step, float(value)) for step, value in batch if math.isfinite(step)]
        if row is None or not points:
            return
        for step, value in points:
            if row["steps"] and row["steps"][-1] == step:
                row["history"][-1] = to_plain(value)
            else:
                row["steps"].append(step)
                row["history"].append(to_plain(value))
        self._call("on_report", copy_row(row), points)

    def _trial_ended(self, trial: Trial) -> None:
        self._rows.pop(trial.trial_id, None)
        self._call("on_trial_end", make_row(trial, self._key))

    def _experiment_ended(self) -> None:
        self._has_ended = True
        with self._condition:
            result, self._result = copy.deepcopy(self._result), None
        self._call("on_experiment_end", result)

    def _call(self, method: str, *args: object) -> None:
        if not _overrides(self._listener, method):
            return
        try:
            getattr(self._listener, method)(*args)
        except BaseException as error:  # also SystemExit: it would end the thread without a word
            if self._has_failed:
                return
            self._has_failed = True
            text = " ".join(_describe(error).split())
            self._say(
                f"The listener {self._name} failed in {method}, and the experiment goes on: "
                f"{without_credentials(text):.500}"
            )


class Listeners:
    """Tell all listeners of an experiment what happens. No method waits but :meth:`close`.

    Args:
        listeners: The listeners.
        optimization_key: The name of the metric.
        say: Shows a line to the user. May be called from any thread.

    Attributes:
        worker_variables: The environment variables that the listeners want workers to have.
        hear_points: Some listener wants to hear of points.
        have_heard_end: They were told that the experiment has ended.
    """

    def __init__(
        self, listeners: Sequence[Listener], optimization_key: str, say: Callable[[str], None]
    ) -> None:
        self._key = optimization_key
        self._threads = [ListenerThread(listener, optimization_key, say) for listener in listeners]
        self._point_threads = [thread for thread in self._threads if thread.hears_points]
        self.worker_variables: dict[str, str] = {}
        self.hear_points = bool(self._point_threads)
        self.have_heard_end = False
        self._is_closed = False

    def experiment_began(self, info: ExperimentInfo) -> None:
        """Start the threads, and tell the listeners that the experiment begins."""
        for thread in self._threads:
            thread.start(info)

    def trial_began(self, trial: Trial) -> None:
        """Tell the listeners that a trial begins, on the thread that owns the trial."""
        for thread in self._threads:
            thread.trial_began(make_row(trial, self._key))

    def points(self, points: Points) -> None:
        """Tell the listeners of new points."""
        for thread in self._point_threads:
            thread.points(points.trial_id, points.points)

    def trial_ended(self, trial: Trial) -> None:
        """Tell the listeners that a trial has ended. Nothing may change it any more."""
        for thread in self._threads:
            thread.trial_ended(trial)

    def experiment_ended(self, result: ExperimentResult) -> None:
        """Tell the listeners that the experiment has ended. Only the first call counts."""
        if self.have_heard_end:
            return
        self.have_heard_end = True
        for thread in self._threads:
            thread.experiment_ended(result)

    def close(self, timeout: float = PATIENCE_SECONDS) -> None:
        """Wait for the listeners, and say how many points they missed. Only the first call counts.

        Args:
            timeout: Seconds to wait at most for all of them together.
        """
        if self._is_closed:
            return
        self._is_closed = True
        deadline = time.monotonic() + timeout
        for thread in self._threads:
            thread.close(max(0.0, deadline - time.monotonic()))


class HeardNotices:
    """Tell the listeners of a notice, and hand it on. Runs on the policy thread.

    Args:
        listeners: The listeners.
        router: Acts on the notices.
    """

    def __init__(self, listeners: Listeners, router: TrialListener) -> None:
        self._listeners = listeners
        self._router = router

    def act(self, notice: Notice) -> None:
        """Tell the listeners of a notice, and act on it."""
        if isinstance(notice, TrialBegan):
            self._listeners.trial_began(notice.trial)
        elif isinstance(notice, TrialEnded):
            self._listeners.trial_ended(notice.trial)
        elif isinstance(notice, TrialContinued) and self._listeners.hear_points:
            self._listeners.points(notice.points)
        self._router.act(notice)

    def policy_failed(self, error: BaseException) -> None:
        """Hand the error on that has ended the policy thread."""
        self._router.policy_failed(error)


def _describe(error: BaseException) -> str:
    name = type(error).__name__
    try:
        text = str(error)
    except Exception:  # of the user's own class
        text = ""
    return f"{name}: {text}" if text else name


def _overrides(listener: Listener, method: str) -> bool:
    try:
        function = getattr(getattr(listener, method), "__func__", None)
    except Exception:  # of the user's own class; the call says what is wrong
        return True
    return function is not getattr(Listener, method)
