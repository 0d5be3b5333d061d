"""Training functions are called with the names in their signatures."""

from __future__ import annotations

import functools

import pytest

from maggy.common.exceptions import BadArgumentsError, SignatureError
from maggy.common.signature import (
    accepted_parameters,
    arguments_for,
    check_callable,
    check_signature,
    config_values,
    parameter_names,
)

OPTIONAL = ["reporter", "hparams"]


def by_name(kernel, pool):
    return {"kernel": kernel, "pool": pool}


def with_reporter(kernel, pool, reporter):
    return {"kernel": kernel, "pool": pool, "reporter": reporter}


def with_default(kernel, pool, dropout=0.5):
    return {"kernel": kernel, "pool": pool, "dropout": dropout}


def keyword_only(*, kernel, pool):
    return {"kernel": kernel, "pool": pool}


def open_ended(**kwargs):
    return kwargs


def open_ended_named_hparams(**hparams):
    return hparams


def in_a_dict(hparams):
    return {"hparams": hparams}


def in_a_dict_and_by_name(hparams, pool, reporter):
    return {"hparams": hparams, "pool": pool, "reporter": reporter}


class Callable:
    def __call__(self, kernel, pool):
        return {"kernel": kernel, "pool": pool}

    def method(self, kernel, pool):
        return {"kernel": kernel, "pool": pool}


def decorated(function):
    @functools.wraps(function)
    def wrapper(*args, **kwargs):
        return function(*args, **kwargs)

    return wrapper


FITTING = [
    by_name,
    with_reporter,
    with_default,
    keyword_only,
    open_ended,
    open_ended_named_hparams,
    in_a_dict,
    in_a_dict_and_by_name,
    Callable(),
    Callable().method,
    decorated(by_name),
    functools.partial(with_default, dropout=0.1),
    lambda kernel, pool: {"kernel": kernel, "pool": pool},
]


@pytest.mark.parametrize("function", FITTING)
def test_a_function_that_passes_the_check_can_be_called_and_gets_every_value(function):
    values = {"kernel": 3, "pool": 2}
    check_signature(function, list(values), OPTIONAL)
    got = function(**arguments_for(parameter_names(function), values, {"reporter": "the reporter"}))
    assert values.items() <= {**got, **got.get("hparams", {})}.items()
    assert got.get("reporter", "the reporter") == "the reporter"


def test_a_parameter_that_is_not_searched_keeps_its_default():
    assert (
        with_default(**arguments_for(parameter_names(with_default), {"kernel": 1, "pool": 2}, {}))[
            "dropout"
        ]
        == 0.5
    )


def test_a_function_gets_no_optional_value_that_it_does_not_name():
    assert arguments_for(parameter_names(by_name), {"kernel": 1, "pool": 2}, {"reporter": 0}) == {
        "kernel": 1,
        "pool": 2,
    }
    assert arguments_for(parameter_names(open_ended), {"kernel": 1}, {"reporter": 0}) == {
        "kernel": 1
    }


def test_hparams_is_a_copy_of_its_own():
    values = {"kernel": 1}
    arguments_for(parameter_names(in_a_dict), values, {})["hparams"]["kernel"] = 2
    assert values == {"kernel": 1}


def test_double_starred_hparams_takes_the_values_by_name():
    assert open_ended_named_hparams(
        **arguments_for(parameter_names(open_ended_named_hparams), {"kernel": 1}, {})
    ) == {"kernel": 1}


def test_a_starred_parameter_named_reporter_gets_nothing():
    def train(kernel, *reporter):
        return kernel

    assert train(**arguments_for(parameter_names(train), {"kernel": 1}, {"reporter": 0})) == 1


def test_missing_parameters_are_a_type_error_that_names_them_and_the_others():
    def train(kernel, reporter):
        return kernel

    with pytest.raises(TypeError) as caught:
        check_signature(train, ["kernel", "pool", "dropout"], OPTIONAL)
    assert isinstance(caught.value, SignatureError)
    text = str(caught.value)
    assert "train(kernel, reporter)" in text
    assert "lacks the parameters pool, dropout" in text
    assert "has the parameters kernel, reporter" in text
    assert "**kwargs" in text


def test_a_required_parameter_that_nothing_gives_is_named():
    with pytest.raises(SignatureError, match="nothing gives its parameters kernel;"):
        check_signature(by_name, ["pool"], OPTIONAL)


def test_one_error_names_both_problems():
    with pytest.raises(
        SignatureError,
        match="lacks the parameters lr and nothing gives its parameters kernel, pool",
    ):
        check_signature(by_name, ["lr"], OPTIONAL)


def test_the_error_for_a_function_without_parameters_says_so():
    with pytest.raises(SignatureError, match=r"has the parameters \(none\)"):
        check_signature(lambda: 1, ["lr"], OPTIONAL)


def test_a_parameter_that_cannot_be_given_by_name_is_refused():
    def train(kernel, /):
        return kernel

    with pytest.raises(SignatureError, match="nothing gives its parameters kernel"):
        check_signature(train, ["kernel"], OPTIONAL)


def test_a_user_s_optimizer_may_give_names_that_are_not_known_yet():
    check_signature(by_name, [], OPTIONAL, allow_others=True)
    with pytest.raises(SignatureError):
        check_signature(by_name, [], OPTIONAL)
    with pytest.raises(SignatureError, match="lacks the parameters lr"):
        check_signature(by_name, ["lr"], OPTIONAL, allow_others=True)


def test_a_function_needs_no_parameter_when_nothing_is_given():
    check_signature(lambda: 1, [], OPTIONAL)
    assert arguments_for(parameter_names(lambda: 1), {}, {"reporter": 0}) == {}


def test_a_function_that_hides_its_parameters_is_refused():
    with pytest.raises(SignatureError, match="must say what its parameters are"):
        check_signature(max, ["kernel"], OPTIONAL)


@pytest.mark.parametrize("function", [None, 3, "train", [by_name]])
def test_a_value_that_cannot_be_called_is_refused(function):
    with pytest.raises(BadArgumentsError, match="train_fn must be a function, but got"):
        check_callable(function)


def test_the_name_of_the_argument_is_in_the_refusal():
    with pytest.raises(
        BadArgumentsError, match="dataset_generator must be a function, but got int: 3"
    ):
        check_callable(3, "dataset_generator")


def test_accepted_are_the_offered_names_that_the_function_has():
    names = {"dataset_function", "model_function", "reporter"}
    assert accepted_parameters(lambda model_function, other: 0, names) == {"model_function"}
    assert accepted_parameters(lambda **kwargs: 0, names) == names
    assert accepted_parameters(lambda *args: 0, names) == set()
    assert accepted_parameters(lambda *reporter: 0, names) == set()


@pytest.mark.parametrize("name", ["hparams", "reporter", "model"])
def test_a_given_value_wins_over_what_maggy_would_pass_under_that_name(name):
    def train(hparams=0, reporter=0, model=0):
        return {"hparams": hparams, "reporter": reporter, "model": model}

    got = train(
        **arguments_for(parameter_names(train), {name: "mine"}, {"reporter": "r", "model": "M"})
    )
    assert got[name] == "mine"
    check_signature(train, [name], OPTIONAL)


def test_a_hyperparameter_named_hparams_takes_no_other_value_along():
    with pytest.raises(SignatureError, match="lacks the parameters kernel"):
        check_signature(in_a_dict, ["hparams", "kernel"], OPTIONAL)


def test_a_config_offers_its_values_and_none_where_the_function_has_no_default():
    def train(model, dataset="own", *, other=None):
        return model, dataset, other

    assert config_values(train, model=None, dataset=None) == {"model": None}
    assert config_values(train, model="M", dataset=[]) == {"model": "M", "dataset": []}


def optuna_style(trial):
    return trial


def ray_style(config, reporter):
    return config


def test_a_function_in_optunas_style_gets_the_equivalent():
    with pytest.raises(SignatureError, match="style") as caught:
        check_signature(optuna_style, ["lr", "units"], OPTIONAL)
    text = str(caught.value)
    assert text.startswith("The training function optuna_style(trial) is in Optuna's style: here")
    assert "here it is def optuna_style(lr, units, reporter)" in text
    assert "lr in place of trial.suggest_float('lr', ...)" in text
    assert "reporter.broadcast(value, step) in place of trial.report(value, step)" in text


def test_a_function_that_takes_all_values_in_one_dict_gets_the_equivalent():
    with pytest.raises(SignatureError, match=r"hyperopt and Ray Tune: .*def ray_style\(hparams\)"):
        check_signature(ray_style, ["lr"], OPTIONAL)


def test_a_hyperparameter_may_be_called_like_the_argument_of_another_library():
    check_signature(optuna_style, ["trial"], OPTIONAL)
    check_signature(ray_style, ["config"], OPTIONAL)
    check_signature(optuna_style, [], OPTIONAL, allow_others=True)


def test_any_other_function_that_does_not_fit_gets_no_style():
    with pytest.raises(SignatureError) as caught:
        check_signature(by_name, ["lr"], OPTIONAL)
    assert "style" not in str(caught.value)
