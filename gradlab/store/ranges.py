"""Which training steps the row groups of a part hold, as this process has read it before: a part never changes."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from typing import Any

from gradlab.store.where import is_collection

Range = tuple[Any, Any]
"""The smallest and the largest value of a table's first axis."""
_MOST = 100_000
_KNOWN: dict[Hashable, dict[int, Range]] = {}
"""File to row group to its range; never from Parquet's own statistics, which nothing guards against flipped bits."""


def note(file: Hashable, groups: Mapping[int, Range]) -> None:
    """Remember what was read of a part."""
    if len(_KNOWN) >= _MOST:
        _KNOWN.clear()
    _KNOWN[file] = dict(groups)


def candidates(file: Hashable, condition: Any) -> list[int] | None:
    """The row groups that may hold a value which meets a condition; None where that is not known."""
    if file not in _KNOWN:
        return None
    return [group for group, bounds in _KNOWN[file].items() if may_hold(bounds, condition)]


def may_hold(bounds: Range, condition: Any) -> bool:
    """Whether some value within the range, its ends among them, meets a condition; true for one of another kind."""
    low, high = bounds
    try:
        if isinstance(condition, slice):
            return (condition.start is None or condition.start <= high) and (
                condition.stop is None or condition.stop > low
            )
        wanted = condition if is_collection(condition) else [condition]
        return any(low <= value <= high for value in wanted)
    except TypeError:
        return True
