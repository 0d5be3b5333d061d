"""A client of a Connect server: what is known without one."""

from maggy.core.cluster import connect


def test_the_address_on_the_route_to_a_server_is_one_of_this_machine():
    assert connect._own_address("127.0.0.1").startswith("127.")
