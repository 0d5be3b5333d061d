"""``lagom`` accepts the arguments of all releases, and checks them."""

import dataclasses
import threading

import pytest
from helpers.waiting import HANG, running

from maggy import Listener, Searchspace, experiment, experiment_config
from maggy.ablation import AblationStudy
from maggy.ablation.ablator import LOCO
from maggy.common.exceptions import BadArgumentsError, SignatureError
from maggy.core import launch
from maggy.experiment_config import (
    AblationConfig,
    CommonConfig,
    LagomConfig,
    OptimizationConfig,
)


def train(x):
    return x


def space():
    return Searchspace(x=("DOUBLE", [0, 1]))


@pytest.fixture
def launched(monkeypatch):
    """Return a list that collects the calls of the function that runs an experiment."""
    calls = []
    monkeypatch.setattr(launch, "launch", lambda *call: calls.append(call) or "result")
    return calls


def config_of(launched, *args, **keywords):
    assert experiment.lagom(*args, **keywords) == "result"
    ((function, config),) = launched
    assert function is train
    return config


def test_a_config_is_passed_on_unchanged(launched):
    config = OptimizationConfig(3, "randomsearch", space())
    assert config_of(launched, train, config) is config


def test_a_config_may_come_by_name(launched):
    config = LagomConfig()
    assert config_of(launched, train_fn=train, config=config) is config


def test_a_function_alone_is_run_once(launched):
    assert config_of(launched, train) == LagomConfig()


def test_the_call_of_release_0_3_checks_every_300_seconds(launched):
    config = config_of(launched, map_fun=train, searchspace=space(), optimizer="randomsearch")
    assert isinstance(config, OptimizationConfig)
    assert (config.num_trials, config.name, config.direction, config.description) == (
        1,
        "no-name",
        "max",
        "",
    )
    assert (config.es_seconds, config.es_policy, config.es_min, config.hb_interval) == (
        300,
        "median",
        10,
        1,
    )


def test_in_release_0_3_the_interval_is_in_seconds(launched):
    config = config_of(
        launched, map_fun=train, searchspace=space(), optimizer="randomsearch", es_interval=0.5
    )
    assert (config.es_seconds, config.es_interval) == (0.5, 1)


def test_in_release_0_5_the_interval_is_in_steps(launched):
    config = config_of(
        launched, train_fn=train, searchspace=space(), optimizer="randomsearch", es_interval=5
    )
    assert (config.es_seconds, config.es_interval, config.name) == (None, 5, "no-name")


def test_release_0_5_checks_every_step(launched):
    config = config_of(launched, train, searchspace=space(), optimizer="randomsearch")
    assert (config.es_seconds, config.es_interval) == (None, 1)


def test_release_0_4_names_the_optimization_key(launched):
    config = config_of(
        launched,
        map_fun=train,
        optimization_key="acc",
        searchspace=space(),
        optimizer="randomsearch",
    )
    assert config.optimization_key == "acc"


def test_every_keyword_of_release_0_3_arrives(launched):
    keywords = {
        "name": "n",
        "experiment_type": "optimization",
        "hb_interval": 2,
        "num_trials": 7,
        "searchspace": space(),
        "optimizer": "randomsearch",
        "direction": "min",
        "ablation_study": None,
        "ablator": None,
        "es_policy": "none",
        "es_interval": 10,
        "es_min": 3,
        "description": "d",
    }
    config = config_of(launched, map_fun=train, **keywords)
    for name in (
        "name",
        "hb_interval",
        "num_trials",
        "searchspace",
        "optimizer",
        "direction",
        "es_policy",
        "es_min",
    ):
        assert getattr(config, name) == keywords[name]


def test_map_fun_alone_is_one_trial_without_parameters(launched):
    config = config_of(launched, map_fun=train)
    assert (type(config), config.num_trials, config.optimizer, config.searchspace) == (
        OptimizationConfig,
        1,
        None,
        None,
    )


def test_a_second_positional_string_is_the_name(launched):
    assert config_of(launched, train, "mine").name == "mine"


def test_the_options_of_a_config_may_be_keywords_too(launched):
    config = config_of(
        launched, train, searchspace=space(), optimizer="randomsearch", seed=3, num_workers=2
    )
    assert (config.seed, config.num_workers) == (3, 2)


OTHER_VALUES = {
    "seed": 3, "num_workers": 2, "log_dir": "here", "resume": "app_1", "max_trial_seconds": 7.0,
    "max_seconds": 8.0, "trial_attempts": 9, "fail_fast": True, "give_up_after": None,
    "retry_failed": True, "isolation": "process", "max_trial_memory": 2**30, "worker_timeout": 99.0,
    "preemption_grace": 12.0, "driver_port": 4242, "verbose": 2, "listeners": [Listener()],
    "checkpoint_dir": "there", "keep_checkpoints": "all",
}  # fmt: skip


def test_the_common_options_are_keywords_only_and_belong_to_every_config():
    fields = dataclasses.fields(CommonConfig)
    assert {field.name for field in fields if field.kw_only} == OTHER_VALUES.keys()
    assert len(fields) == len(OTHER_VALUES)
    for name in experiment_config.__all__:
        assert issubclass(getattr(experiment_config, name), CommonConfig)


@pytest.mark.parametrize("experiment_type", ["optimization", "ablation"])
@pytest.mark.parametrize("name", OTHER_VALUES)
def test_a_common_option_is_a_keyword_of_the_call_of_release_0(launched, name, experiment_type):
    call = {
        "optimization": {"searchspace": space(), "optimizer": "randomsearch"},
        "ablation": {"ablation_study": AblationStudy("titanic", label_name="survived")},
    }[experiment_type]
    options = {name: OTHER_VALUES[name], "isolation": "process"}
    config = config_of(launched, map_fun=train, experiment_type=experiment_type, **call, **options)
    assert getattr(config, name) == OTHER_VALUES[name] != getattr(CommonConfig, name)


def test_the_titanic_notebook_of_release_0_3(launched):
    study = AblationStudy("titanic_train_dataset", label_name="survived")
    config = config_of(
        launched,
        map_fun=train,
        experiment_type="ablation",
        ablation_study=study,
        ablator="loco",
        name="Titanic-LOCO",
        hb_interval=5,
    )
    assert isinstance(config, AblationConfig)
    assert (config.ablation_study, config.ablator, config.name, config.hb_interval) == (
        study,
        "loco",
        "Titanic-LOCO",
        5,
    )
    assert config.direction == "max"


def test_an_ablation_accepts_the_arguments_of_a_search_as_none(launched):
    study = AblationStudy("titanic", 1, "survived")
    config = config_of(
        launched,
        train,
        experiment_type="ablation",
        ablation_study=study,
        ablator=None,
        searchspace=None,
        optimizer=None,
        num_trials=1,
        es_policy="median",
        es_interval=300,
        es_min=10,
    )
    assert config.ablator == "loco"
    # In the releases whose call this is, no trial of an ablation was stopped early.
    assert (config.es_policy, config.es_interval, config.es_min) == ("none", 1, 10)


@pytest.mark.parametrize(
    ("args", "keywords", "text"),
    [
        ((), {}, "needs a training function"),
        ((None, LagomConfig()), {}, "needs a training function"),
        ((), {"map_fun": None}, "needs a training function"),
        (("train",), {}, "train_fn must be a function"),
        (
            (train,),
            {"experiment_type": "ablations"},
            "experiment_type must be 'optimization' or 'ablation'",
        ),
        ((train,), {"experiment_type": None}, "experiment_type must be"),
        ((train,), {"searchspace": space()}, "A search space needs an optimizer"),
        ((train,), {"map_fun_": 1, "searchspace": space()}, None),
        ((train,), {"experiment_type": "ablation"}, "An ablation needs ablation_study"),
        (
            (train,),
            {"ablation_study": AblationStudy("a", 1, "b")},
            "does not belong to an experiment of type",
        ),
        (
            (train,),
            {
                "experiment_type": "ablation",
                "ablation_study": AblationStudy("a", 1, "b"),
                "searchspace": space(),
            },
            "searchspace does not belong",
        ),
        ((train,), {"num_trials": 0, "optimizer": None}, "num_trials must be at least 1"),
        ((), {"map_fun": train, "es_interval": 0}, "es_interval must be a number above 0"),
        ((train,), {"es_interval": 0.5, "optimizer": None}, "es_interval must be a whole number"),
    ],
)
def test_a_bad_call_is_refused_before_anything_runs(launched, args, keywords, text):
    with pytest.raises(BadArgumentsError if text else TypeError) as caught:
        experiment.lagom(*args, **keywords)
    assert (text or "") in str(caught.value)
    assert launched == []


@pytest.mark.parametrize(
    "config", [3, {"num_trials": 3}, OptimizationConfig, space(), True, ["name"]]
)
def test_anything_but_a_config_is_a_type_error(launched, config):
    with pytest.raises(TypeError, match="config must be an OptimizationConfig"):
        experiment.lagom(train, config)


@pytest.mark.parametrize(
    ("keyword", "closest"),
    [
        ("num_trails", "num_trials"),
        ("search_space", "searchspace"),
        ("mapfun", None),
        ("es_seconds", None),
    ],
)
def test_a_keyword_that_does_not_exist_is_a_type_error_that_names_the_closest(
    launched, keyword, closest
):
    with pytest.raises(TypeError, match=keyword) as caught:
        experiment.lagom(train, **{keyword: 3})
    if closest:
        assert f"Did you mean '{closest}'?" in str(caught.value)


def test_two_functions_are_one_too_many(launched):
    with pytest.raises(TypeError, match="both train_fn and map_fun"):
        experiment.lagom(train, map_fun=train)


def test_a_config_and_keywords_are_one_too_many(launched):
    with pytest.raises(TypeError, match="num_trials"):
        experiment.lagom(train, LagomConfig(), num_trials=3)


def test_two_names_are_one_too_many(launched):
    with pytest.raises(TypeError, match="the name twice"):
        experiment.lagom(train, "one", name="two")


def test_a_second_experiment_at_once_is_refused_and_the_first_goes_on(monkeypatch):
    entry, go_on = threading.Event(), threading.Event()

    def slow(function, config):
        entry.set()
        assert go_on.wait(HANG)
        return "first"

    monkeypatch.setattr(launch, "launch", slow)
    with running(experiment.lagom, train, release=go_on.set) as first:
        assert entry.wait(HANG)
        with pytest.raises(RuntimeError, match=r"^An experiment is currently running\.$"):
            experiment.lagom(train)
        go_on.set()
        assert first.result() == "first"


def test_after_an_experiment_that_failed_the_next_one_runs(monkeypatch, launched):
    with monkeypatch.context() as patches:
        patches.setattr(launch, "launch", lambda *call: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            experiment.lagom(train)
    assert experiment.lagom(train) == "result"


def test_lagom_does_not_change_the_arguments_of_the_user(launched):
    keywords = {
        "num_trials": 2,
        "optimizer": "randomsearch",
        "searchspace": space(),
        "direction": "MAX",
    }
    before = dict(keywords)
    experiment.lagom(train, **keywords)
    assert keywords == before


class Meddling(LOCO):
    """Start other experiments during the own preparation, in the same thread and in another one."""

    def prepare(self, function_names=frozenset()):
        self.refused = []

        def start_another():
            try:
                experiment.lagom(train_without_parameters)
            except RuntimeError as error:
                self.refused.append(str(error))

        start_another()
        thread = threading.Thread(target=start_another)
        thread.start()
        thread.join()
        raise KeyError("enough")


def train_without_parameters():
    return 1


def test_an_experiment_is_refused_from_any_thread_and_a_failed_one_blocks_nothing():
    for _ in range(2):
        ablator = Meddling(AblationStudy("titanic", 1, "survived"), [])
        with pytest.raises(KeyError, match="enough"):
            experiment.lagom(
                lambda model_function: 1, AblationConfig(ablator.ablation_study, ablator)
            )
        assert ablator.refused == ["An experiment is currently running."] * 2


def test_a_third_positional_argument_is_refused(launched):
    with pytest.raises(TypeError):
        experiment.lagom(train, "name", "optimization")


@pytest.mark.parametrize("function", [{"train_fn": train}, {"map_fun": train}])
def test_a_search_space_without_an_optimizer_is_refused_in_every_call(launched, function):
    with pytest.raises(
        ValueError, match=r"search space needs an optimizer.*Pass optimizer='randomsearch'"
    ):
        experiment.lagom(**function, searchspace=space(), num_trials=3)


def test_a_function_that_does_not_fit_is_refused_before_spark_is_touched():
    with pytest.raises(SignatureError, match="lacks the parameters x"):
        experiment.lagom(lambda y: 1, OptimizationConfig(1, "randomsearch", space()))
    with pytest.raises(SignatureError, match="nothing gives its parameters x"):
        experiment.lagom(train)
