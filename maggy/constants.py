"""What a training function may return, under the name of release 1."""

import numpy as np

__all__ = ["USER_FCT"]


class USER_FCT:  # noqa: N801 (the name is the original's)
    """Types of a training function's values; a 1.1 config also takes a list."""

    RETURN_TYPES = (float, int, np.number, dict)
    NUMERIC_TYPES = (float, int, np.number)
