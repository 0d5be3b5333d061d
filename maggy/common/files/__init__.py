"""Read and write files on a disk or in a store: a contract, and a class for each kind of place."""

from maggy.common.files.contract import Files, is_url
from maggy.common.files.disk import DiskFiles
from maggy.common.files.router import AnyFiles
from maggy.common.files.url import UrlFiles, open_url

__all__ = ["AnyFiles", "DiskFiles", "Files", "UrlFiles", "is_url", "open_url"]
