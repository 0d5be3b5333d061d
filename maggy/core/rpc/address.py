"""Describe the address of the driver, with the keys to connect to it."""

from __future__ import annotations

from dataclasses import dataclass, field

from maggy.common.hosts import strip_brackets

__all__ = ["LINGER_MILLISECONDS", "Address"]

LINGER_MILLISECONDS = 1000
"""Milliseconds that a closing socket gets to send its last messages."""


@dataclass(frozen=True)
class Address:
    """The endpoint of the driver, and the keys to connect to it. The repr shows no key."""

    endpoint: str
    server_key: bytes = field(repr=False)
    client_key: bytes = field(repr=False)
    client_secret: bytes = field(repr=False)

    @property
    def host(self) -> str:
        """The name or the IP address in the endpoint."""
        return strip_brackets(self.endpoint.removeprefix("tcp://").rpartition(":")[0])
