"""What a trial calls, and with which arguments."""

from __future__ import annotations

import pickle
import random
from typing import NamedTuple

import msgspec
import numpy as np
import pytest
from helpers.ablators import PlainAblator

from maggy.ablation import AblationStudy
from maggy.ablation.ablator import LOCO
from maggy.ablation.edited_model import EditedModel, current_listener
from maggy.common.exceptions import MetricValueError, NotSupportedError
from maggy.common.json_values import to_plain
from maggy.common.signature import config_values
from maggy.core.cluster import dumps, loads
from maggy.core.executors.workload import AblationWorkload, SearchWorkload, Workload
from maggy.core.reporter import Reporter
from maggy.searchspace import Searchspace
from maggy.searchspace.choices import WrittenChoices


def test_a_search_calls_the_function_with_the_trial_s_parameters_and_the_reporter():
    reporter = Reporter()
    workload = SearchWorkload(lambda x, reporter: (x, reporter), "metric")
    assert workload.call({"x": 1}, reporter) == (1, reporter)
    assert SearchWorkload(lambda: "value", None).call({}, reporter) == "value"


def test_a_plain_workload_leaves_the_call_to_its_kinds():
    workload = Workload(lambda: 1, "metric")
    workload.verify()
    with pytest.raises(NotImplementedError):
        workload.call({}, Reporter())


class Labels(PlainAblator):
    """Gives functions that return the label they were made for; counts what it was asked."""

    def __init__(self):
        super().__init__(None, [])
        self.asked = []

    def get_dataset_generator(self, ablated_feature=None):
        self.asked.append("dataset")
        return lambda: ("dataset", ablated_feature)

    def get_model_generator(self, layer_identifier=None):
        self.asked.append("model")
        return lambda: ("model", layer_identifier)

    def verify(self):
        self.asked.append("verify")


def everything(dataset_function, model_function, reporter):
    return dataset_function(), model_function(), reporter


def test_an_ablation_gives_the_functions_of_the_trial_s_labels():
    reporter = Reporter()
    workload = AblationWorkload(everything, "metric", Labels())
    assert workload.call({"ablated_feature": "age", "ablated_layer": "None"}, reporter) == (
        ("dataset", "age"),
        ("model", None),
        reporter,
    )
    assert workload.call({"ablated_feature": "None", "ablated_layer": "dense"}, reporter)[:2] == (
        ("dataset", None),
        ("model", "dense"),
    )


def test_an_ablation_makes_only_what_the_function_asks_for():
    ablator = Labels()
    AblationWorkload(lambda model_function: 1, "metric", ablator).call(
        {"ablated_feature": "None", "ablated_layer": "None"}, Reporter()
    )
    assert ablator.asked == ["model"]


def test_an_ablation_gives_everything_to_double_starred_arguments():
    got = AblationWorkload(lambda **kwargs: kwargs, "metric", Labels()).call(
        {"ablated_feature": "None", "ablated_layer": "None"}, Reporter()
    )
    assert set(got) == {"dataset_function", "model_function", "reporter"}


def test_verifying_an_ablation_asks_the_ablator():
    ablator = Labels()
    AblationWorkload(everything, "metric", ablator).verify()
    assert ablator.asked == ["verify"]


def test_a_workload_travels():
    workload = pickle.loads(pickle.dumps(SearchWorkload(max, "metric")))
    assert (workload.train_fn, workload.optimization_key) == (max, "metric")


# Choices as they were written


class Point(NamedTuple):
    x: int
    y: int


def received(space, **params):
    """What a training function gets for parameters that came over the wire, on a worker."""
    workload = loads(dumps(SearchWorkload(_parameters, "metric", WrittenChoices(space.to_dict()))))
    return workload.call(msgspec.msgpack.decode(msgspec.msgpack.encode(params)), None)


def _parameters(**params):
    return params


@pytest.mark.parametrize(
    "value",
    [
        (3, 3),
        [(1, 2), (3,)],
        {"a": (1, (2.5, None))},
        (),
        ((), []),
        Point(1, 2),
        (1.0, True, 1),
        ("a", np.int64(3)),
    ],
)
def test_a_choice_arrives_as_it_was_written(value):
    for kind, values in (("CATEGORICAL", ["other", value]), ("CONSTANT", [value])):
        space = Searchspace(k=(kind, values))
        arrived = received(space, k=space.checked({"k": value})["k"])["k"]
        assert arrived == value
        assert repr(to_plain(arrived)) == repr(to_plain(value))
        assert type(arrived) is type(value)


def test_an_array_arrives_as_an_array():
    space = Searchspace(
        k=("CATEGORICAL", [np.array([1.5, 2.5]), np.zeros((2, 1), dtype="float32")])
    )
    arrived = received(space, k=[[0.0], [0.0]])["k"]
    assert (arrived.shape, arrived.dtype) == ((2, 1), np.dtype("float32"))


def test_lists_and_scalars_and_what_is_no_choice_arrive_as_they_are():
    space = Searchspace(k=("CATEGORICAL", [(3, 3), [5, 5], "a"]), n=("DISCRETE", [1, 2]))
    assert received(space, k=[5, 5], n=2, budget=[1]) == {"k": [5, 5], "n": 2, "budget": [1]}
    assert received(space, k=[7, 7], n=3) == {"k": [7, 7], "n": 3}


def test_choices_that_only_their_types_tell_apart_are_not_mixed_up():
    space = Searchspace(k=("CATEGORICAL", [(1,), (1.0,), (True,)]))
    assert [type(received(space, k=[value])["k"][0]) for value in (1, 1.0, True)] == [
        int,
        float,
        bool,
    ]


def test_a_trial_that_changes_its_choice_does_not_change_the_next_ones():
    workload = SearchWorkload(
        lambda k: k[0].append(1), "metric", WrittenChoices({"k": ("CONSTANT", [([], 2)])})
    )
    workload.call({"k": [[], 2]}, None)
    assert workload.choices.restore({"k": [[], 2]}) == {"k": ([], 2)}


def test_choices_arrive_as_written_in_one_dict_too():
    workload = SearchWorkload(
        lambda hparams: hparams, "metric", WrittenChoices({"k": ("CONSTANT", [(1, 2)])})
    )
    assert workload.call({"k": [1, 2]}, None) == {"k": (1, 2)}


def given(train, **values):
    return SearchWorkload(
        train, "m", values=config_values(train, **{"model": None, "dataset": None, **values})
    )


def test_the_config_s_model_and_dataset_reach_the_parameters_of_that_name():
    workload = given(
        lambda model, dataset, hparams: (model, dataset, hparams), model="M", dataset=["d"]
    )
    assert workload.call({"x": 1}, Reporter()) == ("M", ["d"], {"x": 1})


def test_a_hyperparameter_of_that_name_wins_over_the_config():
    workload = given(lambda model, hparams: (model, hparams), model="M")
    assert workload.call({"model": "cnn"}, Reporter()) == ("cnn", {"model": "cnn"})


def test_without_a_value_the_function_s_own_default_stays_and_else_it_is_none():
    assert given(lambda model, dataset="own": (model, dataset)).call({}, Reporter()) == (
        None,
        "own",
    )
    assert given(lambda dataset="own": dataset, dataset=[1]).call({}, Reporter()) == [1]


def test_who_does_not_ask_for_model_and_dataset_does_not_get_them():
    assert given(lambda **kwargs: kwargs, model="M").call({"x": 1}, Reporter()) == {"x": 1}


def test_an_ablation_gives_model_and_dataset_too_and_in_hparams_its_functions():
    def train(model, dataset, hparams, reporter):
        return model, dataset, {name: function() for name, function in hparams.items()}

    workload = AblationWorkload(train, "metric", Labels(), values={"model": "M", "dataset": None})
    assert workload.call({"ablated_feature": "age", "ablated_layer": "None"}, Reporter()) == (
        "M",
        None,
        {"dataset_function": ("dataset", "age"), "model_function": ("model", None)},
    )


class Greedy(Labels):
    """An ablator whose functions draw random numbers."""

    def get_dataset_generator(self, ablated_feature=None):
        return lambda: random.random()

    def get_model_generator(self, layer_identifier=None):
        draws = 2 if layer_identifier is None else 5

        def build():
            first, *_ = [random.random() for _ in range(draws)]
            return first

        return build


def seeded(layer="None", repeat=0, seed=7):
    return {"ablated_feature": "None", "ablated_layer": layer, "repeat": repeat, "seed": seed}


def test_trials_of_one_repeat_draw_the_same_whatever_their_models_draw():
    def train(dataset_function, model_function):
        return dataset_function(), model_function(), random.random()

    workload = AblationWorkload(train, "metric", Greedy())
    base = workload.call(seeded(), Reporter())
    assert workload.call(seeded("dense"), Reporter()) == base
    assert workload.call(seeded(repeat=1, seed=8), Reporter()) != base
    assert len(set(base)) == 1  # each function and the training begin with the seed


def test_a_training_function_that_seeds_by_itself_keeps_its_seed():
    def train(model_function):
        random.seed(3)
        model_function()
        return random.random()

    expected = random.Random(3).random()
    assert AblationWorkload(train, "metric", Greedy()).call(seeded(), Reporter()) == expected


def test_without_a_seed_nothing_is_seeded():
    random.seed(3)
    expected = random.Random(3).random()
    workload = AblationWorkload(lambda model_function: random.random(), "metric", Labels())
    params = {"ablated_feature": "None", "ablated_layer": "None"}
    assert workload.call(params, Reporter()) == expected


def test_the_repeat_and_its_seed_reach_a_function_that_names_them():
    workload = AblationWorkload(lambda repeat, seed: (repeat, seed), "metric", Labels())
    assert workload.call(seeded(repeat=2, seed=9), Reporter()) == (2, 9)
    everything_else = AblationWorkload(lambda **kwargs: kwargs, "metric", Labels())
    assert not {"repeat", "seed"} & set(everything_else.call(seeded(), Reporter()))
    own_default = AblationWorkload(lambda seed=4: seed, "metric", Labels())
    assert own_default.call({"ablated_feature": "None"}, Reporter()) == 4


def test_a_choice_replaces_the_default_of_the_training_function():
    study = AblationStudy(None)
    study.choices.include(augment=False)
    study.include_combination(choice={"augment": None, "optimizer": "sgd"})
    workload = loads(
        dumps(
            AblationWorkload(
                lambda augment=True, optimizer="adam": (augment, optimizer),
                "metric",
                LOCO(study, []),
            )
        )
    )
    base = {"ablated_feature": "None", "ablated_layer": "None"}
    assert workload.call(base, None) == (True, "adam")
    assert workload.call({**base, "ablated_choice": "None"}, None) == (True, "adam")
    assert workload.call({**base, "ablated_choice": "augment=False"}, None) == (False, "adam")
    both = {**base, "ablated_choice": "augment=None + optimizer='sgd'"}
    assert workload.call(both, None) == (None, "sgd")


class Drawn(Labels):
    """Knows the parameters of the trial for which it makes the functions."""

    def for_trial(self, params):
        ablator = Labels()
        ablator.get_dataset_generator = lambda feature: lambda: (feature, dict(params))
        return ablator


def test_the_ablator_of_a_trial_gets_its_draw_and_the_training_function_does_not():
    params = {"ablated_feature": "age", "ablated_layer": "None", "data_seed": 3, "fold": 1}
    workload = AblationWorkload(
        lambda dataset_function, data_seed=None, fold=None, **kwargs: (
            dataset_function(),
            data_seed,
            fold,
            sorted(kwargs),
        ),
        "metric",
        Drawn(),
    )
    assert workload.call(params, Reporter()) == (
        ("age", params),
        None,
        None,
        ["model_function", "reporter"],
    )


class WithGaps(Labels):
    """Says that values are missing."""

    def missing_remark(self):
        return "The training data set has missing values (age: 3)"


def test_missing_values_are_named_as_the_cause_of_nan_only_if_there_are_some():
    def reason(ablator, value):
        with pytest.raises(MetricValueError) as caught:
            AblationWorkload(everything, "metric", ablator).metric_of(value, print)
        return str(caught.value)

    assert reason(Labels(), float("nan")) == "metric is NaN"
    assert reason(WithGaps(), float("inf")) == "metric is inf"
    assert reason(WithGaps(), float("nan")) == (
        "metric is NaN. The training data set has missing values (age: 3), which may be the cause. "
        "Let the study fill them: AblationStudy(..., missing='mean')."
    )


def test_a_metric_of_an_ablation_is_read_as_any_other():
    assert AblationWorkload(everything, "metric", WithGaps()).metric_of(0.5, print)[0] == 0.5


class Lines:
    """A reporter that keeps what is logged."""

    def __init__(self):
        self.lines = []

    def log(self, text, jupyter=False):
        self.lines.append((text, jupyter))


def test_a_value_of_nan_beside_the_metric_is_said():
    lines = Lines()
    returned = {"metric": 0.5, "loss": np.float32("nan"), "name": "nan", "val_loss": float("nan")}
    workload = AblationWorkload(everything, "metric", WithGaps())
    assert workload.metric_of(returned, lines.log)[0] == 0.5
    ((text, is_shown),) = lines.lines
    assert text.startswith(
        "Maggy: A trial has a metric, although its loss and val_loss is NaN. The"
    )
    assert "missing='mean'" in text
    assert is_shown
    AblationWorkload(everything, "metric", Labels()).metric_of({"metric": 1, "a": [2]}, lines.log)
    assert len(lines.lines) == 1


def test_weights_of_nan_are_said_although_the_metric_is_a_number(monkeypatch):
    def is_broken(model):
        assert model[0] == "model"
        return model[1] == "dense"

    monkeypatch.setattr("maggy.core.executors.model_witness.has_nan_weights", is_broken)
    lines = Lines()
    workload = AblationWorkload(lambda model_function: model_function() and 1, "metric", WithGaps())
    for layer in ("None", "dense"):
        workload.call({"ablated_feature": "None", "ablated_layer": layer}, lines)
    ((text, is_shown),) = lines.lines
    assert text.startswith("Maggy: Weights of a model are NaN at the end of a trial, so its metric")
    assert text.endswith("AblationStudy(..., missing='mean').")
    assert is_shown


def test_a_model_that_cannot_be_looked_at_costs_no_trial(monkeypatch):
    monkeypatch.setattr("maggy.core.executors.model_witness.has_nan_weights", lambda model: 1 / 0)
    workload = AblationWorkload(lambda model_function: model_function() and 1, "metric", Labels())
    assert workload.call({"ablated_feature": "None", "ablated_layer": "None"}, Lines()) == 1


class Edits(Labels):
    """Gives a model function that edits a model, as LOCO does."""

    def __init__(self, build=lambda: "a model"):
        self.build = build

    def get_model_generator(self, layer_identifier=None):
        listener = current_listener()

        def model_function():
            listener(EditedModel("a model", (layer_identifier,), restarts=("dense",)))
            return self.build()

        return model_function


def test_a_trial_s_output_says_once_what_its_model_lost():
    def train(model_function):
        return [model_function(), model_function()]

    reporter = Lines()
    workload = AblationWorkload(train, "metric", Edits())
    labels = {"ablated_feature": "None", "ablated_layer": "conv"}
    assert workload.call(labels, reporter) == ["a model", "a model"]
    text = "Left out: conv. Weights that start anew, because their shapes changed: dense."
    assert reporter.lines == [(text, False)]
    workload.call({**labels, "seed": 3}, reporter)
    assert len(reporter.lines) == 2


class Sized:
    """Looks like a model of Keras."""

    built = True

    def __init__(self, count):
        self.count_params = count


class Sizes(Labels):
    """Gives models of the sizes 4, 3, 2 ..., of which the first one has lost a layer."""

    def __init__(self):
        self.sizes = [2, 3, 4]

    def get_model_generator(self, layer_identifier=None):
        listener = current_listener()

        def model_function():
            if len(self.sizes) == 3:
                listener(EditedModel("a model", ("conv",), ("flatten",), ("dense",)))
            return Sized(self.sizes.pop)

        return model_function


def test_the_facts_about_the_last_model_are_recorded():
    labels = {"ablated_feature": "None", "ablated_layer": "conv"}
    reporter = Reporter()
    workload = AblationWorkload(lambda model_function: model_function(), "metric", Sizes())
    workload.call(labels, reporter)
    assert reporter.model_facts == {
        "parameters": 4,
        "layers": ["conv", "flatten"],
        "restarts": ["dense"],
    }
    workload.call(labels, reporter)
    assert reporter.model_facts == {"parameters": 3, "layers": [], "restarts": []}


def test_what_only_looks_like_a_model_costs_no_trial():
    workload = AblationWorkload(
        lambda model_function: model_function(), "metric", Edits(lambda: Sized(print))
    )
    labels = {"ablated_feature": "None", "ablated_layer": "conv"}
    reporter = Reporter()
    workload.call(labels, reporter)
    assert reporter.model_facts["parameters"] is None


def test_a_process_of_the_training_function_s_own_may_edit_the_model():
    class Elsewhere:
        def log(self, text, jupyter=False):
            raise NotSupportedError("another process")

    workload = AblationWorkload(lambda model_function: model_function(), "metric", Edits())
    labels = {"ablated_feature": "None", "ablated_layer": "conv"}
    assert workload.call(labels, Elsewhere()) == "a model"


class TakesSize(Labels):
    """Gives a model function with an argument, as a user's own ablator may."""

    def get_model_generator(self, layer_identifier=None):
        return lambda size, *, name="model": (name, size)


def test_a_users_own_model_function_may_take_arguments():
    workload = AblationWorkload(
        lambda model_function: model_function(3, name="mine"), "metric", TakesSize()
    )
    labels = {"ablated_feature": "None", "ablated_layer": "None"}
    assert workload.call(labels, Reporter()) == ("mine", 3)
