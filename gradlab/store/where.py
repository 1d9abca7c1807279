"""Which rows are wanted: conditions on columns, settings and facts."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from enum import Enum
from functools import reduce
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pyarrow as pa

Where = Mapping[str, Any]
"""Column to a value, a collection of allowed values, or a `slice(start, stop)`: start <= value < stop; of a table's
first axis also `LAST`."""


class Last(Enum):
    """The type of `LAST`."""

    LAST = "last"


LAST = Last.LAST
"""As a condition on a table's first axis: the value of the row recorded last, found without reading the rest."""


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


def matching(table: pa.Table, where: Where) -> pa.ChunkedArray:
    """Of each row whether it meets all conditions; null counts as no, and null and NaN meet none."""
    import pyarrow as pa
    import pyarrow.compute as pc

    fits = [pa.chunked_array([pa.repeat(True, table.num_rows)])]
    for name, condition in where.items():
        column = table[name]
        if isinstance(condition, slice):
            fits += [pc.greater_equal(column, condition.start)] if condition.start is not None else []
            fits += [pc.less(column, condition.stop)] if condition.stop is not None else []
        elif is_collection(condition):
            fits.append(pc.is_in(column, pa.array(list(condition), column.type)))
        else:
            fits.append(pc.equal(column, pa.scalar(condition, column.type)))
    return reduce(pc.and_, fits)
