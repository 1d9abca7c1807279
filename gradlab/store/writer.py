"""`RunWriter`: the sink that writes one run to a store; what was flushed survives the process."""

from __future__ import annotations

import itertools
import math
import os
import socket
import threading
import time
import traceback
from collections.abc import Mapping
from contextlib import suppress
from datetime import UTC, datetime
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from gradlab.errors import StoreError
from gradlab.store import artifacts, documents
from gradlab.store.faults import told
from gradlab.store.folder import open_folder
from gradlab.store.lock import RunLock
from gradlab.store.parquet import write_part
from gradlab.store.parts import Part, all_parts, live_parts
from gradlab.store.schema import RESOLUTION, SCHEMA_VERSION, STORED_TABLES, declared_table, to_arrow
from gradlab.store.table import merge_parts, read_table

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

CONFIG = "config.json"
FACTS = "facts.json"
STATUSES = ("finished", "stopped", "failed")
_MERGE_AT = 32
"""So many parts of like span are merged while the run goes on: readers open few files, and a row is copied
once for every factor of 32 in the number of flushes."""

_LARGE_ROWS = 2**15
"""Parts of so many rows on average are left as they are at the end: merging would double the work."""


class RunWriter:
    """Writes one run: rows of the catalogue's tables, facts, artifacts.

    Implements `gradlab.recording.sink.ReadableSink`. Rows wait in memory until `flush`, which happens by itself when
    `buffer_rows` wait or `flush_seconds` have passed; after it they survive SIGKILL and, on a disk, loss of
    power. Usable from several threads. As a context manager it closes itself: `finished`, `stopped` after
    Ctrl-C, `failed` (with the traceback among the facts) after another error.

    Args:
        address: the run's own folder, such as `runs/mine` or `memory://runs/study/run`; its last name is the
            run's id.
        config: the resolved settings, nested.
        resume: go on with a run that was stopped, failed or killed; starts one where there is none.
        buffer_rows: how many rows may wait in memory.
        flush_seconds: how long rows may wait in memory while `write` is called.
        resolution: bits of mantissa that real numbers keep, of 52; fewer make smaller files.

    Raises:
        StoreError: when the run exists (without `resume`), is finished, has another config, is being written
            by another live writer, or the folder cannot be written.
    """

    def __init__(
        self,
        address: str | os.PathLike[str],
        *,
        config: Mapping[str, Any] | None = None,
        resume: bool = False,
        buffer_rows: int = 65_536,
        flush_seconds: float = 5.0,
        resolution: int = RESOLUTION,
    ) -> None:
        if buffer_rows < 1 or flush_seconds < 0 or not 1 <= resolution <= RESOLUTION:
            raise ValueError(
                f"expected buffer_rows >= 1, flush_seconds >= 0 and resolution from 1 to {RESOLUTION}, "
                f"got {buffer_rows}, {flush_seconds} and {resolution}"
            )
        self._folder = open_folder(address)
        self._buffer_rows, self._flush_seconds, self._resolution = buffer_rows, flush_seconds, resolution
        self._waiting: dict[str, list[pa.Table]] = {}
        self._waiting_rows = 0
        self._parts: dict[str, list[Part]] = {}
        self._next: dict[str, int] = {}
        self._rows: dict[str, int] = {}
        self._thread_lock = threading.RLock()
        self._opened = self._flushed = time.monotonic()
        self._status: str | None = None
        self._facts_changed = False
        self._lock = RunLock(self._folder)
        with told("open the run for writing", self.address):
            self._folder.make()
            self._lock.acquire()
            try:
                self._facts = self._begin(config, resume)
            except BaseException:
                self._lock.release()
                raise

    @property
    def address(self) -> str:
        """Where the run is written."""
        return self._folder.address

    @property
    def facts(self) -> dict[str, Any]:
        """The facts so far, a copy."""
        with self._thread_lock:
            return dict(self._facts)

    def write(self, table: str, columns: Mapping[str, Any]) -> None:
        """Append rows to a table; the columns are copied.

        Raises:
            ValueError: when they do not fit the catalogue.
            StoreError: when the run is closed, or a flush that fell due failed. The rows wait, and the next
                flush tries again.
        """
        rows = to_arrow(table, columns, self._resolution)
        with self._thread_lock:
            self._check_open()
            if rows.num_rows:
                self._waiting.setdefault(table, []).append(rows)
                self._waiting_rows += rows.num_rows
            overdue = time.monotonic() - self._flushed >= self._flush_seconds
            if self._waiting_rows >= self._buffer_rows or overdue:
                self.flush()

    def annotate(self, **facts: Any) -> None:
        """Add or replace facts; they are on disk after the next flush.

        Raises:
            ValueError: naming a fact that JSON cannot hold.
            StoreError: when the run is closed.
        """
        documents.plain(facts)
        with self._thread_lock:
            self._check_open()
            self._facts.update(facts)
            self._facts_changed = True

    def flush(self) -> None:
        """Make everything written so far durable and visible to readers.

        Raises StoreError when that fails; what could not be written waits for the next try.
        """
        with self._thread_lock:
            self._flush_rows(with_facts=self._facts_changed)

    def tables(self) -> tuple[str, ...]:
        """Names of the tables that have rows which were flushed, in the catalogue's order."""
        return tuple(table for table in STORED_TABLES if all_parts(self._folder, table))

    def frame(self, table: str) -> pd.DataFrame:
        """All rows of one table that were flushed, also those of earlier processes, as pandas.

        What was not measured is NaN, or None in flags and text. Raises StoreError when a part cannot be read.
        """
        declared_table(table)
        found, problems = read_table(self._folder, table)
        if problems:
            raise StoreError(f"cannot read the table {table!r}: {problems[0]}; run verify and repair on the store")
        return found.to_pandas()

    def truncate(self, step: int) -> None:
        """Drop all rows from this training step on, in every table, so that a checkpoint can be resumed from.

        Raises StoreError when a part is damaged or cannot be written.
        """
        with self._thread_lock:
            self.flush()
            for table in STORED_TABLES:
                parts = self._parts.get(table, [])
                if not parts or "step" not in declared_table(table).axes:
                    continue
                dropped, problems = read_table(self._folder, table, ["step"], {"step": slice(step, None)})
                if problems:
                    raise StoreError(f"cannot drop rows: {problems[0]}; run verify and repair on the store")
                if dropped.num_rows:
                    self._merge(table, where={"step": slice(None, step)})

    def write_artifact(self, name: str, data: bytes) -> None:
        """Keep a file beside the tables, such as a checkpoint; one of the same name is replaced at once.

        Raises StoreError when it cannot be written, ValueError for a name that is empty or too long.
        """
        with self._thread_lock, told(f"write the artifact {name!r}", self.address):
            self._check_open()
            self._lock.check()
            artifacts.write(self._folder, name, data)

    def read_artifact(self, name: str) -> bytes:
        """An artifact's bytes; raises StoreError naming those there are when it is not among them."""
        return artifacts.read(self._folder, name)

    def remove_artifact(self, name: str) -> None:
        """Remove an artifact; no error when there is none."""
        with told(f"remove the artifact {name!r}", self.address):
            artifacts.remove(self._folder, name)

    def artifacts(self) -> list[str]:
        """Names of the artifacts, sorted."""
        return artifacts.names(self._folder)

    def close(self, status: str) -> None:
        """Flush, merge small parts of each table into one, and end with `finished`, `stopped` or `failed`.

        Raises:
            ValueError: for another status.
            StoreError: when something cannot be written; closing may then be tried again.
        """
        if status not in STATUSES:
            raise ValueError(f"expected one of {', '.join(STATUSES)}, got {status!r}")
        with self._thread_lock:
            if self._status is not None:
                return
            self._flush_rows(with_facts=False)
            for table, parts in self._parts.items():
                if len(parts) > 1 and self._rows.get(table, 0) < _LARGE_ROWS * len(parts):
                    # A damaged part must not take the run's end with it: readers name it, repair deals with
                    # it.
                    with suppress(StoreError):
                        self._merge(table)
            self._facts["seconds"] = self._facts.get("seconds", time.monotonic() - self._opened)
            self._facts["status"] = status
            self._write_facts()
            self._status = status
            with suppress(OSError):
                self._lock.release()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._status is not None:
            return
        if error is None:
            self.close("finished")
            return
        stopped = isinstance(error, KeyboardInterrupt)
        # The error inside the block is the one to report; a store that fails as well must not hide it.
        with suppress(StoreError):
            if not stopped:
                self.annotate(traceback="".join(traceback.format_exception(kind, error, trace)))
            self.close("stopped" if stopped else "failed")

    def _begin(self, config: Mapping[str, Any] | None, resume: bool) -> dict[str, Any]:
        """Write the first documents of a new run, or read those of one that goes on; the lock is held."""
        now = datetime.now(UTC).isoformat(timespec="seconds")
        here = {"pid": os.getpid(), "host": socket.gethostname(), "opened": now}
        try:
            facts = documents.decode(self._folder.read(FACTS))
        except FileNotFoundError:
            facts = {}
        except ValueError as error:
            raise StoreError(f"{self.address}/{FACTS}: damaged ({error}); remove the run's folder") from error
        is_new = not facts
        if is_new:
            facts = {"schema": SCHEMA_VERSION, "status": "running", "created": now, **here}
        else:
            self._check_resumable(facts, config, resume)
            for table in STORED_TABLES:
                parts = all_parts(self._folder, table)
                if parts:
                    self._parts[table] = live_parts(parts)
                    self._next[table] = max(part.last for part in parts) + 1
                    for part in set(parts) - set(self._parts[table]):
                        self._folder.remove(part.key)
            ended = ("traceback", "seconds", "final_loss", "final_score")
            facts = {key: value for key, value in facts.items() if key not in ended}
            facts |= {"status": "running", "resumed": [*facts.get("resumed", []), now], **here}
        with self._folder.guard():  # or it could be what another writer tries to take the lock with just now
            for key in self._folder.leftovers():
                self._folder.remove(key)
        with self._folder.together():
            if is_new and config is not None:
                self._folder.write(CONFIG, documents.encode(config))
            self._folder.write(FACTS, documents.encode(facts))
        return facts

    def _check_resumable(self, facts: dict[str, Any], config: Mapping[str, Any] | None, resume: bool) -> None:
        status = facts.get("status")
        if not resume:
            raise StoreError(
                f"{self.address}: a run stands here already ({status}); go on with it by resume=True, "
                "remove it, or write to another folder"
            )
        if status == "finished":
            raise StoreError(f"{self.address}: the run is finished and nothing can be added to it")
        if config is not None:
            kept = documents.decode(self._folder.read(CONFIG))
            if documents.plain(config) != documents.plain(kept):
                raise StoreError(f"{self.address}: the run was started with another config; write to another folder")

    def _flush_rows(self, with_facts: bool) -> None:
        """Write what waits, and then merge."""
        self._check_open()
        self._lock.check()
        tables = list(self._waiting)
        with told("flush the run", self.address), self._folder.together():
            for table in tables:
                self._flush_table(table)
            if with_facts:
                self._write_facts()
        for table in tables:
            # Damage met in a merge is no reason to stop recording: readers name the part, repair deals with it.
            with suppress(StoreError):
                while len(tail := _equal_tail(self._parts[table])) >= _MERGE_AT:
                    self._merge(table, tail)
        self._flushed = time.monotonic()

    def _flush_table(self, table: str) -> None:
        import pyarrow as pa

        rows = pa.concat_tables(self._waiting[table])
        number = self._next.get(table, 0)
        part = Part(table, number, number)
        with told(f"write {part.key}", self.address):
            # The number is used up only on success: a part that may or may not have appeared is written
            # again.
            write_part(self._folder, part, [rows])
        del self._waiting[table]
        self._waiting_rows -= rows.num_rows
        self._rows[table] = self._rows.get(table, 0) + rows.num_rows
        self._next[table] = number + 1
        self._parts.setdefault(table, []).append(part)

    def _merge(self, table: str, parts: list[Part] | None = None, where: Mapping[str, Any] | None = None) -> None:
        """Merge parts that follow each other (all, unless told); with `where`, keep the rows that meet it."""
        parts = parts or self._parts[table]
        last = parts[-1].last if where is None else self._next[table]
        with told(f"merge the parts of table {table!r}", self.address):
            merged = merge_parts(self._folder, parts, last, where)
        kept = [part for part in self._parts[table] if part not in parts]
        self._parts[table] = sorted([*kept, merged], key=lambda part: part.first)
        self._next[table] = max(self._next[table], last + 1)

    def _write_facts(self) -> None:
        with told(f"write {FACTS}", self.address):
            self._folder.write(FACTS, documents.encode(self._facts))
        self._facts_changed = False

    def _check_open(self) -> None:
        if self._status is not None:
            raise StoreError(f"{self.address}: the run was closed ({self._status}); nothing can be added to it")


def _equal_tail(parts: list[Part]) -> list[Part]:
    """The last parts, as far back as they span about as many writes as the last one."""
    levels = [int(math.log(part.last - part.first + 1, _MERGE_AT) + 1e-9) for part in parts]
    count = sum(1 for _ in itertools.takewhile(lambda level: level == levels[-1], reversed(levels)))
    return parts[len(parts) - count :]
