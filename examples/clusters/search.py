"""A search for the hyperparameters of a small neural network on scikit-learn's handwritten digits.

It names no cluster, so the command that starts it chooses one:

    python examples/clusters/search.py
    spark-submit --master "local-cluster[2,1,1024]" examples/clusters/search.py
    spark-submit --master spark://<host>:7077 examples/clusters/search.py --workers 2

The driver and the executors need Maggy and scikit-learn.
"""

import argparse

from pyspark.sql import SparkSession

from maggy import Searchspace, experiment
from maggy.experiment_config import OptimizationConfig


def train(hidden, rate, reporter):
    import numpy
    from sklearn.datasets import load_digits
    from sklearn.model_selection import train_test_split
    from sklearn.neural_network import MLPClassifier

    import maggy

    x, y = load_digits(return_X_y=True)
    x_train, x_test, y_train, y_test = train_test_split(x / 16, y, random_state=1)
    model = MLPClassifier((hidden,), learning_rate_init=rate, random_state=1)
    for epoch in range(8):
        model.partial_fit(x_train, y_train, classes=numpy.unique(y))
        accuracy = model.score(x_test, y_test)
        reporter.broadcast(accuracy, step=epoch)
    # Beside the metric: which copy of Maggy the executor has found.
    return {"accuracy": accuracy, "maggy": maggy.__file__}


def main():
    parser = argparse.ArgumentParser(description="Search on the cluster that starts this program.")
    parser.add_argument("--trials", type=int, default=8)
    parser.add_argument("--workers", type=int, help="how many trials run at once")
    parser.add_argument("--driver-port", type=int, help="the port on which the driver listens")
    arguments = parser.parse_args()
    spark = SparkSession.builder.appName("maggy-search").getOrCreate()
    config = OptimizationConfig(
        arguments.trials,
        "randomsearch",
        Searchspace(hidden=("INTEGER", [4, 64], "log"), rate=("DOUBLE", [1e-4, 1e-1], "log")),
        optimization_key="accuracy",
        es_min=3,
        hb_interval=0.2,
        num_workers=arguments.workers,
        driver_port=arguments.driver_port,
        seed=1,
        verbose=0,
    )
    result = experiment.lagom(train, config)
    workers = {trial["worker"] for trial in result.trials}
    # A trial that was stopped early has returned nothing but its metric.
    copies = {trial["outputs"]["maggy"] for trial in result.trials if not trial["early_stop"]}
    print(f"Best accuracy: {result['best_val']:.3f} with {result['best_hp']}")
    print(f"Workers that trained: {len(workers)}")
    print(f"Maggy on the executors: {' '.join(sorted(copies))}")
    spark.stop()


if __name__ == "__main__":
    main()
