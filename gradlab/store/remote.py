"""A folder on any file system that fsspec knows (`memory://`, `s3://`, …): a file appears by one PUT."""

from __future__ import annotations

import io
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import IO, Any

from gradlab.errors import StoreError
from gradlab.store.folder import Entry, Folder

_WHOLE = 8 * 2**20
"""Up to this many bytes a file is fetched in one go: a round trip costs more than the bytes."""


class RemoteFolder(Folder):
    """An address with its protocol. Credentials and endpoints come from fsspec's own configuration.

    Raises StoreError when the protocol is unknown or its package is not installed.
    """

    def __init__(self, address: str) -> None:
        import fsspec

        self._address = address.rstrip("/")
        try:
            self._files, root = fsspec.core.url_to_fs(address)
        except (ImportError, ValueError) as error:
            raise StoreError(
                f"{address}: expected a folder or an address that fsspec can open, got: {error}; "
                "install the package that fsspec names for this protocol"
            ) from error
        self._root = root.rstrip("/")

    def __repr__(self) -> str:
        return f"RemoteFolder({self._address!r})"

    @property
    def address(self) -> str:
        """The address as it was given."""
        return self._address

    def _path(self, key: str) -> str:
        return f"{self._root}/{key}" if key else self._root

    def sub(self, key: str) -> RemoteFolder:
        """The folder inside this one."""
        return RemoteFolder(f"{self._address}/{key}")

    def make(self) -> None:
        """Make the folder where the file system has folders."""
        self._files.makedirs(self._root, exist_ok=True)

    def exists(self) -> bool:
        """Whether anything is in the folder."""
        self._files.invalidate_cache(self._root)
        return bool(self._files.exists(self._root))

    def entries(self, key: str = "") -> list[Entry]:
        """What stands in a folder, as the file system says now and not as fsspec remembers it."""
        path = self._path(key)
        self._files.invalidate_cache(path)
        try:
            found = self._files.ls(path, detail=True)
        except (FileNotFoundError, NotADirectoryError):
            return []
        entries = [
            Entry(
                item["name"].rstrip("/").rsplit("/", 1)[-1],
                item["type"] == "directory",
                item.get("size") or 0,
            )
            for item in found
            if item["name"].rstrip("/") != path
        ]
        return [entry for entry in entries if entry.name]

    def read(self, key: str) -> bytes:
        """The whole file."""
        data: bytes = self._files.cat_file(self._path(key))
        return data

    def read_many(self, keys: Iterable[str]) -> dict[str, bytes | OSError]:
        """The whole files, fetched at the same time where the file system can."""
        paths = {self._path(key): key for key in keys}
        if not paths:
            return {}
        found = self._files.cat(list(paths), on_error="return")
        if not isinstance(found, dict):  # fsspec gives one file bare
            found = {next(iter(paths)): found}
        return {
            paths[path]: data if isinstance(data, bytes | OSError) else OSError(str(data))
            for path, data in found.items()
        }

    def size(self, key: str) -> int:
        """Bytes of a file."""
        return int(self._files.size(self._path(key)) or 0)

    def open(self, key: str, size: int = -1) -> Any:
        """A small file whole; a large one by ranges (parts never change, so the ranges fit together)."""
        import pyarrow

        if size <= _WHOLE:
            return pyarrow.BufferReader(self.read(key))
        return pyarrow.PythonFile(self._files.open(self._path(key), "rb"), mode="r")

    @contextmanager
    def staged(self, key: str, durable: bool = True) -> Iterator[IO[bytes]]:
        """Collect the bytes and send them at once."""
        file = io.BytesIO()
        yield file
        self._files.pipe_file(self._path(key), file.getvalue())

    def create(self, key: str, data: bytes) -> bool:
        """Write a whole file unless one is there, by the file system's conditional PUT where it has one."""
        path = self._path(key)
        self._files.invalidate_cache(path)
        try:
            self._files.pipe_file(path, data, mode="create")
        except FileExistsError:
            return False
        except (NotImplementedError, TypeError, ValueError):
            if self._files.exists(path):
                return False
            self._files.pipe_file(path, data)
        return True

    def remove(self, key: str) -> None:
        """Remove a file; no error when there is none."""
        try:
            self._files.rm_file(self._path(key))
        except FileNotFoundError:
            return

    def remove_all(self) -> None:
        """Remove everything under the address."""
        try:
            self._files.rm(self._root, recursive=True)
        except FileNotFoundError:
            return

    def leftovers(self) -> list[str]:
        """None: a PUT that was not finished leaves nothing."""
        return []
