"""Looking after a store: list, verify, repair, prune, merge."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from gradlab.errors import StoreError
from gradlab.store import documents
from gradlab.store.faults import told
from gradlab.store.folder import Folder
from gradlab.store.lock import LOCK
from gradlab.store.names import encode_name
from gradlab.store.parquet import check_part
from gradlab.store.parts import Problem, all_parts, gaps, live_parts
from gradlab.store.reader import Store
from gradlab.store.run import RunInfo
from gradlab.store.table import merge_parts
from gradlab.store.writer import FACTS

DAMAGED = "damaged"
"""Folder inside a run to which `repair` moves what cannot be read; nothing is ever thrown away by it."""


@dataclass(frozen=True, slots=True)
class Listing:
    """One run in a listing."""

    study: str
    run: str
    status: str
    created: str
    tables: dict[str, int]
    """Parts of each table."""
    size: int
    """Bytes of all parts."""


def ls(store: Store, study: str | None = None) -> list[Listing]:
    """Every run with its tables and its size on disk. Raises StoreError for an unknown study."""
    listings = []
    for run in store.runs(study):
        parts = {table: all_parts(run.folder, table) for table in run.tables()}
        size = sum(run.folder.size(part.key) for found in parts.values() for part in found)
        counts = {table: len(found) for table, found in parts.items()}
        listings.append(Listing(run.study, run.id, run.status, str(run.facts.get("created", "")), counts, size))
    return listings


def verify(store: Store) -> list[Problem]:
    """Read everything there is, page by page against its checksums; returns what cannot be read."""
    return store.problems(deep=True)


def repair(store: Store) -> list[str]:
    """Move damaged parts aside, remove what killed writers left, close runs of dead writers as `stopped`.

    Live runs are left alone. Rows in damaged parts are lost, and what is moved stays in the run's folder
    `damaged`. Returns one sentence for each thing that was done.
    """
    done: list[str] = []
    for run in store.runs():
        if run.status == "running":
            continue
        with told("repair the run", run.path):
            done += _repair_parts(run)
            for key in run.folder.leftovers():
                run.folder.remove(key)
                done.append(f"{run.path}/{key}: removed, a killed writer left it")
            done += _close_lost(run)
    return done


def prune(store: Store, unwanted: Callable[[RunInfo], bool]) -> list[str]:
    """Remove the runs for which `unwanted` is true, except live ones; returns their ids."""
    removed = []
    for run in store.runs():
        if run.status != "running" and unwanted(run):
            with told("remove the run", run.path):
                run.remove()
            removed.append(run.id)
    return removed


def unexpected(store: Store) -> Callable[[RunInfo], bool]:
    """For `prune`: runs that their study's grid no longer holds. Runs of no study are never among them."""
    expected = {study.name: set(study.expected) for study in store.studies() if study.expected}
    return lambda run: run.study in expected and run.id not in expected[run.study]


def merge(target: Store, sources: Iterable[Store]) -> list[str]:
    """Copy studies and runs from other stores; runs that are there already or still written are left out.

    A study that both know keeps the target's document, and expects what either of them expects.
    Returns the ids of the runs that were copied.

    Raises:
        StoreError: when something cannot be read or written; the facts are copied last, so that a run is
            whole or is not there.
    """
    copied = []
    for source in sources:
        for study in source.studies():
            _merge_study(target, study.name, source)
        for run in source.runs():
            there = target.folder.sub("/".join(encode_name(name) for name in (run.study, run.id) if name))
            if run.status == "running" or any(entry.name == FACTS for entry in there.entries()):
                continue
            with told("copy the run", run.path):
                _copy(run.folder, there)
            copied.append(run.id)
    return copied


def run_problems(run: RunInfo, deep: bool) -> Iterator[Problem]:
    """What cannot be read in the tables of one run."""
    for table in run.tables():
        parts = live_parts(all_parts(run.folder, table))
        for key in gaps(parts):
            yield Problem(f"{run.path}/{key}", "the part is missing, its rows are left out")
        for part in parts:
            try:
                check_part(run.folder, part, deep)
            except FileNotFoundError:
                continue
            except StoreError as error:
                yield Problem(f"{run.path}/{part.key}", str(error))


def _repair_parts(run: RunInfo) -> Iterator[str]:
    for table in run.tables():
        parts = all_parts(run.folder, table)
        live = live_parts(parts)
        damaged = False
        for part in live:
            try:
                check_part(run.folder, part)
            except StoreError:
                damaged = True
                name = part.key.replace("/", "-")
                run.folder.write(f"{DAMAGED}/{name}", run.folder.read(part.key))
                run.folder.remove(part.key)
                yield f"{run.path}/{part.key}: damaged, moved to {DAMAGED}/{name}"
        if damaged:
            # What a damaged merged part covered may still be there as leftovers: those are live again now.
            live = live_parts(part for part in all_parts(run.folder, table))
        elif leftovers := set(parts) - set(live):
            for part in sorted(leftovers, key=lambda part: part.key):
                run.folder.remove(part.key)
                yield f"{run.path}/{part.key}: removed, a merged part holds its rows"
        if gaps(live):
            last = max(part.last for part in parts)
            merge_parts(run.folder, live, last + 1, first=0)
            yield f"{run.path}/{table}: closed the gap that the lost parts left"


def _close_lost(run: RunInfo) -> Iterator[str]:
    if run.status != "lost":
        return
    if not run.facts:
        yield f"{run.path}: its facts cannot be read; it stays as it is, remove it by hand"
        return
    run.folder.write(FACTS, documents.encode({**run.facts, "status": "stopped"}))
    run.folder.remove(LOCK)
    yield f"{run.path}: its writer is dead, closed as stopped"


def _merge_study(target: Store, name: str, source: Store) -> None:
    theirs = source.study(name)
    known = {study.name: study for study in target.studies()}
    ours = known.get(name, theirs)
    target.write_study(
        name,
        question=ours.question,
        claims=ours.claims,
        axes=ours.axes,
        expected={**ours.expected_configs, **theirs.expected_configs},
        facts=ours.facts,
    )


def _copy(source: Folder, target: Folder) -> None:
    """Copy a run's files, its facts last: a folder without facts is no run."""
    target.make()
    keys = [entry.name for entry in source.entries() if not entry.is_folder and entry.name not in {FACTS, LOCK}]
    for folder in (entry.name for entry in source.entries() if entry.is_folder):
        keys += [f"{folder}/{entry.name}" for entry in source.entries(folder) if not entry.is_folder]
    for key in [*keys, FACTS]:
        target.write(key, source.read(key))
