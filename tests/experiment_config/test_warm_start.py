"""The experiment from which a search is warm-started, as a user names it."""

from __future__ import annotations

from pathlib import Path

import pytest
from helpers.results import search_result

from maggy import Searchspace
from maggy.common.exceptions import BadArgumentsError
from maggy.experiment_config import AblationConfig, HyperparameterOptConfig, OptimizationConfig
from maggy.experiment_config.keywords import config_from_keywords
from maggy.experiment_config.plain_options import plain_options

SPACE = Searchspace(x=("DOUBLE", [0, 1]))


def config(source, config_type=OptimizationConfig, **options):
    return config_type(4, "randomsearch", SPACE, warm_start=source, **options)


def result(directory):
    earlier_result = search_result([0.5])
    earlier_result.directory = directory
    return earlier_result


@pytest.mark.parametrize("config_type", [OptimizationConfig, HyperparameterOptConfig])
@pytest.mark.parametrize("source", [None, "app_1", "s3://bucket/app_1", Path("logs", "app_1")])
def test_a_path_an_id_or_a_url_stays_as_it_is(source, config_type):
    assert config(source, config_type).warm_start == source


def test_of_a_result_its_directory_is_kept():
    assert config(result("/logs/app_1")).warm_start == "/logs/app_1"


def test_the_record_of_the_options_holds_no_credentials():
    options = plain_options(config(result("s3://key:secret@bucket/app_1")))
    assert options["warm_start"] == "s3://***@bucket/app_1"


@pytest.mark.parametrize("source", [5, "", {"best_val": 1.0}, ["app_1"], True])
def test_anything_else_is_refused_with_the_remedy(source):
    with pytest.raises(
        BadArgumentsError, match=r"warm_start must be the result, the directory.*maggy\.load"
    ):
        config(source)


def test_a_result_that_is_not_recorded_is_refused():
    with pytest.raises(BadArgumentsError, match="this one has no directory"):
        config(result(None))


def test_a_warm_start_needs_a_search_space():
    with pytest.raises(BadArgumentsError, match="warm_start needs a search space"):
        OptimizationConfig(4, "none", warm_start="app_1")


def test_it_is_a_keyword_of_the_call_of_release_0_and_of_no_ablation():
    keywords = {"optimizer": "randomsearch", "searchspace": SPACE, "warm_start": "app_1"}
    assert config_from_keywords(keywords, has_map_fun=False).warm_start == "app_1"
    with pytest.raises(BadArgumentsError, match="warm_start does not belong to an experiment"):
        config_from_keywords(
            {"experiment_type": "ablation", "warm_start": "app_1"}, has_map_fun=False
        )
    with pytest.raises(TypeError, match="warm_start"):
        AblationConfig(None, warm_start="app_1")
