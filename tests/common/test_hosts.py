"""Hosts have the same name with and without brackets, and one address."""

import socket

import pytest

from maggy.common import hosts
from maggy.common.hosts import add_brackets, find_address, strip_brackets


@pytest.mark.parametrize("host", ["127.0.0.1", "::1", "driver.example", "fe80::1%eth0"])
def test_a_host_is_the_same_with_and_without_brackets(host):
    assert strip_brackets(add_brackets(host)) == strip_brackets(host) == host
    assert add_brackets(host) == (f"[{host}]" if ":" in host else host)


@pytest.mark.parametrize(
    ("addresses", "expected"),
    [
        (["::1", "10.0.0.1"], "10.0.0.1"),
        (["10.0.0.1", "10.0.0.2"], "10.0.0.1"),
        (["fd00::1"], "fd00::1"),
    ],
)
def test_the_address_of_a_name_is_its_first_one_of_ipv4(monkeypatch, addresses, expected):
    families = [socket.AF_INET6 if ":" in address else socket.AF_INET for address in addresses]
    answers = [
        (family, 1, 6, "", (address, 0))
        for family, address in zip(families, addresses, strict=True)
    ]
    monkeypatch.setattr(hosts.socket, "getaddrinfo", lambda *arguments, **options: answers)
    assert find_address("driver.example") == expected


def test_an_unknown_name_is_an_error():
    with pytest.raises(OSError, match=r"\S"):
        find_address("no-such-host.invalid")
