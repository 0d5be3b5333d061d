"""TensorBoard's event files: the HParams space of an experiment, and each trial's session and metrics, as bytes.

Made with tensorboard's protobufs, never with TensorFlow. Where the bytes go is the store's business.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Callable, Iterable, Mapping
from functools import cache, lru_cache
from typing import Any

from maggy.common.optional import problem_with
from maggy.trial import Trial

__all__ = ["EventMaker", "events_problem", "find_event_maker", "frame"]

REPORTED = "reported"
_LAST_STEP = 2**63 - 1  # what an event can hold


def find_event_maker() -> EventMaker | None:
    """What makes event files, or None when tensorboard is not installed or does not work."""
    try:
        maker = EventMaker()
        maker.header(0.0)
    except (
        Exception
    ):  # a protobuf that does not fit raises TypeError, AttributeError or an error of its own
        return None
    return maker


def events_problem() -> str:
    """Return why there is no event maker, with the remedy."""
    try:
        EventMaker().header(0.0)
    except Exception as error:
        problem = problem_with("tensorboard", error)
        return f'TensorBoard {problem}, so no event files are written: pip install --upgrade "maggy[tensorflow]"'
    return "No event files are written."


class EventMaker:
    """Makes the content of event files that TensorBoard's HParams and Scalars pages show.

    Raises:
        Exception: tensorboard is not installed, or does not fit the protobuf that is.
    """

    def __init__(self) -> None:
        from tensorboard.compat.proto import event_pb2
        from tensorboard.plugins.hparams import api_pb2, plugin_data_pb2

        self._api = api_pb2
        self._data = plugin_data_pb2
        self._event = event_pb2.Event
        self._text_parameters: frozenset[str] = frozenset()

    def header(self, now: float) -> bytes:
        """What every event file begins with."""
        return frame([self._event(wall_time=now, file_version="brain.Event:2").SerializeToString()])

    def experiment(self, parameters: Iterable[Mapping[str, Any]], metric: str, now: float) -> bytes:
        """The space that is searched and the metric that is optimized.

        Args:
            parameters: Dicts with ``name``, ``type`` and ``values``, as iterating over a Searchspace gives.
            metric: The name of the metric.
            now: Seconds since the epoch.
        """
        parameters = list(parameters)
        self._text_parameters = frozenset(each["name"] for each in parameters if _is_text(each))
        experiment = self._api.Experiment(
            time_created_secs=now,
            hparam_infos=[self._parameter(each) for each in parameters],
            metric_infos=[
                self._api.MetricInfo(name=self._api.MetricName(tag=metric), display_name=metric)
            ],
        )
        data = self._data.HParamsPluginData(experiment=experiment)
        return frame([self._hparams_event("_hparams_/experiment", data, now)])

    def session_start(self, trial: Trial, now: float) -> bytes:
        """A trial's parameters: all that HParams needs to list it."""
        data = self._data.HParamsPluginData()
        session = data.session_start_info
        # Without a group name TensorBoard lists the session under its directory, which is the trial's id, and
        # under <experiment>/<trial> when it shows several experiments.
        session.start_time_secs = now
        for name, value in trial.params.items():
            if isinstance(value, bool) and name not in self._text_parameters:
                session.hparams[name].bool_value = value
            elif isinstance(value, (int, float)) and name not in self._text_parameters:
                session.hparams[name].number_value = value
            else:
                session.hparams[name].string_value = _text(value)
        return frame([self._hparams_event("_hparams_/session_start_info", data, now)])

    def session_end(self, trial: Trial, metric: str, now: float) -> bytes:
        """How a trial ended: status, final metric, and the points it reported under the name ``reported``.

        All points carry the time of writing: when each was reported is not recorded.
        """
        data = self._data.HParamsPluginData()
        succeeded = trial.status == Trial.FINALIZED
        data.session_end_info.status = (
            self._api.STATUS_SUCCESS if succeeded else self._api.STATUS_FAILURE
        )
        data.session_end_info.end_time_secs = now
        records = []
        if trial.final_metric is not None:
            last = trial.step_history[-1] if trial.step_history else 0
            records += self._scalars(metric, [last], [trial.final_metric], now)
        if trial.metric_history:
            records += self._scalars(REPORTED, trial.step_history, trial.metric_history, now)
        records.append(self._hparams_event("_hparams_/session_end_info", data, now))
        return frame(records)

    def _scalars(
        self, tag: str, steps: Iterable[int | float], values: Iterable[int | float], now: float
    ) -> list[bytes]:
        event = self._event(wall_time=now)
        value_record = event.summary.value.add(tag=tag)
        records = []
        for step, value in zip(steps, values, strict=True):
            event.step = max(-_LAST_STEP, min(int(step), _LAST_STEP))
            value_record.simple_value = value
            records.append(event.SerializeToString())
        return records

    def _hparams_event(self, tag: str, data: Any, now: float) -> bytes:
        event = self._event(wall_time=now)
        value = event.summary.value.add(tag=tag)
        value.metadata.plugin_data.plugin_name = "hparams"
        value.metadata.plugin_data.content = data.SerializeToString()
        # HParams reads the metadata only, but a summary needs a value: the smallest is a vector of no floats.
        value.tensor.dtype = 1
        value.tensor.tensor_shape.dim.add(size=0)
        return bytes(event.SerializeToString())

    def _parameter(self, parameter: Mapping[str, Any]) -> Any:
        values = list(parameter["values"])
        info = self._api.HParamInfo(name=parameter["name"], display_name=parameter["name"])
        if parameter["type"] in ("DOUBLE", "INTEGER"):
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
    """Records as an event file holds them: length, its checksum, the record, its checksum."""
    crc32c = _crc32c()
    parts: list[bytes] = []
    for record in records:
        parts += (_framed_length(len(record)), record, _masked(crc32c(record)))
    return b"".join(parts)


@lru_cache(maxsize=1024)  # most records have one of a few lengths
def _framed_length(length: int) -> bytes:
    packed = struct.pack("<Q", length)
    return packed + _masked(_crc32c()(packed))


def _masked(crc: int) -> bytes:
    """A CRC-32C as event files hold it, in 4 bytes."""
    return struct.pack("<I", ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF)


@cache
def _crc32c() -> Callable[[bytes], int]:
    """The quick implementation, or tensorboard's own, which is 60 times as slow."""
    try:
        from google_crc32c import value as crc32c
    except Exception:  # not there, or broken
        from tensorboard.compat.tensorflow_stub.pywrap_tensorflow import crc32c
    return crc32c  # type: ignore[no-any-return]


def _is_text(parameter: Mapping[str, Any]) -> bool:
    """Whether HParams must show the values as text: they are neither all numbers nor all bools."""
    if parameter["type"] in ("DOUBLE", "INTEGER"):
        return False
    kinds = {bool if isinstance(value, bool) else type(value) for value in parameter["values"]}
    return not (kinds == {bool} or (kinds and kinds <= {int, float}))


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)
