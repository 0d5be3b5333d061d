"""Names and addresses of hosts, of IPv4 and IPv6, as different places want them written."""

from __future__ import annotations

import socket

__all__ = ["bare", "bracketed", "resolved"]


def bare(host: str) -> str:
    """Return a name or address without the brackets in which Spark writes one of IPv6."""
    return host[1:-1] if host.startswith("[") and host.endswith("]") else host


def bracketed(host: str) -> str:
    """Return a name or address as it stands before a port."""
    return f"[{host}]" if ":" in host else host


def resolved(host: str) -> str:
    """Return the address of a host: of IPv4 if it has one, else of IPv6.

    Raises:
        OSError: The host is not known.
    """
    found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    families = {family: str(address[0]) for family, _, _, _, address in reversed(found)}
    if socket.AF_INET in families:
        return families[socket.AF_INET]
    return families[socket.AF_INET6]
