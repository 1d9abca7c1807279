"""The table `runs`: one row a run, its settings and its facts side by side."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from gradlab.quantities import RUNS
from gradlab.store.run import RunInfo

if TYPE_CHECKING:
    import pandas as pd

_CATALOGUE = RUNS.columns
_BOOKKEEPING = frozenset({"schema", "pid", "host", "opened", "traceback"})
"""Facts that are about the writing and not about the run."""


def runs_frame(runs: Sequence[RunInfo]) -> pd.DataFrame:
    """`run`, `study`, `status`, then every setting by its dotted key, then the facts.

    A setting that has the name of a fact appears as `config.<name>`. Facts that are lists or mappings are
    left out.
    """
    import pandas as pd

    facts = [_scalars(run.facts) for run in runs]
    settings = [run.settings for run in runs]
    known = dict.fromkeys(_CATALOGUE)
    for row in facts:
        known.update(dict.fromkeys(row))
    data: dict[str, pd.Series] = {
        "run": _column([run.id for run in runs]),
        "study": _column([run.study for run in runs]),
        "status": _column([run.status for run in runs]),
    }
    for key in dict.fromkeys(key for row in settings for key in row):
        data[f"config.{key}" if key in known else key] = _column([row.get(key) for row in settings])
    for key in known:
        if key not in data:
            real = key in _CATALOGUE and RUNS[key].kind == "real"
            data[key] = _column([row.get(key) for row in facts], real)
    return pd.DataFrame(data)


def _scalars(facts: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in facts.items() if key not in _BOOKKEEPING and type(value) not in (list, dict)}


def _column(values: list[Any], real: bool = False) -> pd.Series:
    """Real facts are float64 even where none is known; everything else is as pandas infers it."""
    import pandas as pd

    if real and all(value is None or isinstance(value, int | float) for value in values):
        return pd.Series(values, dtype="float64")
    return pd.Series(values, dtype=None if values else object)
