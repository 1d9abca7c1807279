"""Where the settings of runs, or of groups of runs, differ: a row a setting, a column a run or group."""

from collections.abc import Mapping, Sequence

import pandas as pd

from dashboards.components.figure import write_table
from dashboards.components.text import write_grid, write_text
from gradlab.reports.groups import is_seed, value_text
from gradlab.store import RunInfo

_VALUES = 6
"""So many values of a setting are named in a cell."""


def differences(members: Mapping[str, Sequence[RunInfo]], *, seeds: bool = False) -> pd.DataFrame:
    """Settings whose values differ between the columns, or within one of them.

    Args:
        members: name of a column → its runs.
        seeds: whether seeds are settings, too.

    Returns:
        A column `setting`, and one of each name; empty where nothing differs.
    """
    keys = dict.fromkeys(key for runs in members.values() for run in runs for key in run.settings)
    rows = []
    for key in keys:
        if is_seed(key) and not seeds:
            continue
        values = {name: _values(runs, key) for name, runs in members.items()}
        if len(set(values.values())) > 1 or any(len(each) > 1 for each in values.values()):
            rows.append({"setting": key, **{name: _told(each) for name, each in values.items()}})
    return pd.DataFrame(rows, columns=["setting", *members])


def write_differences(frame: pd.DataFrame, otherwise: str) -> None:
    """The table, or a word where there is nothing in it."""
    if not len(frame):
        write_text(otherwise, "small")
        return
    write_grid(frame, "Settings that differ.")
    write_table(frame, "differences")


def _values(runs: Sequence[RunInfo], key: str) -> tuple[str, ...]:
    """What a setting is in these runs, `–` where it is not set."""
    return tuple(dict.fromkeys(value_text(run.settings[key]) if key in run.settings else "–" for run in runs))


def _told(values: Sequence[str]) -> str:
    return ", ".join(values[:_VALUES]) + (", …" if len(values) > _VALUES else "")
