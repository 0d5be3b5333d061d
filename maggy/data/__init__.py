"""Share a data frame with all trials: one file on each executor, which the trials map to memory."""

from maggy.data.shared_data import SharedData
from maggy.data.sharing import share

__all__ = ["SharedData", "share"]
