"""``maggy.sklearn.search`` checks its arguments before Spark, and stops bad configurations."""

import math
import sys

import numpy as np
import pytest
from helpers.estimators import Scripted
from helpers.waiting import HANG
from sklearn import config_context
from sklearn.datasets import load_iris
from sklearn.decomposition import PCA
from sklearn.dummy import DummyClassifier
from sklearn.model_selection import GroupKFold, KFold, StratifiedKFold
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC

import maggy.sklearn
from maggy import Searchspace, Trial
from maggy.common.exceptions import MissingDependencyError, ResumeError
from maggy.core import launch
from maggy.core.reporting import decision_wait
from maggy.data import SharedData
from maggy.data.reference import Reference
from maggy.optimizer import RandomSearch
from maggy.result import build_result
from maggy.result.rows import make_row
from maggy.sklearn.cv_results import make_cv_results
from maggy.sklearn.searching import ES_MIN
from maggy.testing import run_on_threads

X, Y = load_iris(return_X_y=True)
SPACE = {"C": ("DOUBLE", [0.1, 10], "log")}
STRATEGY = {
    "strategy": ("CATEGORICAL", ["prior", "stratified", "uniform"]),
    "random_state": ("INTEGER", [0, 99]),
}


@pytest.fixture
def launched(monkeypatch):
    """Return a list that gets the function and the config of each experiment, which runs here."""
    calls = []

    def launch_here(training, config):
        calls.append((training, config))
        draws = config.searchspace.seeded(1).get_random_parameter_values(1)
        trial = Trial(dict((config.initial_trials or draws)[0]))
        trial.number, trial.status = 1, Trial.FINALIZED
        trial.outputs = training(trial.params, Silent())
        trial.final_metric = trial.outputs["mean_test_score"]
        key = config.optimization_key
        return build_result([trial], kind="optimization", direction="max", optimization_key=key)

    monkeypatch.setattr(launch, "launch", launch_here)
    return calls


class Silent:
    """A reporter to which nobody listens."""

    is_stopped = False

    def broadcast(self, metric, step):
        pass

    def flush(self):
        pass


def search(estimator=None, X=X, y=Y, space=SPACE, **options):  # noqa: N803
    return maggy.sklearn.search(estimator or SVC(), X, y, space, **{"num_trials": 3, **options})


def test_the_defaults_of_the_docstring_are_those_of_the_call(launched):
    search(seed=5)
    ((_, config),) = launched
    assert isinstance(config.es_policy, maggy.sklearn.WorstFoldRule)
    assert (config.es_min, config.optimizer, config.seed) == (ES_MIN, "tpe", 5)
    assert (config.name, config.direction) == ("SVC search", "max")
    assert f"``es_min`` is {ES_MIN}," in maggy.sklearn.search.__doc__


def test_other_arguments_reach_the_config(launched):
    search(es_min=7, name="mine", num_workers=1, optimizer=RandomSearch())
    ((_, config),) = launched
    assert (config.es_min, config.name, config.num_workers) == (7, "mine", 1)


@pytest.mark.parametrize(
    ("cv", "kind", "count"),
    [(5, StratifiedKFold, 5), (None, StratifiedKFold, 5), (KFold(3), KFold, 3)],
)
def test_a_classifier_gets_the_folds_that_scikit_learn_gives_it(launched, cv, kind, count):
    result = search(cv=cv)
    ((training, _),) = launched
    expected = list(kind(count).split(X, Y))
    assert result.n_splits_ == count
    for ours, theirs in zip(training.splits, expected, strict=True):
        assert all((a == b).all() for a, b in zip(ours, theirs, strict=True))


def test_folds_that_a_number_fixes_are_no_reason_to_warn(launched):
    search(cv=KFold(3, shuffle=True, random_state=0))  # any warning is an error here


def test_folds_by_group_keep_groups_together(launched):
    groups = np.arange(len(X)) % 7
    search(cv=GroupKFold(3), groups=groups)
    ((training, _),) = launched
    for train, test in training.splits:
        assert not set(groups[train]) & set(groups[test])


def test_folds_that_are_drawn_are_the_same_for_all_trials_and_cannot_be_drawn_again(launched):
    with pytest.warns(UserWarning, match="resume= will refuse.*random_state"):
        search(cv=KFold(4, shuffle=True))
    ((training, _),) = launched
    assert sorted(np.concatenate([test for _, test in training.splits])) == list(range(len(X)))


def test_an_iterable_of_splits_may_be_a_generator(launched):
    result = search(cv=(split for split in KFold(3).split(X)))
    assert result.n_splits_ == 3


def test_there_need_be_no_targets(launched):
    result = search(PCA(), y=None, space={"n_components": ("INTEGER", [1, 3])})
    assert result.transform(X).shape == (150, result.best_params_["n_components"])


def test_the_scorer_is_the_one_of_the_metric(launched):
    result = search(scoring="f1_macro")
    assert result.scorer_._score_func.__name__ == "f1_score"


def test_the_names_of_a_pipeline_may_be_those_of_a_step_that_is_itself_a_choice(launched):
    pipeline = Pipeline([("scale", "passthrough"), ("svc", SVC())])
    space = {
        "scale": ("CATEGORICAL", [StandardScaler(), StandardScaler(copy=False)]),
        "scale__with_mean": ("CATEGORICAL", [True, False]),
        "svc__C": ("DOUBLE", [0.1, 10]),
    }
    result = search(pipeline, space=space)
    assert isinstance(result.best_estimator_["scale"], StandardScaler)
    assert result.best_estimator_["scale"].with_mean == result.best_params_["scale__with_mean"]


def test_the_first_configurations_may_hold_objects(launched):
    scaler = StandardScaler()
    pipeline = make_pipeline(scaler, SVC())
    space = {"standardscaler": ("CATEGORICAL", ["passthrough", scaler])}
    search(pipeline, space=space, initial_trials=[{"standardscaler": scaler}])
    assert launched[0][1].initial_trials == [{"standardscaler": "StandardScaler()"}]


def test_without_optuna_the_error_names_an_optimizer_that_needs_nothing(launched, monkeypatch):
    monkeypatch.setitem(sys.modules, "optuna", None)
    with pytest.raises(MissingDependencyError, match=r"TPE needs optuna.*optimizer='randomsearch'"):
        search()
    search(optimizer="randomsearch")
    assert len(launched) == 1


SHARED = SharedData(Reference("/none", (0, 0, 0)), 2, ["x"])
SPARK_FRAME = type("DataFrame", (), {"__module__": "pyspark.sql.dataframe"})()


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"estimator": SVC}, "an instance, but got the class SVC"),
        ({"estimator": object()}, "object has no method fit"),
        ({"X": SPARK_FRAME}, "Pass what its toPandas"),
        ({"y": Y[:10]}, "inconsistent numbers of samples"),
        ({"space": {"c": ("DOUBLE", [1, 2])}}, "no 'c'. Did you mean 'C'"),
        ({"space": {"svc__C": ("DOUBLE", [1, 2])}}, "has no 'svc__C'"),
        ({"space": Searchspace()}, "at least one parameter"),
        ({"space": [1]}, "from a dict"),
        ({"scoring": ["accuracy", "f1"]}, "scoring must be the name of one metric"),
        ({"refit": "accuracy"}, "refit must be True, False"),
        ({"error_score": "raise"}, "error_score must be a number or NaN"),
        ({"error_score": math.inf}, "error_score must be a number or NaN"),
        ({"fit_params": [1]}, "fit_params must be a dict"),
        ({"optimizer": "asha"}, "Asha sets a budget"),
        ({"optimizer": "pbt"}, "PBT sets a budget"),
        (
            {"optimizer": RandomSearch(pruner="hyperband")},
            r"Hyperband\(RandomSearch\) sets a budget",
        ),
        ({"num_trials": 0}, "num_trials must be at least 1"),
        ({"cv": []}, "cv must give at least one fold"),
        ({"cv": 100}, "n_splits=100"),
        ({"cv": KFold}, r"cv must be an instance, but got the class KFold. Write KFold\(\)"),
        ({"cv": [(1, 2)]}, r"fold 0 is \(1, 2\)"),
        ({"cv": [([0, 1], [2]), ([0], [150])]}, r"numbers from 0 to 149.*fold 1 is \(\[0\], \[15"),
        ({"cv": [([0.5], [2])]}, "pair of the rows to train with"),
        ({"cv": [([True, False], [2])]}, "or as 150 booleans"),
        ({"X": SHARED}, r"X must be an array.*<SharedData: 2 rows.*Pass what its pandas\(\)"),
        ({"y": SHARED}, r"y must be an array.*Pass what its numpy\(\)"),
        ({"seed": "one"}, "seed must be a whole number"),
        ({"es_policy": "medium"}, "medium"),
    ],
)
def test_bad_arguments_are_refused_before_spark(launched, options, words):
    with pytest.raises(ValueError, match=words):
        search(**options)
    assert launched == []


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"direction": "min"}, "sets direction itself"),
        ({"searchspace": SPACE}, "Pass the space as the fourth argument"),
        ({"num_trial": 3}, "Did you mean 'num_trials'"),
        ({"n_iter": 3}, "num_trials is the number of configurations"),
        ({"n_jobs": 3}, "num_workers is the number of workers"),
        ({"random_state": 3}, "no argument random_state. seed fixes"),
        ({"return_train_score": True}, "Only test scores"),
        ({"scorer": "f1"}, r"^maggy\.sklearn\.search has no argument 'scorer'.*'scoring'"),
    ],
)
def test_arguments_that_do_not_fit_a_search_are_refused(launched, options, words):
    with pytest.raises(TypeError, match=words):
        search(**options)
    assert launched == []


@pytest.mark.loopback
def test_a_bad_configuration_stops_after_one_fold_and_is_never_the_best(launched, monkeypatch):
    monkeypatch.setattr(decision_wait, "WAIT_SECONDS", HANG)
    space = {"quality": ("DOUBLE", [-1, 1])}
    good = [0.6, 0.7, 0.8, 0.9, 0.75]
    first = [{"quality": quality} for quality in (*good, 0.2, -0.5, 0.95)]
    options = {"es_policy": "median", "initial_trials": first}
    search(Scripted(), space=space, num_trials=8, cv=10, **options)
    ((training, config),) = launched

    def train(params, reporter):
        return training(params, reporter)["mean_test_score"]

    trials = run_on_threads(train, config, workers=1)
    for trial in trials:
        if trial.status == Trial.FINALIZED and not trial.early_stop:
            trial.outputs = {"test_scores": [trial.final_metric] * 10}
    rows = [make_row(trial, "mean_test_score") for trial in trials]
    table = make_cv_results(rows, training.choices, 10)
    assert list(table["status"]) == ["complete"] * 5 + ["stopped", "failed", "complete"]
    assert np.isnan(table["split1_test_score"][5])
    assert list(table["rank_test_score"]) == [6, 5, 3, 2, 4, 7, 7, 1]


def test_the_settings_of_scikit_learn_travel(launched):
    with config_context(transform_output="pandas"):
        search()
    assert launched[0][0].settings["transform_output"] == "pandas"


@pytest.mark.parametrize(
    "split", [([0, 1, -50], [2, 90]), (np.arange(150) < 99, np.arange(99, 150))]
)
def test_folds_may_be_lists_negative_numbers_or_booleans(launched, split):
    assert search(cv=[split], estimator=DummyClassifier(), space=STRATEGY).n_splits_ == 1


@pytest.mark.slow
@pytest.mark.usefixtures("spark", "experiments")
def test_a_search_whose_scores_cannot_be_compared_does_not_resume_and_does_not_spoil_the_records():
    options = {"estimator": DummyClassifier(), "space": STRATEGY, "seed": 1}
    directory = search(**options, cv=3).result.directory
    for resume in (directory, directory.rpartition("/")[2]):
        with pytest.raises(ResumeError, match=r"recorded folds.* has '3 folds, .*'5 folds, "):
            search(**options, cv=5, num_trials=4, resume=resume)
    with pytest.raises(ResumeError, match=r"recorded data.* has '150 rows, .*'150 rows, "):
        search(**options, cv=3, y=1 - Y, num_trials=4, resume=directory)
    assert len(search(**options, cv=3, num_trials=4, resume=directory).result.trials) == 4
