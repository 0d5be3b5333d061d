"""The only place that knows both vocabularies, Maggy's and Optuna's."""
