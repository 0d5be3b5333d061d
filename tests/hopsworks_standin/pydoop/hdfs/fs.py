"""The low-level part of pydoop; the class ``hdfs`` is put here by the package."""


def default_is_local():
    return False
