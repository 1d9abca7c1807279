"""Which runs a report is about."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any

from gradlab.quantities import RUNS
from gradlab.store.names import nearest
from gradlab.store.reader import Store
from gradlab.store.run import RunInfo
from gradlab.store.where import LAST, Where, holds

AnyStore = Store | str | os.PathLike[str]
Studies = str | Sequence[str] | None
Runs = str | RunInfo | Sequence[str | RunInfo] | None


def opened(store: AnyStore) -> Store:
    """The store, opened where an address was given."""
    return store if isinstance(store, Store) else Store(store)


def chosen(store: AnyStore, study: Studies, runs: Runs, where: Where) -> list[RunInfo]:
    """The runs of these studies (all, unless told), or just these, filtered by settings and facts.

    Raises:
        StoreError: for an unknown study or run.
        ValueError: for a condition on something that is neither a setting nor a fact of any run, and for LAST.
    """
    store = opened(store)
    if runs is not None:
        listed = [runs] if isinstance(runs, str | RunInfo) else list(runs)
        found = [run if isinstance(run, RunInfo) else store.run(run) for run in listed]
    elif study is None or isinstance(study, str):
        found = store.runs(study)
    else:
        found = [run for name in study for run in store.runs(name)]
    for key, condition in where.items():
        check_key(found, key)
        if condition is LAST:
            raise ValueError(f"expected LAST for the first axis of a table only, got it for {key!r}")
    return [run for run in found if all(holds(condition, value_of(run, key)) for key, condition in where.items())]


def check_key(runs: Sequence[RunInfo], key: str) -> None:
    """Raise ValueError with the nearest known name when no run has such a setting or fact."""
    if runs and key not in RUNS.columns and not any(key in run.settings or key in run.facts for run in runs):
        known = sorted({name for run in runs for name in run.settings})
        raise ValueError(f"expected a column of the table or a setting, got {key!r}{nearest(key, known)}")


def value_of(run: RunInfo, key: str) -> Any:
    """A setting or a fact of a run; None when it has none of that name."""
    if key in ("run", "study", "status"):
        return run.id if key == "run" else run.study if key == "study" else run.status
    return run.settings[key] if key in run.settings else run.facts.get(key)
