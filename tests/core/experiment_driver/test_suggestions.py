"""A suggestion must fit into a message; otherwise its trial fails with the reason."""

import json

import pytest

from maggy import Trial
from maggy.common.exceptions import ExperimentError
from maggy.core.experiment_driver.suggestions import REFUSALS_LIMIT, Suggestions, recordable
from maggy.core.messages import Assign
from maggy.core.rpc.encoding import MAX_MESSAGE_BYTES, decode_driver_message, encode

HUGE = "a" * (72 * 2**20)


def nested(depth):
    value = 1
    for _ in range(depth):
        value = [value]
    return value


class Unprintable:
    def __repr__(self):
        raise RuntimeError("no")


def suggested(params):
    """Return a trial whose parameters an optimizer has changed afterwards."""
    trial = Trial({"x": 1})
    trial.params = params
    return trial


UNSENDABLE = {
    "no dict": None,
    "a list": [1],
    "an integer": {"x": 2**70},
    "a surrogate": {"x": "\udc80"},
    "the name of one": {"\udc80": 1},
    "too large": {"x": HUGE},
    "too many": {f"x{number}": "a" * 2**20 for number in range(72)},
    "not a number": {"x": float("nan")},
    "an object": {"x": Unprintable()},
    "a key": {1: 2},
    "deep": {"x": nested(1500)},
    "deeper than the record": {"x": nested(300)},
    "long": {"x": 10**10_000},
}


@pytest.mark.parametrize("kind", UNSENDABLE)
def test_a_suggestion_that_cannot_be_sent_fails_with_the_optimizers_name(kind):
    trial = suggested(UNSENDABLE[kind])
    assert Suggestions("RandomSearch").prepare(trial) is None
    assert trial.status == Trial.ERROR
    assert trial.error == trial.info_dict["reason"]
    assert trial.error.startswith("RandomSearch must suggest parameters that can be sent")
    assert len(trial.error) < 1000


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        ("no dict", "None"),
        ("an integer", str(2**70)),
        ("a surrogate", r"\udc80"),
        ("too large", "aaa"),
    ],
)
def test_the_reason_shows_the_value(kind, value):
    trial = suggested(UNSENDABLE[kind])
    Suggestions("RandomSearch").prepare(trial)
    assert value in trial.error


@pytest.mark.parametrize("kind", UNSENDABLE)
def test_the_record_of_a_refused_suggestion_is_short_and_can_be_read_again(kind):
    trial = suggested(UNSENDABLE[kind])
    Suggestions("RandomSearch").prepare(trial)
    text = trial.to_json()
    assert len(text) < 20_000
    again = Trial.from_json(text)
    assert (again.trial_id, again.status, again.error) == (trial.trial_id, Trial.ERROR, trial.error)
    assert json.loads(text)["params"] == again.params


def test_what_can_be_sent_is_kept_in_the_record_as_it_is():
    trial = suggested({"x": 2**70, "lr": 0.1, "layers": [1, 2]})
    Suggestions("RandomSearch").prepare(trial)
    assert trial.params == {"x": str(2**70), "lr": 0.1, "layers": [1, 2]}


def test_what_is_prepared_arrives():
    largest = "a" * (MAX_MESSAGE_BYTES - 70_000)
    for params in ({}, {"x": nested(150)}, {"x": largest}, {"x": 2**64 - 1, "y": "λ"}):
        plain = Suggestions("RandomSearch").prepare(suggested(params))
        data = encode(Assign(1, "t", plain, "/a/directory"))
        assert len(data) < MAX_MESSAGE_BYTES
        assert decode_driver_message(data).params == params


def test_three_in_a_row_end_the_experiment_with_the_sentence():
    suggestions = Suggestions("Mine")
    for _ in range(REFUSALS_LIMIT - 1):
        assert suggestions.prepare(suggested(None)) is None
    last = suggested(None)
    with pytest.raises(ExperimentError, match=r"^Mine must suggest parameters.*3 times in a row"):
        suggestions.prepare(last)
    assert last.status == Trial.ERROR


def test_a_good_suggestion_in_between_starts_the_count_anew():
    suggestions = Suggestions("Mine")
    for _ in range(3):
        for _ in range(REFUSALS_LIMIT - 1):
            assert suggestions.prepare(suggested(None)) is None
        assert suggestions.prepare(suggested({"x": 1})) == {"x": 1}


def test_a_value_whose_text_is_no_unicode_is_recorded_as_text_too():
    class Odd:
        def __repr__(self):
            return "\ud800"

    assert Trial(recordable({"x": Odd()})).params == {"x": "\\ud800"}
