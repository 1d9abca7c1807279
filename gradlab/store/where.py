"""Which rows are wanted: conditions on columns, settings and facts."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pyarrow as pa

Where = Mapping[str, Any]
"""Column to a value, a collection of allowed values, or a `slice(start, stop)`: start <= value < stop."""


def holds(condition: Any, value: Any) -> bool:
    """Whether one value, as of a setting, meets a condition; null meets only null."""
    if isinstance(condition, slice):
        return (
            value is not None
            and (condition.start is None or value >= condition.start)
            and (condition.stop is None or value < condition.stop)
        )
    if is_collection(condition):
        return value in condition
    return bool(value == condition)


def is_collection(condition: Any) -> bool:
    """Whether a condition lists allowed values (a tuple is a value: settings hold tuples)."""
    return isinstance(condition, Collection) and not isinstance(condition, str | bytes | tuple)


def select(table: pa.Table, where: Where) -> pa.Table:
    """The rows that meet all conditions; null and NaN meet none."""
    import pyarrow as pa
    import pyarrow.compute as pc

    for name, condition in where.items():
        if isinstance(condition, slice):
            if condition.start is not None:
                table = table.filter(pc.greater_equal(table[name], condition.start))
            if condition.stop is not None:
                table = table.filter(pc.less(table[name], condition.stop))
        elif is_collection(condition):
            table = table.filter(pc.is_in(table[name], pa.array(list(condition), table[name].type)))
        else:
            table = table.filter(pc.equal(table[name], pa.scalar(condition, table[name].type)))
    return table
