"""Searches whose suggestions come from Optuna's samplers."""
