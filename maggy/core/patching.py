"""A path of release 1 for distributed training of one model. Every import from it is refused."""

from maggy.common.distributed import refuse

__all__ = []

__getattr__ = refuse
