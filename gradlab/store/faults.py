"""Errors of the operating system, told as one `StoreError` that says where it happened and what to do."""

import errno
from collections.abc import Iterator
from contextlib import contextmanager

from gradlab.errors import StoreError

_ADVICE = {
    errno.ENOSPC: "the disk is full; free some space and go on: what was recorded before is intact",
    errno.EDQUOT: "the quota is used up; free some space and go on: what was recorded before is intact",
    errno.EACCES: "no permission; give the store to this user, or choose another with --store",
    errno.EPERM: "no permission; give the store to this user, or choose another with --store",
    errno.EROFS: "the file system is read-only; choose another store with --store",
    errno.ENOENT: "the folder has vanished; restore it, or start the run again in another store",
    errno.ENOTDIR: "a file stands where a folder is needed; choose another store with --store",
    errno.EEXIST: "a file stands where a folder is needed; choose another store with --store",
}


@contextmanager
def told(doing: str, where: str) -> Iterator[None]:
    """Turn an OSError inside the block into a StoreError: where, doing what, why it failed, what to do."""
    try:
        yield
    except OSError as error:
        code = error.errno if error.errno is not None else _code(error)
        reason = _ADVICE.get(code, str(error) or type(error).__name__)
        raise StoreError(f"{where}: cannot {doing}: {reason}") from error


def _code(error: OSError) -> int:
    """The number of an error that a remote file system raised without one."""
    if isinstance(error, FileNotFoundError):
        return errno.ENOENT
    return errno.EACCES if isinstance(error, PermissionError) else 0
