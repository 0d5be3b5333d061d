"""How long a driver has been silent."""

from maggy.core.executors.driver_silence import CONNECTED_PATIENCE, Silence


def test_a_driver_to_which_nothing_was_said_is_not_silent():
    assert Silence(1.0).seconds(1000.0) == 0


def test_silence_counts_from_the_first_message_that_stays_unanswered():
    silence = Silence(1.0)
    silence.begin(10.0)
    silence.begin(20.0)
    assert silence.seconds(25.0) == 15.0
    silence.end()
    assert silence.seconds(1000.0) == 0
    silence.begin(1000.0)
    assert silence.seconds(1001.0) == 1.0


def test_a_time_in_which_nobody_listened_is_left_out():
    silence = Silence(1.0)
    silence.begin(10.0)
    silence.leave_out(100.0, 112.0)
    assert silence.seconds(112.0) == 2.0


def test_what_is_left_out_reaches_no_further_than_now():
    silence = Silence(1.0)
    silence.leave_out(100.0, 5.0)
    silence.begin(10.0)
    silence.leave_out(100.0, 12.0)
    assert silence.seconds(12.0) == 0
    silence.leave_out(-5.0, 20.0)
    assert silence.seconds(20.0) == 8.0


def test_patience_is_longer_while_the_connection_stands():
    assert Silence(2.0).patience(connected=False) == 2.0
    assert Silence(2.0).patience(connected=True) == 2.0 * CONNECTED_PATIENCE
