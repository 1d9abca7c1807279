"""Which runs belong together, and what a group of them is called."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from gradlab.figures.text import count_of


def with_group(frame: pd.DataFrame, by: Sequence[str]) -> pd.DataFrame:
    """The frame with a `run` column and a categorical column `group`, ordered by the values of its settings.

    Args:
        frame: any table; without a column `run` all rows are one run.
        by: columns (settings such as `model.cell`) whose values make a group; none of them: all runs are one
        group.

    Returns:
        A copy with the two columns; raises ValueError for an unknown column in `by`.
    """
    missing = [name for name in by if name not in frame.columns]
    if missing and len(frame):
        raise ValueError(
            f"expected the columns {missing} to group by, got {list(frame.columns)}; "
            "ask for them with gradlab.reports.load(…, with_settings=…)"
        )
    frame = frame.copy(deep=False)
    if "run" not in frame.columns:
        frame["run"] = "this run"
    if not by or missing:
        runs = frame["run"].unique()
        only = "all runs" if len(runs) != 1 else str(runs[0])
        frame["group"] = pd.Categorical([only] * len(frame), categories=[only])
        return frame
    codes = frame.groupby(list(by), sort=False, dropna=False, observed=True).ngroup().to_numpy()
    firsts = np.unique(codes, return_index=True)[1]
    keys = [tuple(row) for row in frame.iloc[firsts][list(by)].itertuples(index=False, name=None)]
    order = sorted(range(len(keys)), key=lambda i: tuple(_rank(value) for value in keys[i]))
    labels = [_label(by, key) for key in keys]
    names = list(dict.fromkeys(labels[i] for i in order))
    # by number, not by name: a frame may have millions of rows
    place = np.array([names.index(label) for label in labels], dtype=np.intp)
    frame["group"] = pd.Categorical.from_codes(place[codes], dtype=pd.CategoricalDtype(names))
    return frame


def groups_of(data: pd.DataFrame, drawn: int) -> tuple[list[str], str]:
    """The groups to draw, in order, and a note when there are more than can be told apart."""
    if isinstance(data["group"].dtype, pd.CategoricalDtype):
        present = np.unique(data["group"].cat.codes)
        names = [str(data["group"].cat.categories[code]) for code in present if code >= 0]
    else:
        names = [str(name) for name in data["group"].astype(str).unique()]
    if len(names) <= drawn:
        return names, ""
    return names[:drawn], f"the first {drawn} of {count_of(len(names), 'group')}; the table holds all"


def short_name(setting: str) -> str:
    """The last part of a dotted setting; the part before it where the last one is only `name`."""
    parts = setting.split(".")
    return parts[-2] if parts[-1] == "name" and len(parts) > 1 else parts[-1]


def _rank(value: Any) -> tuple[int, float, str]:
    """Numbers by size, then everything else by its letters, then what was not set."""
    if _is_unset(value):
        return (2, 0.0, "")
    if isinstance(value, (bool, np.bool_)):
        return (1, 0.0, str(value))
    if isinstance(value, (int, float, np.number)):
        return (0, float(value), "")
    return (1, 0.0, str(value))


def _label(by: Sequence[str], key: tuple[Any, ...]) -> str:
    """Words speak for themselves; numbers and flags say which setting they are."""
    parts = []
    pairs = list(zip(by, key, strict=True))
    # what a strategy has no setting for, its name has said
    named = {name.removesuffix(".name") for name, value in pairs if name.endswith(".name") and not _is_unset(value)}
    for name, value in pairs:
        short = short_name(name)
        if _is_unset(value) and name.rpartition(".")[0] in named:
            continue
        if _is_unset(value):
            parts.append(f"{short}=none")
        elif isinstance(value, str):
            parts.append(f"no {short}" if value in ("none", "") else value)
        elif isinstance(value, (float, np.floating)):
            parts.append(f"{short}={value:g}")
        else:
            parts.append(f"{short}={value}")
    return " · ".join(parts)


def _is_unset(value: Any) -> bool:
    return value is None or value is pd.NA or (isinstance(value, (float, np.floating)) and np.isnan(value))
