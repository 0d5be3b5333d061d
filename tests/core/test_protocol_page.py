"""The tables of the page on the protocol are those of the code."""

import re
from pathlib import Path
from typing import get_args

import msgspec
import pytest

from maggy.core.messages import DriverMessage, Report, WorkerMessage
from maggy.core.rpc.encoding import MAX_MESSAGE_BYTES

TEXT = (Path(__file__).parents[2] / "docs" / "inside" / "protocol.md").read_text(encoding="utf-8")
OPTIONAL = {"times", "checkpoints"}
"""Fields of all reports that each kind declares itself, because they have defaults."""


def fields_of(kind):
    return {field.name for field in msgspec.structs.fields(kind)}


def table_of(title):
    """Return the fields of each message in the table below a heading, by its name."""
    section = TEXT.split(f"## {title}\n")[1].split("\n## ")[0]
    rows = re.findall(r"^\| `(\w+)` \| ([^|]*) \|", section, re.MULTILINE)
    return dict(rows)


@pytest.mark.parametrize(
    ("title", "kinds"),
    [("What a worker sends", WorkerMessage), ("What the driver sends", DriverMessage)],
)
def test_the_page_has_every_message_with_its_fields(title, kinds):
    table = table_of(title)
    assert set(table) == {kind.__name__ for kind in get_args(kinds)}
    for kind in get_args(kinds):
        fields = set(re.findall(r"`(\w+)`", table[kind.__name__]))
        if issubclass(kind, Report):
            assert "those of a report" in table[kind.__name__]
            fields |= fields_of(Report) | OPTIONAL
        assert fields == fields_of(kind), kind


def test_the_page_names_the_fields_of_a_report():
    (sentence,) = re.findall(r"^The fields of a report are (.*)\.$", TEXT, re.MULTILINE)
    assert set(re.findall(r"`(\w+)`", sentence)) == fields_of(Report) | OPTIONAL


def test_every_message_of_a_worker_has_an_answer_on_the_page():
    section = TEXT.split("## Who speaks when\n")[1].split("\n## ")[0]
    rows = re.findall(r"^\| (`[^|]*) \| (`[^|]*) \|$", section, re.MULTILINE)
    senders = [name for sender, _ in rows for name in re.findall(r"`(\w+)`", sender)]
    answers = {name for _, answer in rows for name in re.findall(r"`(\w+)`", answer)}
    assert sorted(senders) == sorted(kind.__name__ for kind in get_args(WorkerMessage))
    assert answers == {kind.__name__ for kind in get_args(DriverMessage)}


def test_the_page_names_the_largest_message():
    assert f"more than {MAX_MESSAGE_BYTES // 2**20} MiB is refused" in TEXT
