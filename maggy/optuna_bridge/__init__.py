"""Translate between Maggy and Optuna. Only this room knows the words of both.

Everything here is internal, except where the page "Public API" names it.
"""
