"""Texts for others name no user and no password."""

import pytest

from maggy.common.credentials import without_credentials


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("s3://key:se/cr@et@bucket/logs", "s3://***@bucket/logs"),
        (
            "abfs://container@account/x?sig=secret&x=1 is wrong",
            "abfs://container@account/x?*** is wrong",
        ),
        ("abfs://container:secret@account/x", "abfs://***@account/x"),
        ("hdfs://namenode/users/me@example.org", "hdfs://namenode/users/me@example.org"),
        ("s3://key:12/cr@et@bucket", "s3://***@bucket"),
        ("https://host/x?", "https://host/x?"),
        ("hdfs://namenode:8020/logs", "hdfs://namenode:8020/logs"),
        ("write to me@example.org", "write to me@example.org"),
    ],
)
def test_no_url_shows_a_user_a_password_or_a_query(text, shown):
    assert without_credentials(text) == shown
