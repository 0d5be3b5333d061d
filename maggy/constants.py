"""The types that a training function may return, under their name of release 1."""

import numpy as np

__all__ = ["USER_FCT"]


class USER_FCT:  # noqa: N801 (the name is the original's)
    """Hold the types that a training function may return. A 1.1 config also takes a list."""

    RETURN_TYPES = (float, int, np.number, dict)
    NUMERIC_TYPES = (float, int, np.number)
