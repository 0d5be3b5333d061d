"""Write names and addresses of hosts, of IPv4 and IPv6, as each place needs them."""

from __future__ import annotations

import socket

__all__ = ["add_brackets", "find_address", "strip_brackets"]


def strip_brackets(host: str) -> str:
    """Return a name or address without the brackets in which Spark writes one of IPv6."""
    return host[1:-1] if host.startswith("[") and host.endswith("]") else host


def add_brackets(host: str) -> str:
    """Return a name or address as it stands before a port: one of IPv6 in brackets."""
    return f"[{host}]" if ":" in host else host


def find_address(host: str) -> str:
    """Return the address of a host: that of IPv4 if it has one, else that of IPv6.

    Raises:
        OSError: If the host is not known.
    """
    addresses = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    # Reversed, so that the first address of each family is the one that stays.
    by_family = {family: str(address[0]) for family, _, _, _, address in reversed(addresses)}
    if socket.AF_INET in by_family:
        return by_family[socket.AF_INET]
    return by_family[socket.AF_INET6]
