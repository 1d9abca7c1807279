"""A folder on disk: files appear by rename after they have reached the disk."""

from __future__ import annotations

import os
import shutil
from collections.abc import Hashable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Any
from uuid import uuid4

from gradlab.store.folder import Entry, Folder

try:
    import fcntl
except ImportError:  # pragma: no cover — Windows has no flock; the guard is then open
    fcntl = None  # type: ignore[assignment]

TEMPORARY = ".tmp-"


class LocalFolder(Folder):
    """A path; `~` stands for the home folder."""

    _waiting: dict[Path, None] | None = None
    """Within `together`: folders whose names have changed."""

    def __init__(self, path: str | Path) -> None:
        self._path = str(Path(path).expanduser().absolute())

    def __repr__(self) -> str:
        return f"LocalFolder({self._path!r})"

    @property
    def address(self) -> str:
        """The absolute path."""
        return self._path

    def sub(self, key: str) -> LocalFolder:
        """The folder inside this one."""
        # Without the looks at a user's path: a store lists thousands of runs.
        folder = LocalFolder.__new__(LocalFolder)
        folder._path = f"{self._path}/{key}"
        return folder

    def make(self) -> None:
        """Make the folder and those above it."""
        Path(self._path).mkdir(parents=True, exist_ok=True)

    def exists(self) -> bool:
        """Whether the folder is there."""
        return Path(self._path).is_dir()

    def entries(self, key: str = "") -> list[Entry]:
        """What stands in a folder; sizes are left out, asking for them costs a call each."""
        try:
            with os.scandir(f"{self._path}/{key}") as found:
                return [Entry(entry.name, entry.is_dir()) for entry in found if not entry.name.startswith(TEMPORARY)]
        except (FileNotFoundError, NotADirectoryError):
            return []

    def read(self, key: str) -> bytes:
        """The whole file."""
        with open(f"{self._path}/{key}", "rb", buffering=0) as file:  # noqa: PTH123 — pathlib doubles its cost
            return file.read()

    def size(self, key: str) -> int:
        """Bytes of a file."""
        return Path(self._path, key).stat().st_size

    def identity(self, key: str) -> Hashable:
        """Place on the disk, times of writing, and size."""
        found = os.stat(f"{self._path}/{key}")  # noqa: PTH116 — pathlib doubles its cost
        return found.st_dev, found.st_ino, found.st_mtime_ns, found.st_ctime_ns, found.st_size

    def open(self, key: str, size: int = -1) -> Any:
        """The file; only the columns that are asked for are read."""
        import pyarrow

        # No memory map: on a network disk a part that a merge removes would kill the reader by SIGBUS.
        return pyarrow.OSFile(f"{self._path}/{key}")

    @contextmanager
    def staged(self, key: str, durable: bool = True) -> Iterator[IO[bytes]]:
        """Write beside the target, bring it to the disk, rename it, and bring the folder to the disk."""
        target = Path(self._path, key)
        if "/" in key and not target.parent.is_dir():
            target.parent.mkdir(exist_ok=True)
            if durable:
                self._settle(target.parent.parent)
        temporary = target.with_name(f"{TEMPORARY}{uuid4().hex}")
        try:
            with temporary.open("wb") as file:
                yield file
                file.flush()
                if durable:
                    os.fsync(file.fileno())
            temporary.replace(target)
        except BaseException:
            with suppress(OSError):
                temporary.unlink()
            raise
        if durable:
            self._settle(target.parent)

    @contextmanager
    def together(self) -> Iterator[None]:
        """Each folder is brought to the disk once, however many names have changed in it."""
        if self._waiting is not None:
            yield
            return
        self._waiting = {}
        try:
            yield
        finally:
            waiting, self._waiting = self._waiting, None
            for path in waiting:
                sync_folder(path)

    def _settle(self, path: Path) -> None:
        """Bring a folder's names to the disk, now or at the end of `together`."""
        if self._waiting is None:
            sync_folder(path)
        else:
            self._waiting[path] = None

    def create(self, key: str, data: bytes) -> bool:
        """Write a whole file unless one is there: a hard link fails where a rename would replace."""
        target = Path(self._path, key)
        temporary = target.with_name(f"{TEMPORARY}{uuid4().hex}")
        try:
            temporary.write_bytes(data)
            target.hardlink_to(temporary)
        except FileExistsError:
            return False
        finally:
            with suppress(OSError):
                temporary.unlink()
        return True

    def remove(self, key: str) -> None:
        """Remove a file; no error when there is none."""
        Path(self._path, key).unlink(missing_ok=True)

    def remove_all(self) -> None:
        """Remove the folder with everything in it."""
        with suppress(FileNotFoundError):
            shutil.rmtree(self._path)

    def leftovers(self) -> list[str]:
        """Keys of temporary files that a killed writer has left anywhere in this folder."""
        root = Path(self._path)
        return sorted(path.relative_to(root).as_posix() for path in root.rglob(f"{TEMPORARY}*"))

    @contextmanager
    def guard(self) -> Iterator[None]:
        """Hold an advisory lock on the folder itself; the kernel frees it when the process dies."""
        if fcntl is None:
            yield
            return
        descriptor = os.open(self._path, os.O_RDONLY | os.O_CLOEXEC)
        try:
            # Some network file systems have no advisory locks: the lock file alone must do there.
            with suppress(OSError):
                fcntl.flock(descriptor, fcntl.LOCK_EX)
            yield
        finally:
            os.close(descriptor)


def sync_folder(path: Path) -> None:
    """Bring a folder's list of names to the disk, so that a rename survives a loss of power."""
    if os.name == "nt":  # pragma: no cover — Windows cannot open folders
        return
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
