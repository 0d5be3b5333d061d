"""Translate between Maggy and Optuna. Only this room knows the words of both."""
