"""Runs on disk or at any address that fsspec opens: Parquet parts, readable while they are written.

A store is a folder of studies and of runs by themselves; a run is a folder that holds `facts.json`:

    <store>/<study>/study.json                      question, claims, axes, the runs that the grid expects
    <store>/<study>/<run id>/config.json            the resolved settings
    <store>/<study>/<run id>/facts.json             status, seconds, versions, … (NaN as {"$float": "nan"})
    <store>/<study>/<run id>/<table>/part-*.parquet
    <store>/<study>/<run id>/artifacts/             checkpoints, samples
    <store>/<study>/<run id>/lock.json              who writes it, while somebody does
"""

from typing import TYPE_CHECKING

import lazy_loader

if TYPE_CHECKING:
    from gradlab.store.identity import flatten, run_id
    from gradlab.store.parts import Problem
    from gradlab.store.reader import Store
    from gradlab.store.run import RunInfo
    from gradlab.store.study import StudyInfo
    from gradlab.store.upkeep import Listing, ls, merge, prune, repair, unexpected, verify
    from gradlab.store.where import LAST
    from gradlab.store.writer import RunWriter

__all__ = [
    "LAST",
    "Listing",
    "Problem",
    "RunInfo",
    "RunWriter",
    "Store",
    "StudyInfo",
    "flatten",
    "ls",
    "merge",
    "prune",
    "repair",
    "run_id",
    "unexpected",
    "verify",
]

__getattr__, __dir__, _ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "identity": ["flatten", "run_id"],
        "parts": ["Problem"],
        "reader": ["Store"],
        "run": ["RunInfo"],
        "study": ["StudyInfo"],
        "upkeep": ["Listing", "ls", "merge", "prune", "repair", "unexpected", "verify"],
        "where": ["LAST"],
        "writer": ["RunWriter"],
    },
)
