"""Generated frames against the decoder and a live server, 100,000 in all."""

import fuzz
import pytest

pytestmark = pytest.mark.loopback


def test_the_decoder_gives_messages_or_decode_errors_and_nothing_else():
    decoded = fuzz.decode_all(60_000, seed=1)
    assert 0 < decoded < 60_000


def test_a_live_server_serves_honest_workers_meanwhile_and_does_not_grow():
    slowest, growth, rejections = fuzz.attack(60_000, seed=2)
    assert rejections > 10_000
    assert slowest < 60, "an honest worker had to wait"
    assert growth < 50, "the server's memory grew"
