"""What to write instead of the names that optimizers have in other libraries."""

from __future__ import annotations

from typing import Final

from maggy.common.other_names import OtherNames

__all__ = ["OTHER_OPTIMIZERS"]

OTHER_OPTIMIZERS: Final = OtherNames(
    meanings={
        "asha": "asynchronous successive halving",
        "cmaes": "an evolution strategy",
        "gp": "Bayesian optimization with a Gaussian process",
        "gridsearch": "all combinations of the values",
        "hyperband": "successive halving in brackets with different budgets",
        "none": "the same run num_trials times, without a search space",
        "nsgaii": "a genetic algorithm",
        "pbt": "population based training",
        "qmc": "a quasi-random sequence",
        "randomsearch": "independent random configurations",
        "tpe": "Bayesian optimization with Parzen estimators",
    },
    names={
        "bayesian bayes bayesopt bo smbo modelbased parzen hyperopt optuna smac": "tpe gp",
        "gaussian gaussianprocess gpbo gpei kriging botorch ax skopt": "gp",
        "random rand rs uniform": "randomsearch",
        "grid bruteforce exhaustive fullfactorial": "gridsearch",
        "cma evolution evolutionstrategy evolutionary es": "cmaes",
        "genetic ga nsga nsga2 nsgaiii": "nsgaii",
        "sobol halton quasirandom quasimontecarlo lowdiscrepancy latinhypercube lhs": "qmc",
        "sha halving successivehalving asynchyperband asynchronoushyperband": "asha",
        "hb hyperbandforbohb": "hyperband",
        "population populationbased populationbasedtraining pb2": "pbt",
        "single singlerun once fixed": "none",
    },
    sentences={
        "bohb bayesianhyperband tunebohb": "Write Hyperband(sampler='tpe') (from maggy.optimizer), "
        "which is BOHB.",
        "pso particleswarm swarm": "Maggy has no particle swarm. Write 'cmaes', an evolution "
        "strategy for the same kind of search space.",
        "de differentialevolution": "Maggy has no differential evolution. Write 'cmaes', an "
        "evolution strategy for the same kind of search space.",
        "anneal annealing simulatedannealing": "Maggy has no simulated annealing. Write 'tpe', "
        "which also searches near good configurations.",
        "median percentile patience threshold": "This is a rule that stops trials: pass it as "
        "es_policy.",
        "adam adamw sgd rmsprop adagrad": "The optimizer of the training is a hyperparameter, "
        "Searchspace(optimizer=('CATEGORICAL', ['adam', 'sgd'])); this one suggests trials, such "
        "as 'randomsearch' or 'tpe'.",
        "loco": "This is an ablator: write AblationConfig(study, 'loco').",
    },
)
"""The names of optimizers in Optuna, Ray Tune, hyperopt, scikit-optimize and others."""
