"""Send functions of the test modules to other processes by value."""

from helpers.by_value import by_value

__all__ = ["by_value"]
