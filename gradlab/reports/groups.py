"""Runs grouped by what their study varies, the seed aside, with a name for each group."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from gradlab.store.run import RunInfo

_ABSENT = object()


@dataclass(frozen=True, slots=True)
class Grouping:
    """Which settings tell the groups apart, and the runs of each group, in the order of the grid."""

    keys: tuple[str, ...]
    """Dotted settings that vary and are no seed."""
    groups: dict[str, list[RunInfo]]
    """Label to runs, such as `cell lstm, clipping none`; one group `all runs` when nothing varies."""


def grouping(runs: Sequence[RunInfo], axes: Sequence[str] = ()) -> Grouping:
    """Group runs by the axes of their study; without axes, by every setting that varies.

    An axis may be a whole group of settings, such as `training.clipping`: then the settings below it count.
    """
    keys = [key for key in dict.fromkeys(key for run in runs for key in run.settings) if not is_seed(key)]
    if axes:
        keys = [key for axis in axes for key in keys if key == axis or key.startswith(f"{axis}.")]
    values = {key: {repr(run.settings.get(key, _ABSENT)) for run in runs} for key in keys}
    varying = tuple(key for key in keys if len(values[key]) > 1)
    words = {key: _word(key, varying) for key in varying}
    groups: dict[str, list[RunInfo]] = {}
    for run in runs:
        # A key that this run has not is said by another: `clipping: null` against `clipping.name: norm`.
        said = (key for key in varying if key in run.settings)
        parts = [f"{words[key]} {value_text(run.settings[key])}" for key in said]
        groups.setdefault(", ".join(parts) or "all runs", []).append(run)
    return Grouping(varying, groups)


def is_seed(key: str) -> bool:
    """Whether a setting only repeats a run with other random numbers."""
    return key.rpartition(".")[2] == "seed"


def value_text(value: Any) -> str:
    """A setting's value for people: `none` for null, short numbers."""
    if value is None:
        return "none"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:.12g}" if isinstance(value, float) else str(value)


def _word(key: str, keys: Sequence[str]) -> str:
    """The last word of a dotted key, or the one before it where the last is `name` or would not be unique."""
    parts = key.split(".")
    if parts[-1] == "name" and len(parts) > 1:
        return parts[-2]
    same = [other for other in keys if other.rpartition(".")[2] == parts[-1]]
    return ".".join(parts[-2:]) if len(same) > 1 else parts[-1].replace("_", " ")
