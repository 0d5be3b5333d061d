"""Read and write files on a disk or in a store: a contract, and a class for each kind of place."""

from maggy.common.files.contract import Files, LocalCopies, is_pattern, is_url
from maggy.common.files.disk import DiskFiles
from maggy.common.files.router import AnyFiles
from maggy.common.files.url import UrlFiles

__all__ = [
    "AnyFiles",
    "DiskFiles",
    "Files",
    "LocalCopies",
    "UrlFiles",
    "is_pattern",
    "is_url",
]
