"""One trial: a configuration, the points it has reported, and how it ended. Who runs it is decided elsewhere."""

from __future__ import annotations

import hashlib
import json
import math
import re
import threading
from array import array
from bisect import bisect_right
from collections.abc import Mapping
from typing import Any, ClassVar

from maggy.common.exceptions import BadArgumentsError
from maggy.common.json_values import as_metric, as_number, to_plain, unique_names
from maggy.common.sendable import check_sendable
from maggy.records.trial_record import RECORD_FORMAT, RESTORED, parse_trial_record

__all__ = ["Trial", "is_directory_name"]

MAX_ID_BYTES = 200
"""So long may a trial's id be: file systems take names of 255 bytes, and suffixes are added."""
_ABLATION_KEYS = ("ablated_feature", "ablated_layer")
_ABLATION_FUNCTIONS = ("dataset_function", "model_function")
_GENERATED_ID = re.compile("[0-9a-f]{16}")


class Trial:
    """A configuration to train with, and what became of it.

    Two trials with the same parameters have the same id; in an experiment the driver appends ``_2`` and so on.
    A trial is used by one thread at a time.

    Example:
        >>> trial = Trial({"param1": 5, "param2": "ada"})
        >>> trial.trial_id
        '3d1cc9fdb1d4d001'
        >>> trial.append_metric({"step": 0, "value": 0.5})
        0

    Args:
        params: The hyperparameters by name, or an ablation's labels; numpy scalars become Python numbers, tuples lists.
            Of an ablation ``dataset_function`` and ``model_function`` are left out: functions are not sent.
        trial_type: ``"optimization"`` or ``"ablation"``.
        info_dict: Notes of the optimizer about this trial, kept with its record.

    Attributes:
        status: ``Trial.PENDING``, ``SCHEDULED``, ``RUNNING``, ``ERROR`` or ``FINALIZED``.
        metric_history: The values reported so far.
        step_history: Their steps, strictly ascending.
        final_metric: The metric it ended with, or None.
        early_stop: Whether the driver has asked it to stop.
        start: When it started, in seconds since the epoch, or None.
        duration: How long it ran, in milliseconds, or None.
        outputs: What the training function returned, as a dict, or None.
        error: Why it failed, or None.
        attempts: How many times it was started.
        not_sent: The names of an ablation's functions that were among the parameters.

    Raises:
        BadArgumentsError: A ``ValueError``: the parameters are not a dict with strings as keys and JSON values, an
            integer among them is beyond 64 bits, or the type is not one of the two.
    """

    PENDING: ClassVar[str] = "PENDING"
    SCHEDULED: ClassVar[str] = "SCHEDULED"
    RUNNING: ClassVar[str] = "RUNNING"
    ERROR: ClassVar[str] = "ERROR"
    FINALIZED: ClassVar[str] = "FINALIZED"

    def __init__(
        self,
        params: dict[str, Any],
        trial_type: str = "optimization",
        info_dict: dict[str, Any] | None = None,
    ) -> None:
        if trial_type not in ("optimization", "ablation"):
            raise BadArgumentsError(
                f"trial_type must be 'optimization' or 'ablation', but got {trial_type!r:.80}."
            )
        self.not_sent: tuple[str, ...] = ()
        if trial_type == "ablation" and isinstance(params, Mapping):
            self.not_sent = tuple(name for name in _ABLATION_FUNCTIONS if name in params)
            params = {name: value for name, value in params.items() if name not in self.not_sent}
        self.params: dict[str, Any] = _plain_params(params)
        self.trial_type = trial_type
        self.info_dict: dict[str, Any] = dict(info_dict) if info_dict else {}
        self.trial_id = _generate_id(self.params, trial_type)
        self.attempts = 0
        self._unknown: dict[str, Any] = {}  # what a later release has recorded of it
        self.reset()

    def reset(self) -> None:
        """Forget the last attempt, so that a new one starts clean.

        The status is PENDING again; parameters, id, notes and the number of attempts stay.
        """
        self.status = self.PENDING
        self.metric_history: list[float] = []
        self.step_history: list[int | float] = []
        self.final_metric: float | None = None
        self.early_stop = False
        self.start: float | None = None
        self.duration: int | None = None
        self.outputs: dict[str, Any] | None = None
        self.error: str | None = None
        # Per point: the mean of the finite values up to it, and how many those are.
        self._means = array("d")
        self._counts = array("q")
        # Over all points but the last, which may still be replaced.
        self._highest: float | None = None
        self._lowest: float | None = None

    def append_metric(self, metric_data: Mapping[str, Any]) -> int | float | None:
        """Record a point.

        A step above the last is new. An equal step replaces the last value. A step below the last is ignored.
        NaN is recorded, but counts neither in ``best`` nor in ``mean_until``.

        Args:
            metric_data: ``{"step": number, "value": number}``.

        Returns:
            The step if it is new, else None.

        Raises:
            BadArgumentsError: The step or the value is missing or not a number, or the step is NaN or infinite.
        """
        return self.append_point(*_check_point(metric_data))

    def append_point(self, step: int | float, value: float) -> int | float | None:
        """Record a point as :meth:`append_metric` does, from two plain numbers that need no check.

        Args:
            step: Finite.
            value: The metric there.

        Returns:
            The step if it is new, else None.
        """
        if type(step) is float and step.is_integer():
            step = int(step)
        is_new = True
        if self.step_history:
            last = self.step_history[-1]
            if step < last:
                return None
            before = self.metric_history[-1]
            if step == last:
                is_new = False
                self.metric_history.pop()
                self._means.pop()
                self._counts.pop()
            elif before == before:  # not NaN; it stays
                self._highest = (
                    before if self._highest is None or before > self._highest else self._highest
                )
                self._lowest = (
                    before if self._lowest is None or before < self._lowest else self._lowest
                )
        if is_new:
            self.step_history.append(step)
        self.metric_history.append(value)
        self._add_to_mean(value)
        return step if is_new else None

    @property
    def metric_dict(self) -> dict[int | float, float]:
        """The values reported so far by their steps."""
        return dict(zip(self.step_history, self.metric_history, strict=True))

    @property
    def lock(self) -> threading.RLock:
        """A lock of this trial's own, as release 1 had it. Maggy does not take it: one thread at a time has a trial."""
        # setdefault is atomic, so that two threads get the same one.
        lock: threading.RLock = self.__dict__.setdefault("_lock", threading.RLock())
        return lock

    def get_early_stop(self) -> bool:
        """Return ``early_stop``."""
        return self.early_stop

    def set_early_stop(self) -> None:
        """Set ``early_stop``. That alone stops nothing; a stop rule does, by returning the trial's id."""
        self.early_stop = True

    def best(self, direction: str) -> float | None:
        """The best value so far: the highest for ``"max"``, the lowest for ``"min"``; NaN is ignored.

        Returns:
            The value, or None when nothing but NaN was reported. The time it takes does not depend on the history.

        Raises:
            BadArgumentsError: The direction is neither ``"max"`` nor ``"min"``.
        """
        if direction not in ("max", "min"):
            raise BadArgumentsError(f"direction must be 'max' or 'min', but got {direction!r:.80}.")
        before = self._highest if direction == "max" else self._lowest
        if not self.metric_history or math.isnan(self.metric_history[-1]):
            return before
        last = self.metric_history[-1]
        if before is None:
            return last
        return max(before, last) if direction == "max" else min(before, last)

    def mean_until(self, step: int | float) -> float | None:
        """The mean of the finite values at steps up to and including ``step``, or None when there is none.

        Takes logarithmic time in the length of the history.
        """
        points = bisect_right(self.step_history, step)
        if points == 0 or self._counts[points - 1] == 0:
            return None
        return self._means[points - 1]

    def to_json(self) -> str:
        """The whole trial as valid JSON: NaN and infinity become null; ``from_json`` reads it."""
        record = {
            "format": RECORD_FORMAT,
            "params": to_plain(self.params),
            "trial_type": self.trial_type,
            "metric_history": [
                value if math.isfinite(value) else None for value in self.metric_history
            ],
            "step_history": self.step_history,
            **{name: to_plain(getattr(self, name)) for name in RESTORED},
            "info_dict": _plain_notes(self.info_dict),
            **(to_plain(self._unknown) if self._unknown else {}),
        }
        return json.dumps(record, allow_nan=False)

    def to_dict(self) -> dict[str, Any]:
        """Return what ``to_json`` writes as a dict, with the class's name and ``metric_dict`` as release 1 had them.

        Example:
            >>> Trial.from_json(json.dumps(Trial({"x": 1}).to_dict())).params
            {'x': 1}
        """
        record = json.loads(self.to_json())
        points = dict(zip(record["step_history"], record["metric_history"], strict=True))
        return {"__class__": type(self).__name__, **record, "metric_dict": points}

    @classmethod
    def from_json(cls, text: str) -> Trial:
        """The trial that ``to_json`` wrote; values that became null are NaN again.

        Other releases' records are read too: a field that is missing takes its default, one that is unknown is kept.

        Raises:
            BadArgumentsError: The text is not JSON of a trial.
        """
        try:
            record, unknown = parse_trial_record(text)
            trial = cls(record["params"], record["trial_type"], record["info_dict"])
            for step, value in zip(record["step_history"], record["metric_history"], strict=True):
                trial.append_metric({"step": step, "value": math.nan if value is None else value})
            record["trial_id"] = record["trial_id"] or trial.trial_id
            for name in RESTORED:
                setattr(trial, name, record[name])
            trial._unknown = unknown
        except (TypeError, ValueError, RecursionError) as error:
            raise BadArgumentsError(
                f"A trial is read from the text that Trial.to_json gives, but got {text!r:.80} "
                f"({type(error).__name__}: {error})."
            ) from error
        return trial

    def __getstate__(self) -> dict[str, Any]:
        return {
            name: value for name, value in self.__dict__.items() if name != "_lock"
        }  # no lock can be pickled

    def __repr__(self) -> str:
        return f"Trial({self.trial_id}, {self.status}, {self.params})"

    def _add_to_mean(self, value: float) -> None:
        count = self._counts[-1] if self._counts else 0
        mean = self._means[-1] if self._means else 0.0
        if math.isfinite(value):
            count += 1
            mean = _updated_mean(mean, count, value)
        self._means.append(mean)
        self._counts.append(count)


def is_directory_name(trial_id: Any) -> bool:
    """Whether a trial's directory may have the name: on every store, and beside the files of the experiment."""
    if isinstance(trial_id, str) and _GENERATED_ID.fullmatch(trial_id):  # of nearly every trial
        return True
    return (
        isinstance(trial_id, str)
        and 0 < len(trial_id.encode("utf-8", "replace")) <= MAX_ID_BYTES
        and trial_id.isprintable()
        and not set(trial_id) & set('/\\:*?"<>|%#')
        and not trial_id.startswith((".", " "))
        and not trial_id.endswith((".", " ", ".json", ".log", ".maggy"))
        and ".damaged-" not in trial_id
    )


def _plain_params(params: Any) -> dict[str, Any]:
    if not isinstance(params, Mapping):
        raise BadArgumentsError(
            f"The parameters of a trial must be a dict, but got {params!r:.80}."
        )
    try:
        plain: dict[str, Any] = to_plain(params, finite=True)
        check_sendable(plain)
    except (TypeError, ValueError) as error:
        raise BadArgumentsError(
            f"The parameters of a trial must be a dict with strings as keys and finite JSON values. {error}"
        ) from None
    return plain


def _generate_id(params: dict[str, Any], trial_type: str) -> str:
    hashed = params
    if trial_type == "ablation" and all(key in params for key in _ABLATION_KEYS):
        hashed = {key: params[key] for key in _ABLATION_KEYS}
    text = json.dumps(hashed, sort_keys=True)
    return hashlib.md5(text.encode("utf-8"), usedforsecurity=False).hexdigest()[:16]


def _check_point(metric_data: Any) -> tuple[int | float, float]:
    if not isinstance(metric_data, Mapping) or not {"step", "value"} <= set(metric_data):
        raise BadArgumentsError(
            f"A point must be a dict with 'step' and 'value', but got {metric_data!r:.80}."
        )
    step, value = as_number(metric_data["step"]), as_metric(metric_data["value"])
    if step is None or value is None or (isinstance(step, float) and not math.isfinite(step)):
        raise BadArgumentsError(
            f"The step and the value of a point must be numbers, but got {metric_data!r:.80}."
        )
    try:
        return step, float(value)
    except OverflowError:  # an integer beyond every float
        return step, math.inf if value > 0 else -math.inf


def _updated_mean(mean: float, count: int, value: float) -> float:
    # This form keeps the mean of equal values exactly equal to them, so that ties stay ties.
    difference = value - mean
    if math.isinf(difference):
        return mean / count * (count - 1) + value / count
    return mean + difference / count


def _plain_notes(notes: dict[str, Any]) -> dict[str, Any]:
    # An optimizer may note anything; that must not cost a trial its record.
    return {
        name: _plain_note(value)
        for name, value in zip(unique_names(notes), notes.values(), strict=True)
    }


def _plain_note(value: Any) -> Any:
    try:
        return to_plain(value, any_keys=True)
    except TypeError:
        return repr(value)
