"""Do on an SFTP server what fsspec's client does not offer. Its own calls serve everything else."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from fsspec.implementations.sftp import SFTPFileSystem

__all__ = ["create_file", "is_sftp", "renew_connection"]

_PROTOCOLS = frozenset(["sftp", "ssh"])


def is_sftp(protocols: tuple[str, ...]) -> bool:
    """Return whether a file system with these protocols is an SFTP server."""
    return not _PROTOCOLS.isdisjoint(protocols)


def renew_connection(system: SFTPFileSystem) -> None:
    """Connect again if the connection has ended.

    fsspec keeps a file system, and with it a connection that can never be used again.
    """
    transport = system.client.get_transport()
    if transport is None or not transport.is_active() or system.ftp.get_channel().closed:
        system.client.close()
        system._connect()


def create_file(system: SFTPFileSystem, path: str, data: bytes) -> None:
    """Write a new file. The server lets only one of several clients create it.

    Raises:
        FileExistsError: If the file exists.
    """
    try:
        file = system.ftp.open(path, "wx")
    except OSError as error:
        # The protocol has one code for all such failures.
        if system.exists(path):
            raise FileExistsError(f"{path} exists already.") from error
        raise
    with file:
        file.write(data)
