"""The search space: which configurations can be tried."""

from maggy.searchspace.space import Searchspace

__all__ = ["Searchspace"]

Searchspace.__module__ = __name__  # the path from which users import it, in help and pickles
