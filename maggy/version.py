"""The version of the package and of its protocol. Nothing else states either of them.

Workers read this file as text before they import anything, so each value is a literal on a line of
its own.
"""

__all__ = ["PROTOCOL", "__version__"]

__version__ = "2.1.0.dev0"

PROTOCOL = 1
"""The number of the protocol between a worker and the driver. Increase it when either side would
misunderstand the messages of an older release."""
