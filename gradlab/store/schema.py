"""The Arrow schema of each table, made from the catalogue, and the checks on what comes in."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np

from gradlab.errors import StoreError
from gradlab.quantities import AXES, TABLES, Table

if TYPE_CHECKING:
    import pyarrow as pa

SCHEMA_VERSION = 1
"""Goes up when a column changes its name, type or meaning; a new column alone needs no new version."""

MIGRATIONS: dict[int, Callable[[str, pa.Table], pa.Table]] = {}
"""From a version to the next: table name and table as read, to the table of the next version."""

STORED_TABLES = tuple(name for name in TABLES if name != "runs")
"""`runs` is not among them: it is made from the configs and facts of the runs."""

RESOLUTION = 52
"""Bits of a float64's mantissa."""


def declared_table(table: str) -> Table:
    """The catalogue's entry of a table that is stored as Parquet.

    Raises:
        ValueError: for any other name.
    """
    if table not in STORED_TABLES:
        hint = "; its rows are the runs' configs and facts: use annotate()" if table == "runs" else ""
        raise ValueError(f"expected one of the tables {', '.join(STORED_TABLES)}, got {table!r}{hint}")
    return TABLES[table]


@cache
def arrow_schema(table: str) -> pa.Schema:
    """Columns in the catalogue's order; unit, symbol and meaning stand in the metadata of each field."""
    import pyarrow as pa

    types = {"real": pa.float64(), "count": pa.int64(), "flag": pa.bool_(), "text": pa.string()}
    declared = declared_table(table)
    fields = [
        pa.field(
            axis.name,
            types[axis.kind],
            nullable=False,
            metadata={"label": axis.label, "meaning": axis.meaning},
        )
        for axis in (AXES[name] for name in declared.axes)
    ] + [
        pa.field(
            quantity.name,
            types[quantity.kind],
            metadata={"symbol": quantity.symbol, "unit": quantity.unit, "meaning": quantity.meaning},
        )
        for quantity in declared.quantities
    ]
    return pa.schema(fields, metadata={"gradlab.table": table, "gradlab.schema": str(SCHEMA_VERSION)})


def check_columns(table: str, columns: Mapping[str, Any]) -> int:
    """Check that columns fit the catalogue, and return the number of rows.

    Raises:
        ValueError: for an unknown table or column, a missing axis, or columns of unequal length.
    """
    declared = declared_table(table)
    known = arrow_schema(table).names
    unknown = [name for name in columns if name not in known]
    missing = [axis for axis in declared.axes if axis not in columns]
    if unknown or missing:
        raise ValueError(
            f"table {table!r}: expected the axes {declared.axes} and quantities of the catalogue; "
            f"got unknown columns {unknown}, missing axes {missing}"
        )
    shapes = {name: np.shape(column) for name, column in columns.items()}
    if any(len(shape) != 1 for shape in shapes.values()) or len(set(shapes.values())) > 1:
        raise ValueError(f"table {table!r}: expected one-dimensional columns of one length, got shapes {shapes}")
    return int(next(iter(shapes.values()))[0])


def to_arrow(table: str, columns: Mapping[str, Any], resolution: int = RESOLUTION) -> pa.Table:
    """Checked columns as an Arrow table of the whole schema, copied; absent columns and masked entries become null.

    NaN and infinities stay what they are in real columns; in columns of counts and flags NaN means "not
    measured".

    Raises:
        ValueError: naming table and column, for values that are not of the column's kind.
    """
    import pyarrow as pa

    rows = check_columns(table, columns)
    schema = arrow_schema(table)
    arrays = []
    for field in schema:
        if field.name not in columns:
            arrays.append(pa.nulls(rows, field.type))
            continue
        try:
            given = columns[field.name]
            array = _to_array(np.ma.getdata(given) if np.ma.isMA(given) else np.asarray(given), field.type, resolution)
            array = _masked(array, given)
        except (ValueError, TypeError, OverflowError, pa.ArrowException) as error:
            raise ValueError(
                f"table {table!r}, column {field.name!r}: expected {field.type} values: {error}"
            ) from error
        if array.null_count and not field.nullable:
            raise ValueError(f"table {table!r}, axis {field.name!r}: expected a value in every row, got nulls")
        arrays.append(array)
    return pa.Table.from_arrays(arrays, schema=schema)


def version_of(schema: pa.Schema, where: str) -> int:
    """The schema version of a part.

    Raises:
        StoreError: when no version that this gradlab can read wrote it.
    """
    version = int((schema.metadata or {}).get(b"gradlab.schema", b"-1"))
    if version != SCHEMA_VERSION and version not in MIGRATIONS:
        raise StoreError(
            f"{where}: expected schema version {SCHEMA_VERSION} or older, got {version}; "
            "read it with the version of gradlab that wrote it, or a later one"
        )
    return version


def migrate(table: str, found: pa.Table, where: str) -> pa.Table:
    """A table as it was read, whole or in part, with the names and types of today.

    Raises:
        StoreError: when a later gradlab wrote it, or when its columns are not those of its version (damage).
    """
    version = version_of(found.schema, where)
    while version < SCHEMA_VERSION:
        found = MIGRATIONS[version](table, found)
        version += 1
    check_fields(table, found.schema, where)
    return found


def check_fields(table: str, held: pa.Schema, where: str) -> None:
    """Check that all columns are the table's, as of today; of text, a dictionary's numbers do as well.

    Raises:
        StoreError: naming those that are not (damage).
    """
    import pyarrow as pa

    types = _types(table)
    strange = []
    for field in held:
        kind = field.type.value_type if isinstance(field.type, pa.DictionaryType) else field.type
        if types.get(field.name) != kind:
            strange.append(field.name)
    if strange or (held.metadata or {}).get(b"gradlab.table", table.encode()) != table.encode():
        raise StoreError(f"{where}: its columns are not those of table {table!r} ({', '.join(strange)}); it is damaged")


@cache
def _types(table: str) -> dict[str, pa.DataType]:
    return {field.name: field.type for field in arrow_schema(table)}


def _to_array(values: np.ndarray, kind: pa.DataType, resolution: int) -> pa.Array:
    import pyarrow as pa

    if values.dtype == object:
        return pa.array(values.tolist(), kind, from_pandas=False)
    if pa.types.is_string(kind):
        if values.dtype.kind not in "U" and values.size:
            raise ValueError(f"got {values.dtype} values")
        return pa.array(values if values.size else [], kind)
    if values.dtype.kind not in "fiub":
        raise ValueError(f"got {values.dtype} values")
    if pa.types.is_floating(kind):
        real = np.array(values, dtype=np.float64)
        return pa.array(round_mantissa(real, resolution) if resolution < RESOLUTION else real)
    if values.dtype == np.int64 and pa.types.is_integer(kind):
        return pa.array(values.copy())
    absent = np.isnan(values) if values.dtype.kind == "f" else None
    whole = np.where(absent, 0, values) if absent is not None else values
    target = np.bool_ if pa.types.is_boolean(kind) else np.int64
    converted: np.ndarray = whole.astype(target)
    if not np.array_equal(converted, whole):
        raise ValueError(f"got {values.dtype} values that are not of this kind")
    return pa.array(converted, kind, mask=absent)


def _masked(array: pa.Array, given: Any) -> pa.Array:
    """The same with null where a `numpy.ma.MaskedArray` says that nothing was measured."""
    import pyarrow as pa
    import pyarrow.compute as pc

    if not np.ma.is_masked(given):
        return array
    return pc.if_else(pa.array(np.ma.getmaskarray(given)), pa.scalar(None, array.type), array)


def round_mantissa(values: np.ndarray, resolution: int) -> np.ndarray:
    """Float64 values rounded to so many bits of mantissa (nearest, ties away); range, NaN and ±inf stay.

    The freed bits are zero and compress to nothing; a float32 would also lose range, where gradients vanish.
    """
    if not 1 <= resolution <= RESOLUTION:
        raise ValueError(f"expected 1 to {RESOLUTION} bits of mantissa, got {resolution}")
    dropped = np.uint64(RESOLUTION - resolution)
    bits = values.view(np.uint64)
    half = np.uint64(1) << (dropped - np.uint64(1)) if dropped else np.uint64(0)
    rounded = ((bits + half) >> dropped << dropped).view(np.float64)
    # The largest finite numbers would round to infinity: they stay as they are.
    return np.where(np.isfinite(values) & np.isfinite(rounded), rounded, values)
