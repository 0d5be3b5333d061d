"""The values of listeners: names, instances, and what is refused."""

import pytest
from helpers.distributions import install

from maggy import Listener, OptimizationConfig, Searchspace
from maggy.common.exceptions import BadArgumentsError, MissingDependencyError
from maggy.experiment_config.keywords import config_from_keywords
from maggy.tracking import MLflow, mlflow
from maggy.tracking.registry import resolve_listeners


class Silent(Listener):
    pass


def test_a_name_in_any_case_makes_its_listener():
    [listener] = resolve_listeners([" MLflow "])
    assert type(listener) is MLflow


def test_an_instance_stands_for_itself():
    silent = Silent()
    assert resolve_listeners((silent,)) == [silent]


def test_a_class_is_refused_with_the_remedy():
    with pytest.raises(TypeError, match=r"listeners\[1\] must be an instance.*Write Silent\(\)"):
        resolve_listeners([Silent(), Silent])


def test_an_unknown_name_is_refused_with_the_closest_one():
    with pytest.raises(BadArgumentsError, match=r"listeners\[0\].*'mlflw'.*mean 'mlflow'"):
        resolve_listeners(["mlflw"])


@pytest.mark.parametrize("value", ["mlflow", Silent(), None, {"mlflow"}])
def test_anything_but_a_list_is_refused(value):
    with pytest.raises(BadArgumentsError, match=r"Write listeners=\[...\]"):
        resolve_listeners(value)


def test_anything_else_in_the_list_is_refused():
    with pytest.raises(TypeError, match="an instance of Listener, but got int"):
        resolve_listeners([3])


def test_one_listener_cannot_occur_twice():
    silent = Silent()
    with pytest.raises(BadArgumentsError, match="must occur once"):
        resolve_listeners([silent, silent])


def test_other_distributions_can_register_names(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(tmp_path)
    install(
        tmp_path,
        {"maggy.listeners": {"Pager": "acme_pager:Pager"}},
        {"acme_pager": "from maggy import Listener\nclass Pager(Listener): pass"},
    )
    [listener] = resolve_listeners(["pager"])
    assert type(listener).__name__ == "Pager"


def test_a_config_refuses_bad_listeners():
    with pytest.raises(BadArgumentsError, match="listeners"):
        OptimizationConfig(
            3, "randomsearch", Searchspace(x=("DOUBLE", [0, 1])), listeners=["mlflw"]
        )


def test_the_call_of_release_0_takes_listeners_too():
    silent = Silent()
    config = config_from_keywords(
        {
            "optimizer": "randomsearch",
            "searchspace": Searchspace(x=("DOUBLE", [0, 1])),
            "listeners": [silent],
        },
        has_map_fun=False,
    )
    assert config.listeners == [silent]


def test_mlflow_is_refused_where_it_is_not_installed(monkeypatch):
    monkeypatch.setattr(mlflow, "sys", type("Modules", (), {"modules": {}}))
    monkeypatch.setattr(mlflow, "find_spec", lambda name: None)
    with pytest.raises(MissingDependencyError, match="pip install 'mlflow-skinny>="):
        resolve_listeners(["mlflow"])


@pytest.mark.parametrize(
    "options",
    [{"experiment_name": ""}, {"experiment_name": 3}, {"tracking_uri": 3}, {"tags": {"a": 1}}],
)
def test_bad_arguments_of_mlflow_are_refused(options):
    with pytest.raises(BadArgumentsError):
        MLflow(**options)
