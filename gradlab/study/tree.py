"""A tree of plain values in which every value knows the place that it came from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from gradlab.errors import ConfigError, Fault


@dataclass(frozen=True, slots=True)
class Entry:
    """One key of a mapping: where the key itself stands, and its value."""

    where: str
    node: Node


@dataclass(frozen=True, slots=True)
class Node:
    """A value of a study file: a scalar, a tuple of nodes, or entries by key; and the place it came from."""

    value: str | int | float | bool | tuple[Node, ...] | dict[str, Entry] | None
    where: str

    def plain(self) -> Any:
        """The value as Python's own dicts, lists and scalars."""
        if isinstance(self.value, dict):
            return {key: entry.node.plain() for key, entry in self.value.items()}
        if isinstance(self.value, tuple):
            return [node.plain() for node in self.value]
        return self.value

    def entries(self) -> dict[str, Entry]:
        """The entries of a mapping; empty for everything else."""
        return self.value if isinstance(self.value, dict) else {}

    def replaced(self, path: tuple[str, ...], new: Entry, above: tuple[str, ...] = ()) -> Node:
        """This tree with `new` at a path of keys; mappings that are missing on the way are made.

        Raises ConfigError where the way leads through a value that is no mapping; `above` is how this tree
        is reached.
        """
        if not path:
            return new.node
        if self.value is not None and not isinstance(self.value, dict):
            expected = f"a mapping at {self.where} to set {path[0]!r} in"
            raise ConfigError([Fault(new.where, ".".join(above + path), expected, self.shown())])
        key, rest = path[0], path[1:]
        below = self.entries().get(key, Entry(new.where, Node(None, new.where)))
        entry = Entry(below.where, below.node.replaced(rest, new, (*above, key))) if rest else new
        return Node({**self.entries(), key: entry}, self.where)

    def shown(self) -> str:
        """The value as an error message quotes it."""
        return shown(self.plain())


def with_tuples(value: Any) -> Any:
    """Plain values with tuples for lists: settings are values, so their sequences are tuples."""
    if isinstance(value, dict):
        return {key: with_tuples(item) for key, item in value.items()}
    return tuple(map(with_tuples, value)) if isinstance(value, list) else value


def shown(value: Any) -> str:
    """A value as an error message quotes it: one line, never long."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, dict):
        return f"a mapping with {', '.join(map(str, value))}"[:80] if value else "an empty mapping"
    text = repr(value)
    return text if len(text) <= 80 else text[:77] + "…"
