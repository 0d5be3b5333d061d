"""How tables write numbers."""

import pytest

from maggy.result.numbers import format_column, format_seconds


@pytest.mark.parametrize(
    ("numbers", "texts"),
    [
        ([], []),
        ([None], [""]),
        ([0.0, 0.0], ["0", "0"]),
        ([0.25, 0.5, 0.75], ["0.25", "0.50", "0.75"]),
        ([10.0, 200.0], ["10", "200"]),
        ([0.91234567, 0.123456789], ["0.9123", "0.1235"]),
        ([1234.5678, 0.5], ["1234.6", "0.5"]),
        ([-0.25, 0.125], ["-0.250", "0.125"]),
        # One that has diverged does not spoil the others.
        ([0.5, 0.25, 0.75, 2.5e30], ["0.50", "0.25", "0.75", "2.500e+30"]),
        ([0.5, 0.25, 0.75, 3e-9], ["0.50", "0.25", "0.75", "3.000e-09"]),
        # Where many need an exponent, all of them have one.
        ([1e-5, 1e-6, 0.1], ["1.000e-05", "1.000e-06", "1.000e-01"]),
        ([3_000_000.0], ["3.000e+06"]),
        ([0.9, 0.5, 2.5e30], ["0.9", "0.5", "2.500e+30"]),
    ],
)
def test_the_numbers_of_a_column_have_the_same_decimals(numbers, texts):
    assert format_column(numbers) == texts


def test_differences_have_a_sign():
    assert format_column([0.25, -0.5, 0.0, None], sign=True) == ["+0.25", "-0.50", "+0.00", ""]


def test_numbers_that_spread_over_many_magnitudes_keep_their_digits():
    rates = [2.1e-05, 3.4e-05, 0.00013, 0.00058, 0.0036, 0.01166, 0.03211, 0.14691]
    assert format_column(rates)[:2] == ["2.100e-05", "3.400e-05"]
    assert format_column(rates)[-1] == "1.469e-01"


def test_a_trial_that_has_diverged_takes_no_digits_from_the_others():
    texts = format_column([0.91234, 0.5, -999999.5, 0.8, 0.75, 0.6, 0.25, 0.7])
    assert texts[:4] == ["0.9123", "0.5000", "-1.000e+06", "0.8000"]
    assert format_column([1.0, 2.0, 5000.0]) == ["1", "2", "5000"]


def test_one_small_number_of_many_does_not_lengthen_the_others():
    numbers = [0.001816, *(0.1 + index / 37 for index in range(20))]
    assert format_column(numbers)[:2] == ["0.0018", "0.1000"]


def test_infinite_numbers_are_written_too():
    assert format_column([float("inf"), 0.5]) == ["inf", "0.5"]


@pytest.mark.parametrize(
    ("durations", "texts"),
    [
        ([12, None], ["0.012", ""]),
        ([1234, 900], ["1.23", "0.90"]),
        ([65_000, 900], ["65.0", "0.9"]),
        ([], []),
    ],
)
def test_durations_are_in_seconds(durations, texts):
    assert format_seconds(durations) == texts
