"""Write a table into an Arrow file such that its columns need no copy when the file is mapped."""

from __future__ import annotations

from typing import TYPE_CHECKING, BinaryIO

from maggy.common.exceptions import BadArgumentsError

if TYPE_CHECKING:
    import pyarrow

__all__ = ["map_table", "prepare", "write_table"]

SMALL_OFFSETS = 2**31 - 1
"""Arrow counts the characters of a column, and the items of its lists, in 32 bits up to here."""


def prepare(table: pyarrow.Table) -> pyarrow.Table:
    """Return a table whose columns are in one piece each, so that each is one array in the file.

    Columns of texts and lists that are too large for offsets of 32 bits get such of 64 bits.

    Raises:
        BadArgumentsError: If a column is too large for one array.
    """
    import pyarrow

    fields = [
        # A list has no more items than bytes.
        field.with_type(_widen(field.type)) if column.nbytes > SMALL_OFFSETS else field
        for field, column in zip(table.schema, table.columns, strict=True)
    ]
    try:
        return table.cast(pyarrow.schema(fields)).combine_chunks()
    except (pyarrow.ArrowInvalid, pyarrow.ArrowNotImplementedError) as error:
        raise BadArgumentsError(
            f"Each column of shared data must fit into one array of Arrow, but one does not: "
            f"{error}. The largest columns have "
            f"{', '.join(_largest(table))}. Share fewer rows, or narrower types."
        ) from error


def _largest(table: pyarrow.Table) -> list[str]:
    sizes = sorted(
        ((column.nbytes, field) for field, column in zip(table.schema, table.columns, strict=True)),
        key=lambda pair: -pair[0],
    )
    return [f"{field.name} ({field.type}): {size / 2**30:.1f} GiB" for size, field in sizes[:3]]


def _widen(kind: pyarrow.DataType) -> pyarrow.DataType:
    """Return the type of the same values with offsets of 64 bits, if it has offsets."""
    import pyarrow

    if pyarrow.types.is_string(kind):
        return pyarrow.large_string()
    if pyarrow.types.is_binary(kind):
        return pyarrow.large_binary()
    if pyarrow.types.is_list(kind):
        return pyarrow.large_list(_widen_field(kind.value_field))
    if pyarrow.types.is_fixed_size_list(kind):
        return pyarrow.list_(_widen_field(kind.value_field), kind.list_size)
    if pyarrow.types.is_struct(kind):
        return pyarrow.struct([_widen_field(kind.field(index)) for index in range(kind.num_fields)])
    # A map has more entries than offsets of 32 bits can count only above 2 GiB of numbers.
    if pyarrow.types.is_map(kind):
        return pyarrow.map_(_widen_field(kind.key_field), _widen_field(kind.item_field))
    return kind


def _widen_field(field: pyarrow.Field) -> pyarrow.Field:
    return field.with_type(_widen(field.type))


def write_table(table: pyarrow.Table, file: BinaryIO) -> None:
    """Write a table as an Arrow IPC file, uncompressed, because compressed data cannot be mapped.

    Raises:
        BadArgumentsError: If the format cannot hold a column.
    """
    import pyarrow

    options = pyarrow.ipc.IpcWriteOptions(compression=None)
    try:
        with pyarrow.ipc.new_file(file, table.schema, options=options) as writer:
            writer.write_table(table)
    except (pyarrow.ArrowInvalid, pyarrow.ArrowNotImplementedError) as error:
        kinds = ", ".join(f"{field.name}: {field.type}" for field in table.schema)
        raise BadArgumentsError(
            f"An Arrow file cannot hold this table ({error}). Its columns are {kinds}."
        ) from error


def map_table(path: str) -> pyarrow.Table:
    """Return the table in an Arrow file, mapped to memory: only what is read is loaded.

    The file may be removed while the table is used.
    """
    import pyarrow

    return pyarrow.ipc.open_file(pyarrow.memory_map(path, "r")).read_all()
