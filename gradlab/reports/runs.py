"""The table `runs`: one row a run, its settings and its facts side by side."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from gradlab.quantities import RUNS
from gradlab.store.run import RunInfo

if TYPE_CHECKING:
    import pandas as pd

_BOOKKEEPING = frozenset({"schema", "pid", "host", "opened", "traceback"})
"""Facts that are about the writing and not about the run."""


def runs_frame(runs: Sequence[RunInfo]) -> pd.DataFrame:
    """`run`, `study`, `status`, then every setting by its dotted key, then the facts.

    A setting that has the name of a fact appears as `config.<name>`. Facts that are lists or mappings are
    left out.
    """
    import pandas as pd

    head = ("run", "study", "status")
    rows = [_row(run) for run in runs]
    settings = dict.fromkeys(key for row, _ in rows for key in row)
    others = dict.fromkeys(key for _, facts in rows for key in facts if key not in RUNS.columns)
    columns = [*head, *settings, *(name for name in RUNS.columns if name not in head), *others]
    data: dict[str, list[Any]] = {name: [] for name in columns}
    for run, (row, facts) in zip(runs, rows, strict=True):
        values = {**row, **facts, "run": run.id, "study": run.study, "status": run.status}
        for name in columns:
            data[name].append(values.get(name))
    return pd.DataFrame({name: _column(name, values) for name, values in data.items()})


def _row(run: RunInfo) -> tuple[dict[str, Any], dict[str, Any]]:
    facts = {
        key: value
        for key, value in run.facts.items()
        if key not in _BOOKKEEPING and not isinstance(value, list | dict)
    }
    taken = {*RUNS.columns, *facts}
    return {f"config.{key}" if key in taken else key: value for key, value in run.settings.items()}, facts


def _column(name: str, values: list[Any]) -> pd.Series:
    """Real facts are float64 even where none is known; everything else is as pandas infers it."""
    import pandas as pd

    real = name in RUNS.columns and name != "run" and RUNS[name].kind == "real"
    numbers = all(value is None or isinstance(value, int | float) for value in values)
    return (
        pd.Series(values, dtype="float64")
        if real and numbers
        else pd.Series(values, dtype=None if values else object)
    )
