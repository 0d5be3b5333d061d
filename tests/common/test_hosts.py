"""Names and addresses of hosts."""

import socket

import pytest

from maggy.common import hosts
from maggy.common.hosts import add_brackets, find_address, strip_brackets


@pytest.mark.parametrize("host", ["127.0.0.1", "::1", "driver.example", "fe80::1%eth0"])
def test_a_host_is_the_same_with_and_without_brackets(host):
    assert strip_brackets(add_brackets(host)) == strip_brackets(host) == host
    assert add_brackets(host) == (f"[{host}]" if ":" in host else host)


@pytest.mark.parametrize(
    ("addresses", "chosen"),
    [
        (["::1", "10.0.0.1"], "10.0.0.1"),
        (["10.0.0.1", "10.0.0.2"], "10.0.0.1"),
        (["fd00::1"], "fd00::1"),
    ],
)
def test_a_name_with_several_addresses_is_taken_for_its_first_of_ipv4(
    monkeypatch, addresses, chosen
):
    families = [socket.AF_INET6 if ":" in address else socket.AF_INET for address in addresses]
    found = [
        (family, 1, 6, "", (address, 0))
        for family, address in zip(families, addresses, strict=True)
    ]
    monkeypatch.setattr(hosts.socket, "getaddrinfo", lambda *arguments, **options: found)
    assert find_address("driver.example") == chosen


def test_a_name_that_nobody_knows_is_an_error():
    with pytest.raises(OSError, match=r"\S"):
        find_address("no-such-host.invalid")
