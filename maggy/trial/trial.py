"""Hold one trial: a configuration, its points, and its outcome. It does not know who runs it."""

from __future__ import annotations

import json
import math
import threading
from collections.abc import Mapping
from typing import Any, ClassVar

from maggy.common.exceptions import BadArgumentsError
from maggy.common.json_values import to_plain
from maggy.common.sendable import check_sendable
from maggy.common.types import Json, ParameterValue, Params
from maggy.records.trial_record import RECORD_FORMAT, RESTORED, parse_trial_record
from maggy.trial.identity import make_id
from maggy.trial.notes import Note, Notes, OptionalNote, plain_notes
from maggy.trial.points import Points

__all__ = ["Trial", "TrialParamsError"]

_MAX_STEP = 1e100
"""Maximum step of a record. Those that training code can report are below 2**63."""
_ABLATION_FUNCTIONS = ("dataset_function", "model_function")
_ENCODER = json.JSONEncoder(allow_nan=False)  # json.dumps would make one for each trial


class TrialParamsError(BadArgumentsError):
    """The parameters of a trial are not allowed. The driver fails a trial with such parameters.

    Attributes:
        params: The parameters, of any type.
    """

    def __init__(self, text: str, params: object) -> None:
        super().__init__(text)
        self.params = params


class Trial(Points):
    """Hold a configuration to train with, and the outcome.

    Two trials with the same parameters have the same id. In an experiment the driver appends ``_2``
    and so on. Only one thread may use a trial at a time.

    Example:
        >>> trial = Trial({"param1": 5, "param2": "ada"})
        >>> trial.trial_id
        '3d1cc9fdb1d4d001'
        >>> trial.append_metric({"step": 0, "value": 0.5})
        0

    Args:
        params: The hyperparameters by name, or an ablation's labels. Numpy scalars become Python
            numbers, tuples become lists. In an ablation ``dataset_function`` and ``model_function``
            are left out, because functions are not sent.
        trial_type: ``"optimization"`` or ``"ablation"``.
        info_dict: Notes of the optimizer about this trial, kept with its record.

    Attributes:
        number: The number of the trial in its experiment, from 1 in the order of suggestion, or
            None. It is not part of the id.
        status: ``Trial.PENDING``, ``SCHEDULED``, ``RUNNING``, ``PAUSED``, ``ERROR`` or
            ``FINALIZED``.
        metric_history: The values reported so far.
        step_history: Their steps, strictly ascending.
        time_history: When each of them was reported, in seconds since the epoch by the driver's
            clock; NaN if that is not known.
        final_metric: The metric with which it ended, or None.
        early_stop: Whether the driver has asked it to stop.
        start: When it started, in seconds since the epoch, or None.
        duration: How long it ran, in milliseconds, or None.
        outputs: The returned value of the training function as a dict, or None.
        error: Why it failed, with the traceback, or None.
        failure_reason: Why it failed, in one line, or None.
        stop_reason: Why it was stopped early, in one line, or None.
        attempts: How many times it was started.
        worker: The number of the worker that ran it last, from 0, or None if none did.
        initial_number: Its number among the configurations that the user gave as initial trials,
            from 0, or None for any other trial.
        configuration: The number of the configuration, if an optimizer runs it on several budgets.
        rung: The number of the budget, from 0, if an optimizer runs configurations on several.
        parent: The id of the trial whose training this one continues, or None. It may be a trial of
            the experiment that ``warm_start`` names.
        member: The number of the member of a population that trains, from 0, or None.
        source_experiment: The id of the experiment that ran it, if a search with ``warm_start`` is
            told it. None for a trial of the present experiment.
        repeat: The number of the repeat, from 0, in an ablation with repeats or a seed; else None.
        seed: The seed of its training, which all trials of a repeat share; None if it has none.
        data_seed: The seed from which the rows of an ablation's trial are drawn, or None.
        fold: The number of the fold that an ablation's trial holds out, from 0, or None.
        model: What an ablation's trial has trained, or None: a dict with ``parameters``, ``layers``
            and ``restarts`` as in :class:`~maggy.ablation.plan.ComponentPlan`.
        not_sent: The names of an ablation's functions that were among the parameters.

    Raises:
        BadArgumentsError: If the parameters are not a dict with strings as keys and JSON values, an
            integer among them needs more than 64 bits, or the type is neither of the two. It is a
            ``ValueError``.
    """

    PENDING: ClassVar[str] = "PENDING"
    SCHEDULED: ClassVar[str] = "SCHEDULED"
    RUNNING: ClassVar[str] = "RUNNING"
    PAUSED: ClassVar[str] = "PAUSED"
    ERROR: ClassVar[str] = "ERROR"
    FINALIZED: ClassVar[str] = "FINALIZED"

    failure_reason = OptionalNote("reason", str)
    initial_number = OptionalNote("initial", int)
    configuration = Note("configuration", int)
    rung = Note("rung", int)
    parent = OptionalNote("parent", str)
    member = OptionalNote("member", int)
    source_experiment = OptionalNote("source_experiment", str)
    repeat = OptionalNote("repeat", int)
    seed = OptionalNote("seed", int)
    data_seed = OptionalNote("data_seed", int)
    fold = OptionalNote("fold", int)
    stop_reason = OptionalNote("stop_reason", str)
    worker = OptionalNote("worker", int)
    model: OptionalNote[dict[str, Any]] = OptionalNote("model", dict)

    def __init__(
        self,
        params: Mapping[str, ParameterValue],
        trial_type: str = "optimization",
        info_dict: Notes | None = None,
    ) -> None:
        if trial_type not in ("optimization", "ablation"):
            raise BadArgumentsError(
                f"trial_type must be 'optimization' or 'ablation', but got {trial_type!r:.80}."
            )
        self.not_sent: tuple[str, ...] = ()
        if trial_type == "ablation" and isinstance(params, Mapping):
            # Ablators of release 1 put the two functions among the parameters.
            self.not_sent = tuple(name for name in _ABLATION_FUNCTIONS if name in params)
            params = {name: value for name, value in params.items() if name not in self.not_sent}
        self.params: Params = _check_params(params)
        self.trial_type = trial_type
        self.info_dict: Notes = {}
        self.trial_id = make_id(self.params, trial_type)
        self.number: int | None = None
        self.attempts = 0
        # Fields that a later release has recorded. They are written back as they were.
        self._later_fields: dict[str, Json] = {}
        self.reset()
        self.info_dict.update(info_dict or {})

    def reset(self) -> None:
        """Forget the last attempt, so that a new one starts clean.

        The status is PENDING again. Parameters, id, notes and the number of attempts stay.
        """
        self.status = self.PENDING
        self.final_metric: float | None = None
        self.early_stop = False
        self.stop_reason = None
        self.start: float | None = None
        self.duration: int | None = None
        self.outputs: dict[str, Json] | None = None
        self.error: str | None = None
        self._clear_points()

    @property
    def lock(self) -> threading.RLock:
        """The lock of this trial, as in release 1. Maggy never takes it."""
        # setdefault is atomic, so two threads get the same lock.
        lock: threading.RLock = self.__dict__.setdefault("_lock", threading.RLock())
        return lock

    def get_early_stop(self) -> bool:
        """Return ``early_stop``."""
        return self.early_stop

    def set_early_stop(self) -> None:
        """Set ``early_stop``. This stops nothing; a stop rule does, by returning the trial's id."""
        self.early_stop = True

    def to_json(self) -> str:
        """Return the whole trial as valid JSON, which ``from_json`` reads.

        NaN and infinity become null.
        """
        record: dict[str, Json] = {
            "format": RECORD_FORMAT,
            "params": to_plain(self.params),
            "trial_type": self.trial_type,
            "metric_history": [
                value if math.isfinite(value) else None for value in self.metric_history
            ],
            "step_history": list(self.step_history),
            **{name: to_plain(getattr(self, name)) for name in RESTORED},
            "info_dict": plain_notes(self.info_dict),
            **(to_plain(self._later_fields) if self._later_fields else {}),
        }
        return _ENCODER.encode(record)

    def to_dict(self) -> dict[str, Json]:
        """Return the content of ``to_json`` as a dict.

        It also holds the name of the class and ``metric_dict``, as in release 1.

        Example:
            >>> import json
            >>> Trial.from_json(json.dumps(Trial({"x": 1}).to_dict())).params
            {'x': 1}
        """
        record = json.loads(self.to_json())
        points = dict(zip(record["step_history"], record["metric_history"], strict=True))
        return {"__class__": type(self).__name__, **record, "metric_dict": points}

    @classmethod
    def from_json(cls, text: str) -> Trial:
        """Return the trial that ``to_json`` wrote. Values that became null are NaN again.

        Records of other releases are read, too. A missing field takes its default, and an unknown
        field is kept.

        Raises:
            BadArgumentsError: If the text is not JSON of a trial.
        """
        try:
            record, later_fields = parse_trial_record(text)
            trial = cls(record["params"], record["trial_type"], dict(record["info_dict"]))
            for step, value in zip(record["step_history"], record["metric_history"], strict=True):
                trial.append_metric({"step": step, "value": math.nan if value is None else value})
            steps = trial.step_history  # they ascend
            if steps and not -_MAX_STEP <= steps[0] <= steps[-1] <= _MAX_STEP:
                raise ValueError(f"its steps must lie between -{_MAX_STEP:g} and {_MAX_STEP:g}")
            # Without an id in the record it is the one that follows from the parameters.
            record["trial_id"] = record["trial_id"] or trial.trial_id
            for name in RESTORED:
                setattr(trial, name, record[name])
            trial._later_fields = later_fields
        except (TypeError, ValueError, RecursionError) as error:
            raise BadArgumentsError(
                f"A trial is read from the text that Trial.to_json gives, but got {text!r:.80} "
                f"({type(error).__name__}: {error})."
            ) from error
        return trial

    def __getstate__(self) -> dict[str, object]:
        # No lock can be pickled or copied.
        return {name: value for name, value in self.__dict__.items() if name != "_lock"}

    def __repr__(self) -> str:
        return f"Trial({self.trial_id}, {self.status}, {self.params})"


def _check_params(params: Mapping[str, ParameterValue]) -> Params:
    if not isinstance(params, Mapping):
        raise TrialParamsError(
            f"The parameters of a trial must be a dict, but got {params!r:.80}.", params
        )
    try:
        plain: Params = to_plain(params, finite=True)
        check_sendable(plain)
    except (TypeError, ValueError) as error:
        raise TrialParamsError(
            "The parameters of a trial must be a dict with strings as keys and finite JSON values. "
            f"{error}",
            params,
        ) from None
    return plain
