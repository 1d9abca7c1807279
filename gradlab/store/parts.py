"""The parts of one table of one run: how their names say which of them hold its rows.

A part's name says which writes it holds: `part-000007.parquet` the eighth, `part-000000-000041.parquet` the
first 42, merged. A part that a merged one covers is a leftover and is not read, so a merge can be killed
between any two of its steps without a row lost or read twice. A gap in the numbers means that a part is lost.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from gradlab.store.folder import Folder

_NAME = re.compile(r"part-(\d{6,})(?:-(\d{6,}))?\.parquet")


@dataclass(frozen=True, slots=True)
class Part:
    """One file: the writes `first` to `last` of a table."""

    table: str
    first: int
    last: int
    size: int = -1

    @property
    def key(self) -> str:
        """Path inside the run's folder."""
        numbers = f"{self.first:06d}" + (f"-{self.last:06d}" if self.last > self.first else "")
        return f"{self.table}/part-{numbers}.parquet"


@dataclass(frozen=True, slots=True)
class Problem:
    """Something in a store that cannot be read, while everything else can."""

    path: str
    message: str

    def __str__(self) -> str:
        return self.message if self.message.startswith(self.path) else f"{self.path}: {self.message}"


def all_parts(folder: Folder, table: str) -> list[Part]:
    """Every part of a table, leftovers of a merge among them, in order."""
    found = []
    for entry in folder.entries(table):
        if match := _NAME.fullmatch(entry.name):
            first = int(match[1])
            found.append(Part(table, first, int(match[2] or first), entry.size))
    return sorted(found, key=lambda part: (part.first, -part.last))


def live_parts(parts: Iterable[Part]) -> list[Part]:
    """The parts that hold the table: those that no other part covers."""
    live: list[Part] = []
    for part in parts:
        if not live or part.last > live[-1].last:
            live.append(part)
    return live


def gaps(parts: Sequence[Part]) -> list[str]:
    """Names of parts that must once have been there: numbers before the last that no part holds."""
    missing, expected = [], 0
    for part in parts:
        missing += [Part(part.table, number, number).key for number in range(expected, part.first)]
        expected = part.last + 1
    return missing
