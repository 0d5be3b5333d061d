"""The options that every experiment has: their defaults and their checks."""

import dataclasses
import math
from pathlib import Path

import numpy as np
import pytest

from maggy import Searchspace
from maggy.ablation import AblationStudy
from maggy.common.exceptions import BadArgumentsError
from maggy.experiment_config import AblationConfig, BaseConfig, LagomConfig, OptimizationConfig

MAKERS = {
    "lagom": LagomConfig,
    "base": BaseConfig,
    "optimization": lambda **options: OptimizationConfig(
        3, "randomsearch", Searchspace(x=("DOUBLE", [0, 1])), **options
    ),
    "ablation": lambda **options: AblationConfig(AblationStudy("data", 1, "label"), **options),
}
every_config = pytest.mark.parametrize("make", MAKERS.values(), ids=MAKERS)


@every_config
def test_the_common_options_have_their_documented_defaults(make):
    config = make()
    defaults = {
        "seed": None,
        "num_workers": None,
        "log_dir": None,
        "resume": None,
        "max_trial_seconds": None,
        "max_seconds": None,
        "trial_attempts": 3,
        "fail_fast": False,
        "hb_interval": 1,
        "give_up_after": 5,
        "retry_failed": False,
        "isolation": "worker",
        "max_trial_memory": None,
        "worker_timeout": 60,
        "preemption_grace": 30,
        "driver_port": None,
        "description": "",
    }
    assert {name: getattr(config, name) for name in defaults} == defaults


@every_config
@pytest.mark.parametrize(
    "options",
    [
        {"hb_interval": 0.05},
        {"hb_interval": np.float32(0.5)},
        {"seed": 0},
        {"seed": np.int64(7)},
        {"num_workers": 1},
        {"max_trial_seconds": 0.5},
        {"max_seconds": 3600},
        {"trial_attempts": 1},
        {"fail_fast": True},
        {"give_up_after": None},
        {"give_up_after": 1},
        {"retry_failed": True},
        {"isolation": "process"},
        {"log_dir": "somewhere", "resume": "app_1"},
        {"log_dir": Path("somewhere"), "resume": Path("app_1")},
        {"log_dir": "s3://bucket/folder"},
        {"driver_port": 5000},
        {"preemption_grace": 0.5},
        {"name": ""},
    ],
)
def test_a_good_option_is_accepted(make, options):
    config = make(**options)
    assert {name: getattr(config, name) for name in options} == options


@every_config
@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("hb_interval", 0),
        ("hb_interval", -1),
        ("hb_interval", math.nan),
        ("hb_interval", math.inf),
        ("hb_interval", "1"),
        ("hb_interval", None),
        ("hb_interval", True),
        ("hb_interval", 60),  # not below worker_timeout
        ("worker_timeout", 0.5),
        ("worker_timeout", 0),
        ("preemption_grace", 0),
        ("preemption_grace", "30"),
        ("preemption_grace", None),
        ("preemption_grace", math.inf),
        ("give_up_after", 0),
        ("give_up_after", 2.5),
        ("retry_failed", 1),
        ("isolation", "thread"),
        ("isolation", None),
        ("max_trial_memory", "4g"),  # needs isolation="process"
        ("seed", -1),
        ("seed", 1.5),
        ("seed", "1"),
        ("seed", True),
        ("num_workers", 0),
        ("num_workers", 2.0),
        ("max_trial_seconds", 0),
        ("max_trial_seconds", math.nan),
        ("max_seconds", -1),
        ("max_seconds", "1h"),
        ("trial_attempts", 0),
        ("trial_attempts", None),
        ("fail_fast", 1),
        ("fail_fast", "yes"),
        ("log_dir", ""),
        ("log_dir", 3),
        ("resume", ""),
        ("resume", True),
        ("driver_port", 0),
        ("driver_port", 65_536),
        ("driver_port", "80"),
        ("name", None),
        ("name", 3),
        ("description", None),
    ],
)
def test_a_bad_option_is_refused_with_its_rule_and_the_value(make, option, value):
    with pytest.raises(BadArgumentsError, match=option) as caught:
        make(**{option: value})
    assert isinstance(caught.value, ValueError)
    assert str(value) in str(caught.value) or repr(value) in str(caught.value)
    assert len(str(caught.value)) < 400


@every_config
def test_an_option_that_does_not_exist_is_a_type_error(make):
    with pytest.raises(TypeError, match="hb_intervall"):
        make(hb_intervall=1)


@pytest.mark.parametrize(
    ("config", "names"),
    [
        (LagomConfig, ["name", "description", "hb_interval"]),
        (
            OptimizationConfig,
            [
                "num_trials",
                "optimizer",
                "searchspace",
                "optimization_key",
                "direction",
                "es_interval",
                "es_min",
                "es_policy",
                "name",
                "description",
                "hb_interval",
            ],
        ),
        (
            AblationConfig,
            ["ablation_study", "ablator", "direction", "name", "description", "hb_interval"],
        ),
    ],
)
def test_the_fields_of_release_1_may_be_given_by_position_in_their_order(config, names):
    positional = [field.name for field in dataclasses.fields(config) if not field.kw_only]
    assert positional[: len(names)] == names


def test_a_single_run_has_the_default_name_of_release_0():
    assert LagomConfig().name == "no-name"


@every_config
@pytest.mark.parametrize(
    ("memory", "size"),
    [("4g", 4 * 1024**3), ("512 MB", 512 * 1024**2), (2**30, 2**30), ("1048576", 1024**2)],
)
def test_memory_is_given_in_bytes_or_as_text(make, memory, size):
    assert make(isolation="process", max_trial_memory=memory).max_trial_memory == size


@every_config
@pytest.mark.parametrize("memory", ["4 gallons", "-1g", "", 0, 1000, 1.5, True, "0.5g"])
def test_anything_but_an_amount_of_memory_is_refused(make, memory):
    with pytest.raises(BadArgumentsError, match="max_trial_memory must be at least 1 MiB"):
        make(isolation="process", max_trial_memory=memory)


def test_the_base_config_of_release_1_1_can_be_made():
    config = BaseConfig("mine", 2, "about")
    assert (config.name, config.hb_interval, config.description) == ("mine", 2, "about")
    assert (BaseConfig().name, BaseConfig().hb_interval, BaseConfig().description) == (
        "base",
        1,
        "",
    )
    assert isinstance(config, LagomConfig)


@every_config
def test_every_config_takes_a_model_and_a_dataset(make):
    config = make(model="M", dataset=["d"])
    assert (config.model, config.dataset) == ("M", ["d"])
