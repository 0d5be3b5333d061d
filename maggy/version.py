"""The version of the package: the only place that says it."""

__all__ = ["__version__"]

__version__ = "2.0.0"
