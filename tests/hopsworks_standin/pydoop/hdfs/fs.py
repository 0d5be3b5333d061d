"""The low-level part of pydoop. The package puts the class ``hdfs`` here."""


def default_is_local():
    return False
