"""Search with Optuna's samplers."""
