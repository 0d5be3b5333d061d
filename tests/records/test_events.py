"""TensorBoard's event files, read back as tensorboard's protobufs and by a real TensorBoard."""

import subprocess
import sys

import pytest
from helpers.real_tensorboard import GROUPS, TensorBoard, wait_for

from maggy.common.files import AnyFiles
from maggy.records import events
from maggy.records.directory import ExperimentStore
from maggy.records.events import EventMaker, find_event_maker, frame
from maggy.trial import Trial

SPACE = [
    {"name": "lr", "type": "DOUBLE", "values": [0.01, 0.1]},
    {"name": "kernel", "type": "INTEGER", "values": [2, 8]},
    {"name": "pool", "type": "DISCRETE", "values": [2, 4]},
    {"name": "act", "type": "CATEGORICAL", "values": ["relu", "elu"]},
    {"name": "mixed", "type": "CATEGORICAL", "values": ["a", 1, None, [1, 2]]},
    {"name": "flag", "type": "CATEGORICAL", "values": [True, False]},
]
PARAMS = {"lr": 0.05, "kernel": 3, "pool": 4, "act": "elu", "mixed": 1, "flag": True}


def events_of(content):
    from tensorboard.compat.proto.event_pb2 import Event

    events = []
    while content:
        length = int.from_bytes(content[:8], "little")
        events.append(Event.FromString(content[12 : 12 + length]))
        content = content[16 + length :]
    return events


def plugin_data(event):
    from tensorboard.plugins.hparams.plugin_data_pb2 import HParamsPluginData

    assert event.summary.value[0].metadata.plugin_data.plugin_name == "hparams"
    return HParamsPluginData.FromString(event.summary.value[0].metadata.plugin_data.content)


@pytest.mark.parametrize("installed", [True, False])
@pytest.mark.parametrize("length", [0, 1, 8, 5000])
def test_checksums_are_those_of_tensorboard_with_and_without_the_quick_package(
    length, installed, monkeypatch
):
    if not installed:
        monkeypatch.setitem(sys.modules, "google_crc32c", None)
    monkeypatch.setattr(events, "_crc32c", events._crc32c.__wrapped__)
    from tensorboard.compat.tensorflow_stub.pywrap_tensorflow import masked_crc32c

    records = [bytes((start + at * at) % 256 for at in range(length)) for start in range(3)]
    content = frame(records)
    for number, record in enumerate(records):
        at = number * (length + 16)
        assert content[at : at + 8] == length.to_bytes(8, "little")
        assert content[at + 8 : at + 12] == masked_crc32c(content[at : at + 8]).to_bytes(
            4, "little"
        )
        assert content[at + 12 : at + 12 + length] == record
        assert content[at + 12 + length : at + 16 + length] == masked_crc32c(record).to_bytes(
            4, "little"
        )


def test_the_space_has_intervals_for_bounds_and_values_for_choices():
    maker = EventMaker()
    header, event = events_of(maker.header(5.0) + maker.experiment(SPACE, "accuracy", 5.0))
    assert header.file_version == "brain.Event:2"
    experiment = plugin_data(event).experiment
    infos = {info.name: info for info in experiment.hparam_infos}
    assert list(infos) == [parameter["name"] for parameter in SPACE]
    assert (infos["lr"].domain_interval.min_value, infos["lr"].domain_interval.max_value) == (
        0.01,
        0.1,
    )
    assert (
        infos["kernel"].domain_interval.min_value,
        infos["kernel"].domain_interval.max_value,
    ) == (2, 8)
    assert list(infos["pool"].domain_discrete) == [2, 4]
    assert list(infos["act"].domain_discrete) == ["relu", "elu"]
    assert list(infos["mixed"].domain_discrete) == ["a", "1", "null", "[1, 2]"]
    assert list(infos["flag"].domain_discrete) == [True, False]
    assert [info.name.tag for info in experiment.metric_infos] == ["accuracy"]


def test_a_session_has_the_parameters_as_the_space_types_them():
    maker = EventMaker()
    maker.experiment(SPACE, "accuracy", 5.0)
    (event,) = events_of(maker.session_start(Trial(PARAMS), 6.0))
    hparams = plugin_data(event).session_start_info.hparams
    assert hparams["lr"].number_value == 0.05
    assert hparams["kernel"].number_value == 3
    assert hparams["act"].string_value == "elu"
    assert hparams["mixed"].string_value == "1"
    assert hparams["flag"].bool_value is True


def test_the_end_has_status_metric_and_a_scalar_a_point():
    trial = Trial(PARAMS)
    for step in (0, 1, 127, 128, 20000):
        trial.append_metric({"step": step, "value": step / 2})
    trial.status, trial.final_metric = Trial.FINALIZED, 0.5
    final, *points, end = events_of(EventMaker().session_end(trial, "accuracy", 7.0))
    assert (final.step, final.summary.value[0].tag, final.summary.value[0].simple_value) == (
        20000,
        "accuracy",
        0.5,
    )
    assert [(event.step, event.summary.value[0].simple_value) for event in points] == [
        (0, 0.0),
        (1, 0.5),
        (127, 63.5),
        (128, 64.0),
        (20000, 10000.0),
    ]
    assert {event.summary.value[0].tag for event in points} == {"reported"}
    from tensorboard.plugins.hparams import api_pb2

    assert plugin_data(end).session_end_info.status == api_pb2.STATUS_SUCCESS


def test_a_failed_trial_ends_its_session_as_failed_and_without_a_metric():
    from tensorboard.plugins.hparams import api_pb2

    trial = Trial(PARAMS)
    trial.status = Trial.ERROR
    (end,) = events_of(EventMaker().session_end(trial, "accuracy", 7.0))
    assert plugin_data(end).session_end_info.status == api_pb2.STATUS_FAILURE


@pytest.mark.parametrize("metric", [1e300, -(10**40), 5e-324])
def test_a_metric_that_a_small_float_cannot_hold_is_written_too(metric):
    trial = Trial(PARAMS)
    trial.status, trial.final_metric = Trial.FINALIZED, metric
    assert len(events_of(EventMaker().session_end(trial, "accuracy", 7.0))) == 2


def test_a_step_of_more_than_64_bits_costs_no_record():
    trial = Trial(PARAMS)
    trial.append_metric({"step": 1.5, "value": 1})
    trial.append_metric({"step": 1e30, "value": 2})
    trial.status, trial.final_metric = Trial.FINALIZED, 1.0
    assert len(events_of(EventMaker().session_end(trial, "accuracy", 7.0))) == 4


def test_without_tensorboard_there_is_no_event_maker(monkeypatch):
    for name in [name for name in sys.modules if name.split(".")[0] == "tensorboard"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "tensorboard", None)
    assert find_event_maker() is None


@pytest.mark.slow
def test_writing_event_files_imports_no_tensorflow():
    code = (
        "import sys; from maggy.records.events import EventMaker; from maggy.trial import Trial;"
        "maker = EventMaker(); trial = Trial({'a': 1});"
        "maker.header(1.0); maker.session_start(trial, 1.0); maker.session_end(trial, 'm', 1.0);"
        "heavy = ('tensorflow', 'keras', 'pandas', 'pyspark');"
        "print([name for name in heavy if name in sys.modules])"
    )
    process = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=600, check=True
    )
    assert process.stdout.strip() == "[]"


@pytest.mark.slow
def test_a_real_tensorboard_lists_every_trial_with_its_parameters_and_metric(tmp_path):
    store = ExperimentStore.create(AnyFiles(), str(tmp_path), "app")
    store.write_hparams_space(SPACE, "accuracy")
    trials = [Trial({**PARAMS, "kernel": kernel}) for kernel in (2, 3, 4)]
    for number, trial in enumerate(trials):
        store.begin_trial(trial)
        for step in range(3):
            trial.append_metric({"step": step, "value": step})
        trial.status, trial.final_metric = Trial.FINALIZED, number / 4
        if number == 2:
            trial.status, trial.final_metric = Trial.ERROR, None
        store.end_trial(trial)

    with TensorBoard(tmp_path) as tensorboard:

        def sessions():
            groups = tensorboard("session_groups", GROUPS).get("sessionGroups", [])
            return (
                groups
                if len(groups) == 3 and all("status" in group["sessions"][0] for group in groups)
                else None
            )

        def experiment_with_intervals():
            answer = tensorboard("experiment", {"experimentName": ""})
            # Until TensorBoard has read the space, it invents one without intervals.
            infos = answer["hparamInfos"]
            return answer if any("domainInterval" in info for info in infos) else None

        experiment = wait_for(experiment_with_intervals)
        infos = {info["name"]: info for info in experiment["hparamInfos"]}
        assert set(infos) == set(PARAMS)
        assert infos["lr"]["domainInterval"] == {"minValue": 0.01, "maxValue": 0.1}
        assert infos["act"]["domainDiscrete"] == ["relu", "elu"]
        assert [info["name"]["tag"] for info in experiment["metricInfos"]] == ["accuracy"]
        groups = {group["name"].removeprefix("app_1/"): group for group in wait_for(sessions)}
        assert set(groups) == {trial.trial_id for trial in trials}
        for trial in trials:
            group = groups[trial.trial_id]
            assert {name: group["hparams"][name] for name in trial.params} == {
                **trial.params,
                "mixed": "1",
            }
            assert [metric["value"] for metric in group.get("metricValues", [])] == (
                [] if trial.final_metric is None else [trial.final_metric]
            )
        assert groups[trials[0].trial_id]["sessions"][0]["status"] == "STATUS_SUCCESS"
        assert groups[trials[2].trial_id]["sessions"][0]["status"] == "STATUS_FAILURE"
