"""The right spelling of a hyperparameter that is written as elsewhere."""

import json
import subprocess
import sys

import numpy as np
import pytest

from maggy import Searchspace
from maggy.common.exceptions import BadArgumentsError

RIGHT = [
    ((0.0, 1.0), "('DOUBLE', [0.0, 1.0])"),
    ((1, 8), "('INTEGER', [1, 8])"),
    ([16, 32, 64], "('DISCRETE', [16, 32, 64])"),
    ([0.2, 0.1], "('DISCRETE', [0.2, 0.1])"),
    (["adam", "sgd"], "('CATEGORICAL', ['adam', 'sgd'])"),
    (["a", "b", "c"], "('CATEGORICAL', ['a', 'b', 'c'])"),
    ([True, False], "('CATEGORICAL', [True, False])"),
    ([[1, 2], [3, 4]], "('CATEGORICAL', [[1, 2], [3, 4]])"),
    (["adam"], "('CONSTANT', ['adam'])"),
    ("adam", "('CONSTANT', ['adam'])"),
    (0.1, "('CONSTANT', [0.1])"),
    (None, "('CONSTANT', [None])"),
    (bool, "('CATEGORICAL', [True, False])"),
    (("loguniform", [1e-5, 1e-1]), "('DOUBLE', [1e-05, 0.1], 'log')"),
    (("loguniform", 1e-5, 1e-1), "('DOUBLE', [1e-05, 0.1], 'log')"),
    ((1e-5, 1e-1, "log-uniform"), "('DOUBLE', [1e-05, 0.1], 'log')"),
    (("uniform", [0, 1]), "('DOUBLE', [0, 1])"),
    (("uniform", 0, 1), "('DOUBLE', [0, 1])"),
    (("quniform", [0, 10, 2]), "('DOUBLE', [0, 10], {'step': 2})"),
    (("int", [1, 8]), "('INTEGER', [1, 8])"),
    ((int, [1, 8]), "('INTEGER', [1, 8])"),
    ((float, [0, 1]), "('DOUBLE', [0, 1])"),
    (("choice", ["a", "b"]), "('CATEGORICAL', ['a', 'b'])"),
    (("DOUBLE", 0, 1), "('DOUBLE', [0, 1])"),
    (("DOUBL", [0, 1]), "('DOUBLE', [0, 1])"),
    (("INTEGER", 0.5, 1.5), "('DOUBLE', [0.5, 1.5])"),
    (("uniform", ["a", "b"]), "('CATEGORICAL', ['a', 'b'])"),
    (("constant", 3), "('CONSTANT', [3])"),
    (("DOUBLE", [0, 1], "uniform"), "('DOUBLE', [0, 1])"),
    ({"min": 0.0, "max": 1.0}, "('DOUBLE', [0.0, 1.0])"),
    ({"low": 1e-4, "high": 1e-1, "log": True}, "('DOUBLE', [0.0001, 0.1], 'log')"),
    ({"_type": "loguniform", "_value": [1e-4, 1e-1]}, "('DOUBLE', [0.0001, 0.1], 'log')"),
    ({"type": "range", "bounds": [1e-4, 1], "log_scale": True}, "('DOUBLE', [0.0001, 1], 'log')"),
    ({"min": 0, "max": 10, "q": 2}, "('INTEGER', [0, 10], {'step': 2})"),
    ({"values": ["a", "b"]}, "('CATEGORICAL', ['a', 'b'])"),
    ({"grid_search": [1, 2]}, "('DISCRETE', [1, 2])"),
    ({"value": 3}, "('CONSTANT', [3])"),
    (range(1, 9), "('INTEGER', [1, 8])"),
    (range(0, 10, 2), "('INTEGER', [0, 8], {'step': 2})"),
    (np.linspace(0, 1, 3), "('DISCRETE', [0.0, 0.5, 1.0])"),
    ([np.float64(0.5), np.float64(0.25), 2], "('DISCRETE', [0.5, 0.25, 2])"),
    (["a"] * 100, "('CATEGORICAL', [...])"),
]


def message_for(spec):
    with pytest.raises(BadArgumentsError) as caught:
        Searchspace(x=spec)
    return str(caught.value)


@pytest.mark.parametrize(("spec", "spelling"), RIGHT, ids=str)
def test_an_error_shows_the_right_spelling_of_these_values(spec, spelling):
    message = message_for(spec)
    assert message.endswith(f" Write x={spelling}.")
    assert message.startswith("Hyperparameter t")  # the texts of release 1, which users test


@pytest.mark.parametrize("spelling", [spelling for _, spelling in RIGHT if "..." not in spelling])
def test_what_an_error_shows_is_a_hyperparameter(spelling):
    text = spelling.replace("'", '"').replace("(", "[").replace(")", "]")
    plain = text.replace("True", "true").replace("False", "false").replace("None", "null")
    assert len(Searchspace(x=tuple(json.loads(plain)))) == 1


def test_the_values_of_a_set_are_shown_in_a_fixed_order():
    # Not among the parameters above: the name of a test must not depend on the order of a set.
    assert message_for(("CATEGORICAL", {"b", "a"})).endswith(
        " Write x=('CATEGORICAL', ['a', 'b'])."
    )


def test_two_numbers_in_a_list_may_be_a_range_or_two_values():
    assert message_for([0.1, 0.2]).endswith(
        " Write x=('DOUBLE', [0.1, 0.2]) for a range, "
        "or x=('DISCRETE', [0.1, 0.2]) for these values only."
    )


@pytest.mark.parametrize("spec", [(), [], {}, Ellipsis, print, float, ("normal", [0, 1])], ids=str)
def test_what_has_no_spelling_gets_an_example(spec):
    assert message_for(spec).endswith(" Write for example x=('DOUBLE', [0.0, 1.0]).")


@pytest.mark.parametrize("spec", ["loguniform", ("log_uniform", [-5, -1])])
def test_the_example_for_a_log_scale_has_one(spec):
    assert message_for(spec).endswith(" Write for example x=('DOUBLE', [1e-05, 0.1], 'log').")


def test_a_name_that_is_no_identifier_is_left_out():
    with pytest.raises(BadArgumentsError, match=r"Write \('DOUBLE', \[0, 1\]\)\.$"):
        Searchspace().add("learning rate", ("uniform", [0, 1]))


def test_a_mistyped_type_gets_the_hint_and_the_spelling():
    message = message_for(("integr", [1, 2]))
    assert message.endswith("Did you mean 'INTEGER'? Write x=('INTEGER', [1, 2]).")


def test_an_object_that_raises_at_every_turn_gets_an_example():
    class Hostile:
        __module__ = "optuna.distributions"

        def __getattr__(self, name):
            raise RuntimeError(name)

    assert "Write for example" in message_for(Hostile())


def fake(module, cls, **attributes):
    """Return an object like that of a library, which is not installed."""
    return type(cls, (), {"__module__": module, **attributes})()


def hyperopt(name, *arguments):
    """Return an expression of hyperopt as ``hp`` makes it."""
    literals = [fake("hyperopt.pyll.base", "Literal", obj=value) for value in arguments]
    return apply(name, *literals)


def apply(name, *arguments):
    return fake("hyperopt.pyll.base", "Apply", name=name, pos_args=arguments, named_args=[])


def labelled(draw):
    return apply("hyperopt_param", fake("hyperopt.pyll.base", "Literal", obj="x"), draw)


RAY, SKOPT = "ray.tune.search.sample", "skopt.space.space"
SAMPLER = fake(RAY, "_Uniform")
ROUNDED = fake(RAY, "Quantized", sampler=SAMPLER, q=2)


@pytest.mark.parametrize(
    ("spec", "spelling"),
    [
        (fake(RAY, "Float", lower=0, upper=1, sampler=SAMPLER), "('DOUBLE', [0, 1])"),
        (
            fake(RAY, "Float", lower=0.1, upper=1, sampler=fake(RAY, "_LogUniform")),
            "('DOUBLE', [0.1, 1], 'log')",
        ),
        # Ray's randint ends before the upper bound, its qrandint with it.
        (fake(RAY, "Integer", lower=1, upper=9, sampler=SAMPLER), "('INTEGER', [1, 8])"),
        (
            fake(RAY, "Integer", lower=1, upper=9, sampler=ROUNDED),
            "('INTEGER', [1, 9], {'step': 2})",
        ),
        (
            fake(RAY, "Categorical", categories=["a", "b"], sampler=SAMPLER),
            "('CATEGORICAL', ['a', 'b'])",
        ),
        (
            fake(SKOPT, "Real", low=0.1, high=1, prior="log-uniform"),
            "('DOUBLE', [0.1, 1], 'log')",
        ),
        (
            fake("ConfigSpace.hyperparameters", "UniformIntegerHyperparameter", lower=1, upper=5),
            "('INTEGER', [1, 5])",
        ),
        (
            fake("keras_tuner.engine", "Choice", values=["a", "b"]),
            "('CATEGORICAL', ['a', 'b'])",
        ),
        (fake("keras_tuner.engine", "Boolean", default=False), "('CATEGORICAL', [False, True])"),
        (fake("keras_tuner.engine", "Fixed", value=3), "('CONSTANT', [3])"),
        (apply("float", labelled(hyperopt("uniform", 0, 1))), "('DOUBLE', [0, 1])"),
        (
            apply("float", labelled(hyperopt("loguniform", 0, 0.5))),
            "[1.0, 1.6487212707001282], 'log')",
        ),
        (apply("int", labelled(hyperopt("randint", 5))), "('INTEGER', [0, 4])"),
        (apply("int", labelled(hyperopt("randint", 2, 5))), "('INTEGER', [2, 4])"),
        (
            apply("int", apply("float", labelled(hyperopt("quniform", 1, 5)))),
            "('INTEGER', [1, 5])",
        ),
        (
            apply(
                "switch",
                labelled(hyperopt("randint", 2)),
                *hyperopt("", "a", "b").pos_args,
            ),
            "('CATEGORICAL', ['a', 'b'])",
        ),
    ],
    ids=lambda value: value if isinstance(value, str) else type(value).__name__,
)
def test_a_distribution_of_another_library_is_recognized_by_its_names(spec, spelling):
    assert message_for(spec).endswith(f"{spelling}.")


@pytest.mark.parametrize(
    ("name", "arguments", "spelling"),
    [
        ("FloatDistribution", {"low": 1e-5, "high": 1, "log": True}, "[1e-05, 1.0], 'log')"),
        ("FloatDistribution", {"low": 0, "high": 1, "step": 0.1}, "[0.0, 1.0], {'step': 0.1})"),
        ("IntDistribution", {"low": 1, "high": 8}, "('INTEGER', [1, 8])"),
        ("CategoricalDistribution", {"choices": ["a", "b"]}, "('CATEGORICAL', ['a', 'b'])"),
    ],
)
def test_a_distribution_of_optunas_is_recognized(name, arguments, spelling):
    optuna = pytest.importorskip("optuna")
    assert message_for(getattr(optuna.distributions, name)(**arguments)).endswith(f"{spelling}.")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "arguments", "spelling"),
    [
        ("uniform", (0, 1), "('DOUBLE', [0.0, 1.0])"),
        ("loguniform", (1e-5, 1), "('DOUBLE', [1e-05, 1], 'log')"),
        ("randint", (1, 10), "('INTEGER', [1, 9])"),
        ("norm", (), "Write for example x=('DOUBLE', [0.0, 1.0])"),
    ],
)
def test_a_distribution_of_scipys_is_recognized(name, arguments, spelling):
    stats = pytest.importorskip("scipy.stats")
    assert message_for(getattr(stats, name)(*arguments)).endswith(f"{spelling}.")


def test_no_other_library_is_imported_for_an_error():
    code = (
        "import sys; from maggy import Searchspace\n"
        "try: Searchspace(x=(0.0, 1.0))\n"
        "except ValueError: pass\n"
        "print({'optuna', 'scipy', 'ray', 'hyperopt'} & set(sys.modules))"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout == "set()\n"
