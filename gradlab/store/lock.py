"""One writer a run: a lock file with a heartbeat, which is taken over when its holder is dead."""

from __future__ import annotations

import os
import socket
import threading
import time
import weakref
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from uuid import uuid4

from gradlab.errors import StoreError
from gradlab.store import documents
from gradlab.store.folder import Folder

LOCK = "lock.json"
BEAT_SECONDS = 5.0
STALE_SECONDS = 60.0
"""A holder on another machine that has not beaten for so long is dead. Their clocks must agree this far."""

_HELD: set[str] = set()
"""Tokens of the locks that live objects of this process hold."""


@dataclass(frozen=True, slots=True)
class Holder:
    """Who holds a lock, and when it last said so."""

    token: str
    host: str
    pid: int
    started: str
    """When the process started, in the kernel's ticks; tells it from a later one with the same number."""
    beat: float
    """Seconds since 1970."""

    @classmethod
    def this_process(cls, token: str) -> Holder:
        """The holder that this process is, now."""
        pid = os.getpid()
        return cls(token, socket.gethostname(), pid, _started(pid) or "", time.time())

    @property
    def is_alive(self) -> bool:
        """Whether the holder still runs: by its process on this machine, by its heartbeat on another.

        On this machine the clock plays no part, so one that is set back or forward changes nothing.
        """
        if self.host != socket.gethostname():
            return abs(time.time() - self.beat) <= STALE_SECONDS
        if self.pid == os.getpid():
            return self.token in _HELD
        started = _started(self.pid)
        return started is not None and (not started or not self.started or started == self.started)


def read_holder(folder: Folder) -> Holder | None:
    """Who holds the lock of a run; None when nobody does, or when the lock file says nothing sensible."""
    try:
        return Holder(**documents.decode(folder.read(LOCK)))
    except (FileNotFoundError, ValueError, TypeError):
        return None


class RunLock:
    """The lock of one run, held from `acquire` to `release` and beating in between."""

    def __init__(self, folder: Folder) -> None:
        self._folder = folder
        self._token = uuid4().hex
        self._stop = threading.Event()
        self._beating = threading.Lock()

    def acquire(self) -> None:
        """Take the lock, from a dead holder if need be, and start the heartbeat.

        Raises StoreError when a live writer holds it.
        """
        with self._folder.guard():
            _HELD.add(self._token)
            if not self._folder.create(LOCK, self._document()):
                holder = read_holder(self._folder)
                if holder is not None and holder.is_alive:
                    _HELD.discard(self._token)
                    raise StoreError(
                        f"{self._folder.address}: another writer is at work (process {holder.pid} on "
                        f"{holder.host}); wait until it ends, or write to another run"
                    )
                self._folder.remove(LOCK)
                self._folder.create(LOCK, self._document())
        self.check()
        weakref.finalize(self, _HELD.discard, self._token)
        weakref.finalize(self, self._stop.set)
        threading.Thread(target=_beat, args=(weakref.ref(self), self._stop), daemon=True, name="gradlab-beat").start()

    def check(self) -> None:
        """Make sure that the lock is still ours.

        Raises StoreError when the run's folder has vanished, or another writer has taken the run over.
        """
        if not self._folder.exists():
            raise StoreError(
                f"{self._folder.address}: the run's folder has vanished; nothing more can be written to it"
            )
        holder = read_holder(self._folder)
        if holder is None:
            self._folder.create(LOCK, self._document())
            holder = read_holder(self._folder)
        if holder is not None and holder.token != self._token:
            raise StoreError(
                f"{self._folder.address}: process {holder.pid} on {holder.host} has taken this run over, "
                f"because this writer had not been heard of for {STALE_SECONDS:.0f} s; it writes no more"
            )

    def beat(self) -> None:
        """Say that the holder is alive. Raises like `check`."""
        with self._beating:
            if not self._stop.is_set():
                self.check()
                self._folder.write(LOCK, self._document(), durable=False)

    def release(self) -> None:
        """Give the lock back."""
        with self._beating:
            self._stop.set()
            _HELD.discard(self._token)
            holder = read_holder(self._folder)
            if holder is not None and holder.token == self._token:
                self._folder.remove(LOCK)

    def _document(self) -> bytes:
        return documents.encode(asdict(Holder.this_process(self._token)))


def _beat(lock: weakref.ref[RunLock], stop: threading.Event) -> None:
    """Beat until told to stop, or until nobody holds the lock object any more."""
    while not stop.wait(BEAT_SECONDS):
        held = lock()
        if held is None:
            return
        # A heartbeat that fails is not worth a crash here: the writer meets the same fault at its next flush.
        with suppress(OSError, StoreError):
            held.beat()
        del held


def _started(pid: int) -> str | None:
    """Start time of a process; None when there is no such process, empty where the system does not tell."""
    if Path("/proc/self/stat").exists():
        try:
            fields = Path(f"/proc/{pid}/stat").read_text("utf-8", "replace").rpartition(")")[2].split()
        except OSError:
            return None
        return None if fields[0] in "ZX" else fields[19]
    try:  # pragma: no cover — systems without /proc
        os.kill(pid, 0)
    except ProcessLookupError:  # pragma: no cover
        return None
    except PermissionError:  # pragma: no cover
        return ""
    return ""  # pragma: no cover
