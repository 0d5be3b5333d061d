"""The search space: which configurations can be tried."""

from maggy.searchspace.space import Searchspace

__all__ = ["Searchspace"]

Searchspace.__module__ = __name__  # where users find it
