"""How much memory this process holds, and the most that it held over a stretch of work."""

from __future__ import annotations

from pathlib import Path

_RESET, _STATUS = Path("/proc/self/clear_refs"), Path("/proc/self/status")


def resident_memory() -> int:
    """Bytes of memory that this process holds now."""
    import psutil

    return int(psutil.Process().memory_info().rss)


class Peak:
    """The most that this process holds from now on.

    Linux counts it; elsewhere it is the largest of what is held whenever `look` is called.
    """

    def __init__(self) -> None:
        self._seen = resident_memory()
        try:
            _RESET.write_text("5", encoding="ascii")  # proc(5): sets the high-water mark back to what is held
            self._counted = True
        except OSError:
            self._counted = False

    def look(self) -> None:
        """Take note of what is held now."""
        self._seen = max(self._seen, resident_memory())

    @property
    def bytes(self) -> int:
        """The most so far."""
        self.look()
        marks = [int(line.split()[1]) for line in _lines() if line.startswith("VmHWM:")] if self._counted else []
        return max(self._seen, *(1024 * mark for mark in marks))


def _lines() -> list[str]:
    try:
        return _STATUS.read_text(encoding="ascii").splitlines()
    except OSError:
        return []
