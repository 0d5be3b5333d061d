"""The parts of a Connect client that need no server."""

import pytest
from wire import has_ipv6

from maggy.core.cluster import connect


def test_the_address_on_the_route_to_a_server_is_one_of_this_machine():
    assert connect._own_address("127.0.0.1").startswith("127.")


@pytest.mark.skipif(not has_ipv6(), reason="this machine has no IPv6")
@pytest.mark.parametrize("server", ["::1", "[::1]"])
def test_the_address_on_the_route_may_be_one_of_ipv6(server):
    assert connect._own_address(server) == "::1"
