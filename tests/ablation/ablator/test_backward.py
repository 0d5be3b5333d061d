"""Components are left out one after the other, the cheapest first."""

import pytest
from helpers.games import additive, mixed_study, play, study_of

from maggy.ablation.ablator import Backward
from maggy.common.exceptions import AblationError, BadArgumentsError
from maggy.core.cluster import dumps, loads
from maggy.experiment_config import AblationConfig
from maggy.testing import AblatorContract, run_on_threads


class TestBackward(AblatorContract):
    def make_study(self):
        return mixed_study()

    def make(self, study, final_store):
        return Backward(study, final_store)


def run(game=additive, *features, stop_at=None, **options):
    driver, analysis = play(Backward(study_of(*(features or "abcd")), [], stop_at), game, **options)
    labels = [trial.params["ablated_feature"] for trial in driver.suggestions]
    return labels, analysis.result["rounds"], driver


def test_each_round_leaves_out_the_component_whose_loss_costs_least():
    labels, rounds, _ = run()
    assert labels == [
        *("None", "a", "b", "c", "d"),
        *("a + c", "b + c", "c + d"),
        *("a + c + d", "b + c + d"),
        "a + b + c + d",
    ]
    assert [entry["component"] for entry in rounds] == ["c", "d", "a", "b"]
    assert [entry["difference"] for entry in rounds] == [4.0, 4.0, 3.0, 1.0]
    assert rounds[1]["left_out"] == ["c", "d"]


def test_the_direction_is_that_of_the_config():
    _, rounds, _ = run(direction="min")
    assert [entry["component"] for entry in rounds] == ["b", "a", "d", "c"]


@pytest.mark.parametrize(
    ("stop_at", "number"), [(None, 4), (0.0, 1), (0.5, 2), (1.5, 3), (2.0, 3), (2.5, 4)]
)
def test_it_ends_when_the_mean_is_that_much_worse_than_the_base(stop_at, number):
    def game(present):
        return sum({"a": 1.0, "b": 1.0, "c": 8.0, "d": 0.0}[name] for name in present)

    _, rounds, _ = run(game, stop_at=stop_at)
    assert [entry["difference"] for entry in rounds] == [0.0, -1.0, -2.0, -10.0][:number]


def test_of_equal_components_the_first_one_goes_whatever_ends_first():
    for in_flight in (1, 3, 50):
        _, rounds, _ = run(lambda present: 1.0, *"bac", in_flight=in_flight)
        assert [entry["component"] for entry in rounds] == ["b", "a", "c"]


@pytest.mark.parametrize("in_flight", [1, 3, 50])
def test_a_round_is_decided_by_the_means_of_all_repeats(in_flight):
    # In repeat 0 alone the loss of b costs least; over all three repeats it is that of a.
    luck = {frozenset("b"): (3.0, -9.0, -9.0)}
    calls = {}

    def by_repeat(present):
        missing = frozenset("ab") - present
        calls[missing] = calls.get(missing, -1) + 1
        return luck.get(missing, (0.0, 0.0, 0.0))[calls[missing]]

    _, rounds, driver = run(by_repeat, "a", "b", noise=(0.0, 0.0, 0.0), in_flight=in_flight)
    assert [entry["component"] for entry in rounds] == ["a", "b"]
    assert [trial.repeat for trial in driver.suggestions] == [0, 0, 0, 1, 1, 1, 2, 2, 2, 0, 1, 2]


def test_failed_trials_do_not_hang_it_and_a_component_that_failed_may_go_later():
    _, rounds, _ = run(fails=lambda missing, repeat: missing == {"c"})
    assert [entry["component"] for entry in rounds] == ["d", "c", "a", "b"]


def test_one_failed_repeat_is_left_out_of_the_mean():
    _, rounds, _ = run(noise=(0.0, 1.0), fails=lambda missing, repeat: "c" in missing and repeat)
    assert rounds[0] == {"component": "c", "left_out": ["c"], "difference": 4.0}


@pytest.mark.parametrize(
    "fails", [lambda missing, repeat: True, lambda missing, repeat: not missing]
)
def test_it_ends_where_nothing_can_be_compared(fails):
    labels, rounds, _ = run(fails=fails)
    assert (labels, rounds) == (["None", "a", "b", "c", "d"], [])


@pytest.mark.parametrize("crash_after", [1, 4, 9, 12, 17, 20])
def test_a_resumed_study_goes_on_where_it_was(crash_after):
    def fails(missing, repeat):
        return missing == {"a"} and repeat == 1

    whole, rounds, driver = run(noise=(0.0, 1.0), fails=fails)
    _, _, first = run(noise=(0.0, 1.0), fails=fails, crash_after=crash_after)
    labels, resumed_rounds, second = run(noise=(0.0, 1.0), fails=fails, earlier=first.ended_trials)
    assert resumed_rounds == rounds
    ids = [trial.trial_id for trial in second.suggestions]
    assert not {*ids} & {trial.trial_id for trial in first.ended_trials}
    assert len(ids) + len(first.ended_trials) == len(driver.suggestions) == len(whole)
    assert labels == [label for label in labels if label in whole]


def test_a_study_without_components_has_the_base_only():
    driver, analysis = play(Backward(study_of(), []), additive)
    assert len(driver.suggestions) == 1
    assert analysis.result == {"rounds": []}


@pytest.mark.loopback
def test_it_waits_for_the_workers_of_a_real_driver():
    study = study_of("a", "b", "c")

    def train(params, reporter):
        missing = params["ablated_feature"].split(" + ")
        if missing == ["b"]:
            raise ValueError("it cannot be left out alone")
        return float(sum({"a": 1, "b": 2, "c": -4}.get(name, 0) for name in missing))

    trials = run_on_threads(
        train, AblationConfig(study, "backward", direction="min", repeats=2), workers=3
    )
    labels = [trial.params["ablated_feature"] for trial in trials]
    assert sorted(labels) == sorted(2 * ["None", "a", "b", "c", "a + c", "b + c", "a + b + c"])


@pytest.mark.parametrize("stop_at", [-0.1, float("nan"), float("inf"), "0.1", True])
def test_stop_at_is_a_number_of_at_least_0(stop_at):
    with pytest.raises(BadArgumentsError, match="stop_at must be None or a number of at least 0"):
        Backward(study_of("a"), [], stop_at)


def test_only_the_policy_knows_when_it_ends():
    ablator = Backward(study_of("a", "b", "c"), [], stop_at=0.5)
    assert ablator.get_number_of_trials() == 7
    assert ablator.trial_options() == {"stop_at": 0.5}
    assert Backward(study_of("a"), []).trial_options() == {}


def test_a_worker_makes_the_functions_of_any_set():
    def base_model():
        import keras

        names = ("first", "hidden", "wide", "last")
        return keras.Sequential(
            [keras.Input((3,)), *(keras.layers.Dense(2, name=name) for name in names)]
        )

    study = study_of("a", "b")
    study.set_dataset_generator(lambda epochs, batch, ablated: ablated)
    study.model.set_base_model_generator(base_model)
    study.model.layers.include("hidden")
    study.model.layers.include_groups(prefix="wi")
    ablator = Backward(study, [])
    ablator.prepare(frozenset({"dataset_function", "model_function"}))
    worker = loads(dumps(ablator))
    worker.verify()
    assert worker.get_dataset_generator("a + b")(1, 1) == ["a", "b"]
    assert worker.get_dataset_generator("b")(1, 1) == "b"
    model = worker.get_model_generator("hidden + Layers prefixed wi")()
    assert [layer.name for layer in model.layers] == ["first", "last"]
    study.model.layers.include("hiden")
    with pytest.raises(AblationError, match="no layer 'hiden'"):
        ablator.verify()
