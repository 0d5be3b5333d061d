"""Functions with known minima, and a table of real learning curves, for measuring optimizers."""

from __future__ import annotations

import math
from itertools import pairwise

from maggy.searchspace import Searchspace


def branin(params):
    x, y = params["x"], params["y"]
    a = y - 5.1 / (4 * math.pi**2) * x**2 + 5 / math.pi * x - 6
    return a**2 + 10 * (1 - 1 / (8 * math.pi)) * math.cos(x) + 10 - 0.39788735772973816


HARTMANN_A = [
    [10, 3, 17, 3.5, 1.7, 8],
    [0.05, 10, 17, 0.1, 8, 14],
    [3, 3.5, 1.7, 10, 17, 8],
    [17, 8, 0.05, 10, 0.1, 14],
]
HARTMANN_P = [
    [1312, 1696, 5569, 124, 8283, 5886],
    [2329, 4135, 8307, 3736, 1004, 9991],
    [2348, 1451, 3522, 2883, 3047, 6650],
    [4047, 8828, 8732, 5743, 1091, 381],
]


def hartmann6(params):
    x = list(params.values())
    total = 0.0
    for weight, a_row, p_row in zip([1.0, 1.2, 3.0, 3.2], HARTMANN_A, HARTMANN_P, strict=True):
        total += weight * math.exp(
            -sum(a * (v - p / 1e4) ** 2 for a, v, p in zip(a_row, x, p_row, strict=True))
        )
    return 3.32236801141551 - total


def rosenbrock(params):
    x = list(params.values())
    return sum(100 * (b - a**2) ** 2 + (1 - a) ** 2 for a, b in pairwise(x))


def mixed(params):
    """Return a bowl's height at the parameters.

    Its place and width depend on two categories, a log-scaled rate and an ordered size.
    """
    centre = {"relu": -2.5, "gelu": -3.0, "tanh": -4.0}[params["activation"]]
    penalty = {"adam": 0.0, "sgd": 0.3, "rmsprop": 0.15}[params["optimizer"]]
    rate = (math.log10(params["rate"]) - centre) ** 2
    size = (math.log2(params["size"]) - 6) ** 2 / 10
    layers = (params["layers"] - 3) ** 2 / 10
    activation = {"relu": 0.1, "gelu": 0.0, "tanh": 0.4}[params["activation"]]
    return rate + size + layers + activation + penalty + (params["dropout"] - 0.2) ** 2


FUNCTIONS = {
    "Branin (2)": (branin, Searchspace(x=("DOUBLE", [-5, 10]), y=("DOUBLE", [0, 15]))),
    "Hartmann (6)": (hartmann6, Searchspace(**{f"x{i}": ("DOUBLE", [0, 1]) for i in range(6)})),
    "Rosenbrock (4)": (
        rosenbrock,
        Searchspace(**{f"x{i}": ("DOUBLE", [-2.048, 2.048]) for i in range(4)}),
    ),
    "mixed (6)": (
        mixed,
        Searchspace(
            rate=("DOUBLE", [1e-5, 1e-1], "log"),
            dropout=("DOUBLE", [0, 0.9]),
            layers=("INTEGER", [1, 8]),
            size=("DISCRETE", [8, 16, 32, 64, 128, 256]),
            activation=("CATEGORICAL", ["relu", "gelu", "tanh"]),
            optimizer=("CATEGORICAL", ["adam", "sgd", "rmsprop"]),
        ),
    ),
}

CURVE_EPOCHS = 27
CURVE_SPACE = Searchspace(
    rate=("DISCRETE", [10 ** (power / 2) for power in range(-9, 1)]),
    alpha=("DISCRETE", [1e-6, 1e-4, 1e-2, 1e-1]),
    units=("DISCRETE", [2, 4, 8, 16, 32]),
)


def learning_curves():
    """Return the validation accuracy after each epoch, for every configuration of a network.

    The network is small, and learns scikit-learn's handwritten digits.
    """
    import warnings
    from itertools import product

    import numpy as np
    from sklearn.datasets import load_digits
    from sklearn.neural_network import MLPClassifier

    data, labels = load_digits(return_X_y=True)
    order = np.random.default_rng(0).permutation(len(labels))
    data, labels = data[order] / 16, labels[order]
    train, test = slice(0, 500), slice(500, None)
    table = {}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for rate, alpha, units in product(CURVE_SPACE.rate, CURVE_SPACE.alpha, CURVE_SPACE.units):
            network = MLPClassifier(
                (units,), alpha=alpha, learning_rate_init=rate, batch_size=50, random_state=0
            )
            curve = []
            for _ in range(CURVE_EPOCHS):
                network.partial_fit(data[train], labels[train], classes=range(10))
                curve.append(float(network.score(data[test], labels[test])))
            table[rate, alpha, units] = curve
    return table
