"""One trial: a configuration, the points it has reported, and how it ended."""

from maggy.trial.identity import MAX_ID_BYTES, is_directory_name
from maggy.trial.trial import Trial

__all__ = ["MAX_ID_BYTES", "Trial", "is_directory_name"]

Trial.__module__ = __name__  # the path from which users import it, in help and pickles
