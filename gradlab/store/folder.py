"""A folder at an address, on disk or on any file system that fsspec knows: what the store asks of either."""

from __future__ import annotations

import os
from abc import ABC, abstractmethod
from collections.abc import Hashable, Iterable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import IO, Any


@dataclass(frozen=True, slots=True)
class Entry:
    """One name in a folder."""

    name: str
    is_folder: bool
    size: int = -1
    """Bytes, where the listing tells them without another look; else -1."""


class Folder(ABC):
    """Keys are relative paths with slashes; writing is atomic: a reader sees the old bytes, the new, or none.

    All methods raise OSError, FileNotFoundError among them. Temporary files start with `.tmp-` and are not
    listed.
    """

    @property
    @abstractmethod
    def address(self) -> str:
        """The address for people, and for `open_folder`."""

    @abstractmethod
    def sub(self, key: str) -> Folder:
        """The folder inside this one."""

    @abstractmethod
    def make(self) -> None:
        """Make the folder and those above it; nothing on file systems that have no folders."""

    @abstractmethod
    def exists(self) -> bool:
        """Whether the folder is there; on file systems that have no folders, whether anything is in it."""

    @abstractmethod
    def entries(self, key: str = "") -> list[Entry]:
        """What stands in a folder, in no order; nothing where there is no folder."""

    @abstractmethod
    def read(self, key: str) -> bytes:
        """The whole file."""

    def read_many(self, keys: Iterable[str]) -> dict[str, bytes | OSError]:
        """The whole files; for one that cannot be read, the error."""
        found: dict[str, bytes | OSError] = {}
        for key in keys:
            try:
                found[key] = self.read(key)
            except OSError as error:
                found[key] = error
        return found

    @abstractmethod
    def size(self, key: str) -> int:
        """Bytes of a file."""

    def identity(self, key: str) -> Hashable | None:
        """What is another when another file stands there; None where the file system cannot tell that at once."""
        return None

    @abstractmethod
    def open(self, key: str, size: int = -1) -> Any:
        """The file for pyarrow: a NativeFile to be closed by the caller."""

    @abstractmethod
    def staged(self, key: str, durable: bool = True) -> AbstractContextManager[IO[bytes]]:
        """A file to write into that appears under its key, whole, when the block ends without an error.

        Only the last folder of the key is made where it is missing, so that a run whose folder has vanished
        is an error and not a new run. `durable` files have reached the disk when the block has ended.
        """

    def together(self) -> AbstractContextManager[None]:
        """Files that are written inside are durable when the block ends, which is faster than one by one.

        Each appears whole as ever, but in which order they survive a loss of power is open.
        """
        return nullcontext()

    def write(self, key: str, data: bytes, durable: bool = True) -> None:
        """Write a whole file."""
        with self.staged(key, durable) as file:
            file.write(data)

    @abstractmethod
    def create(self, key: str, data: bytes) -> bool:
        """Write a whole file unless one is there; whether it was written."""

    @abstractmethod
    def remove(self, key: str) -> None:
        """Remove a file; no error when there is none."""

    @abstractmethod
    def remove_all(self) -> None:
        """Remove the folder with everything in it."""

    @abstractmethod
    def leftovers(self) -> list[str]:
        """Keys of temporary files that a killed writer has left anywhere in this folder."""

    def guard(self) -> AbstractContextManager[None]:
        """Only one process at a time inside, where the file system can do that; a crash inside frees it."""
        return nullcontext()


def open_folder(address: str | os.PathLike[str]) -> Folder:
    """The folder at a path, or at an address such as `memory://runs` or `s3://bucket/runs`."""
    address = os.fspath(address)
    if "://" not in address or address.startswith(("file://", "local://")):
        from gradlab.store.local import LocalFolder

        return LocalFolder(address.removeprefix("file://").removeprefix("local://"))
    from gradlab.store.remote import RemoteFolder

    return RemoteFolder(address)
