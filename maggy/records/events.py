"""Make the content of TensorBoard's event files with its protobufs. It imports no TensorFlow.

An event file says what is searched, or which parameters a trial has and how it ended.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Callable, Iterable, Sequence
from functools import cache, lru_cache
from math import isnan
from typing import TYPE_CHECKING, TypedDict

from maggy.common.extras import install_command
from maggy.common.optional import problem_with
from maggy.common.types import ParameterValue
from maggy.trial import Trial

if TYPE_CHECKING:
    from tensorboard.compat.proto.event_pb2 import Event
    from tensorboard.plugins.hparams.api_pb2 import HParamInfo
    from tensorboard.plugins.hparams.plugin_data_pb2 import HParamsPluginData

__all__ = ["EventMaker", "HparamsParameter", "events_problem", "find_event_maker", "frame"]

REPORTED = "reported"
_MAX_STEP = 2**63 - 1  # the largest step that an event can hold
_RANGES = ("DOUBLE", "INTEGER")
_DTYPE_FLOAT = 1  # of tensorflow.DataType
_SESSION_START = 1  # of tensorflow.SessionLog.SessionStatus


class HparamsParameter(TypedDict):
    """A hyperparameter for TensorBoard's HParams page, as iterating over a Searchspace gives it.

    The values are two bounds for the types DOUBLE and INTEGER, and the choices for the others.
    """

    name: str
    type: str
    values: Sequence[ParameterValue]


def find_event_maker() -> EventMaker | None:
    """Return an event maker; None if tensorboard is not installed or does not work."""
    try:
        maker = EventMaker()
        maker.header(0.0)
    except Exception:  # a protobuf that does not fit raises TypeError, AttributeError or its own
        return None
    return maker


def events_problem() -> str:
    """Return why there is no event maker, with the remedy."""
    try:
        EventMaker().header(0.0)
    except Exception as error:
        return (
            f"TensorBoard {problem_with('tensorboard', error)}, so no event files are written: "
            + install_command("tensorboard", upgrade=True)
        )
    return "No event files are written."


class EventMaker:
    """Make the content of event files that TensorBoard's HParams and Scalars pages show.

    Raises:
        Exception: If tensorboard is not installed, or does not fit the installed protobuf.
    """

    def __init__(self) -> None:
        from tensorboard.compat.proto import event_pb2
        from tensorboard.plugins.hparams import api_pb2, plugin_data_pb2

        self._api = api_pb2
        self._data = plugin_data_pb2
        self._event = event_pb2.Event
        self._text_parameters: frozenset[str] = frozenset()

    def header(self, now: float) -> bytes:
        """Return the beginning of every event file.

        Args:
            now: The time in seconds since the epoch.
        """
        return frame([self._event(wall_time=now, file_version="brain.Event:2").SerializeToString()])

    def experiment(self, parameters: Iterable[HparamsParameter], metric: str, now: float) -> bytes:
        """Return the event that says what is searched and which metric is optimized.

        Args:
            parameters: The hyperparameters.
            metric: The name of the metric.
            now: The time in seconds since the epoch.
        """
        parameters = list(parameters)
        self._text_parameters = frozenset(
            parameter["name"] for parameter in parameters if _is_text(parameter)
        )
        name = self._api.MetricName(tag=metric)
        experiment = self._api.Experiment(
            time_created_secs=now,
            hparam_infos=[self._parameter_info(parameter) for parameter in parameters],
            metric_infos=[self._api.MetricInfo(name=name, display_name=metric)],
        )
        data = self._data.HParamsPluginData(experiment=experiment)
        return frame([self._hparams_event("_hparams_/experiment", data, now)])

    def session_start(self, trial: Trial, now: float) -> bytes:
        """Return the event with a trial's parameters, which is all that HParams needs to list it.

        Args:
            trial: The trial.
            now: The time in seconds since the epoch.
        """
        data = self._data.HParamsPluginData()
        session = data.session_start_info
        # Without a group name TensorBoard lists the session under its directory, which is the
        # trial's id, and under <experiment>/<trial> when it shows several experiments.
        session.start_time_secs = now if trial.start is None else trial.start
        for name, value in trial.params.items():
            if isinstance(value, bool) and name not in self._text_parameters:
                session.hparams[name].bool_value = value
            elif isinstance(value, (int, float)) and name not in self._text_parameters:
                session.hparams[name].number_value = value
            else:
                session.hparams[name].string_value = _text(value)
        return frame([self._hparams_event("_hparams_/session_start_info", data, now)])

    def points(
        self,
        steps: Sequence[float],
        values: Sequence[float],
        times: Sequence[float],
        now: float,
    ) -> bytes:
        """Return the events of reported points, a scalar with the name ``reported``.

        Args:
            steps: The steps.
            values: The value at each step.
            times: For each point when it was reported, in seconds since the epoch. NaN stands for
                now.
            now: The time in seconds since the epoch.
        """
        return frame(self._scalars(REPORTED, steps, values, times, now))

    def restart(self, now: float) -> bytes:
        """Return the event after which TensorBoard shows no earlier point of a trial.

        Args:
            now: The time in seconds since the epoch.
        """
        event = self._event(wall_time=now, step=-_MAX_STEP)
        event.session_log.status = _SESSION_START
        return frame([event.SerializeToString()])

    def session_end(self, trial: Trial, metric: str, now: float, first_point: int = 0) -> bytes:
        """Return the events with a trial's status, final metric and reported points.

        Args:
            trial: The trial, which has ended.
            metric: The name of the metric.
            now: The time in seconds since the epoch, for what has no time of its own.
            first_point: The position of the first point that the file does not have yet.
        """
        if trial.start is not None and trial.duration is not None:
            now = trial.start + trial.duration / 1000
        data = self._data.HParamsPluginData()
        succeeded = trial.status == Trial.FINALIZED
        data.session_end_info.status = (
            self._api.STATUS_SUCCESS if succeeded else self._api.STATUS_FAILURE
        )
        data.session_end_info.end_time_secs = now
        records = []
        if trial.final_metric is not None:
            last_step = trial.step_history[-1] if trial.step_history else 0
            records += self._scalars(metric, [last_step], [trial.final_metric], [now], now)
        if first_point < len(trial.metric_history):
            points = slice(first_point, None)
            records += self._scalars(
                REPORTED,
                trial.step_history[points],
                trial.metric_history[points],
                trial.time_history[points],
                now,
            )
        records.append(self._hparams_event("_hparams_/session_end_info", data, now))
        return frame(records)

    def _scalars(
        self,
        tag: str,
        steps: Iterable[float],
        values: Iterable[float],
        times: Iterable[float],
        now: float,
    ) -> list[bytes]:
        # One event is changed and serialized again for each point: to make a new one takes longer.
        event = self._event()
        value_record = event.summary.value.add(tag=tag)
        records = []
        for step, value, time in zip(steps, values, times, strict=True):
            event.wall_time = now if isnan(time) else time
            event.step = max(-_MAX_STEP, min(int(step), _MAX_STEP))
            value_record.simple_value = value
            records.append(event.SerializeToString())
        return records

    def _hparams_event(self, tag: str, data: HParamsPluginData, now: float) -> bytes:
        event: Event = self._event(wall_time=now)
        value = event.summary.value.add(tag=tag)
        value.metadata.plugin_data.plugin_name = "hparams"
        value.metadata.plugin_data.content = data.SerializeToString()
        # HParams reads the metadata only, but a summary needs a value: the smallest one is a vector
        # of no floats.
        value.tensor.dtype = _DTYPE_FLOAT
        value.tensor.tensor_shape.dim.add(size=0)
        return bytes(event.SerializeToString())

    def _parameter_info(self, parameter: HparamsParameter) -> HParamInfo:
        values = list(parameter["values"])
        info = self._api.HParamInfo(name=parameter["name"], display_name=parameter["name"])
        if parameter["type"] in _RANGES:
            info.type = self._api.DATA_TYPE_FLOAT64
            info.domain_interval.min_value, info.domain_interval.max_value = values
            return info
        if _is_text(parameter):
            info.type, values = self._api.DATA_TYPE_STRING, [_text(value) for value in values]
        elif isinstance(values[0], bool):
            info.type = self._api.DATA_TYPE_BOOL
        else:
            info.type = self._api.DATA_TYPE_FLOAT64
        info.domain_discrete.extend(values)
        return info


def frame(records: Iterable[bytes]) -> bytes:
    """Return records as an event file holds them: length, its checksum, record, its checksum."""
    crc32c = _crc32c()
    parts: list[bytes] = []
    for record in records:
        parts += (_framed_length(len(record)), record, _mask(crc32c(record)))
    return b"".join(parts)


@lru_cache(maxsize=1024)  # most records have one of a few lengths
def _framed_length(length: int) -> bytes:
    data = struct.pack("<Q", length)
    return data + _mask(_crc32c()(data))


def _mask(crc: int) -> bytes:
    """Return a CRC-32C as event files hold it, in 4 bytes."""
    # The format rotates it by 15 bits and adds a constant.
    return struct.pack("<I", ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF)


@cache
def _crc32c() -> Callable[[bytes], int]:
    """Return the fast implementation, or else tensorboard's own, which takes 60 times as long."""
    try:
        from google_crc32c import value as crc32c
    except Exception:  # it is missing or broken
        from tensorboard.compat.tensorflow_stub.pywrap_tensorflow import crc32c
    return crc32c  # type: ignore[no-any-return]


def _is_text(parameter: HparamsParameter) -> bool:
    """Return whether HParams must show the values as text: not all are numbers, nor all bools."""
    if parameter["type"] in _RANGES:
        return False
    types = {type(value) for value in parameter["values"]}
    return not (types == {bool} or (types and types <= {int, float}))


def _text(value: ParameterValue) -> str:
    return value if isinstance(value, str) else json.dumps(value)
