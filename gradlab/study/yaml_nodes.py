"""Reads YAML 1.2 into a tree in which every value knows the place it came from.

PyYAML reads YAML 1.1, where `1e-3` is a string, `no` a boolean and a key given twice passes silently. Here
scalars follow the core schema of YAML 1.2 (section 10.3.2); duplicate keys, tags, and keys that are no text
are mistakes. Merge keys (`<<`) belong to YAML 1.1 and are not known; anchors and aliases are.
"""

from __future__ import annotations

import re
from typing import Any

import yaml

from gradlab.errors import ConfigError, Fault
from gradlab.study.tree import Entry, Node, shown

MAX_CHARACTERS = 262_144
MAX_DEPTH = 40
MAX_NODES = 50_000
MAX_DIGITS = 400
"""Bounds on what is read, so that no file (deep nesting, aliases of aliases) can exhaust memory."""

_SCALARS = (
    ("null", r"~|null|Null|NULL|", "~nN\0"),
    ("bool", r"true|True|TRUE|false|False|FALSE", "tTfF"),
    ("int", r"[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+", "-+0123456789"),
    (
        "float",
        r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?"
        r"|[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)",
        "-+.0123456789",
    ),
)


_TEXT = "tag:yaml.org,2002:str"
_COLLECTIONS = ("tag:yaml.org,2002:map", "tag:yaml.org,2002:seq")


def read_yaml(text: str, source: str, *, positions: bool = True) -> Node:
    """Parse one YAML document.

    Args:
        text: the document.
        source: what `Node.where` starts with: the file's name, or `override key=value`.
        positions: append `:line:column` to `where`, counted from 1.

    Returns:
        The root of the tree. An empty document is a null.

    Raises:
        ConfigError: the first mistake of the syntax, or every mistake of structure (duplicate keys, tags).
    """
    if len(text) > MAX_CHARACTERS:
        fault = Fault(source, "file", f"at most {MAX_CHARACTERS:,} characters", f"{len(text):,}")
        raise ConfigError([fault])
    try:
        root = _Loader(text).get_single_node()
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        where = _where(source, mark, positions)
        found = ", ".join(part for part in (error.problem, error.context) if part)
        raise ConfigError([Fault(where, "syntax", "YAML", found.removeprefix("found ") or "something else")]) from None
    except yaml.YAMLError as error:
        found = " ".join(str(error).split("\n")[0].split())
        raise ConfigError([Fault(source, "syntax", "YAML text", found)]) from None
    if root is None:
        return Node(None, f"{source}:1:1" if positions else source)
    reader = _Reader(source, positions)
    tree = reader.node(root, ())
    if reader.faults:
        raise ConfigError(reader.faults)
    return tree


def _where(source: str, mark: yaml.Mark | None, positions: bool) -> str:
    return f"{source}:{mark.line + 1}:{mark.column + 1}" if mark is not None and positions else source


class _Loader(yaml.SafeLoader):
    """Composes nodes with the scalars of YAML 1.2, and stops at a depth that nobody writes by hand."""

    yaml_implicit_resolvers: dict[str, list[Any]] = {}  # noqa: RUF012 - PyYAML's own way to say it
    _depth = 0

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        self._depth += 1
        if self._depth > MAX_DEPTH:
            mark = self.peek_event().start_mark
            raise yaml.composer.ComposerError(None, None, f"nesting deeper than {MAX_DEPTH} levels", mark)
        node = super().compose_node(parent, index)
        self._depth -= 1
        return node


class Dumper(yaml.SafeDumper):
    """Writes plain values so that `read_yaml` gives them back: quotes text that looks like a number."""

    yaml_implicit_resolvers: dict[str, list[Any]] = {}  # noqa: RUF012

    def ignore_aliases(self, data: Any) -> bool:
        """Write equal values twice; an alias reads badly."""
        return True


for _tag, _pattern, _first in _SCALARS:
    for _class in (_Loader, Dumper):
        _letters = ["" if letter == "\0" else letter for letter in _first]
        _class.add_implicit_resolver(f"tag:yaml.org,2002:{_tag}", re.compile(f"(?:{_pattern})$"), _letters)


class _Reader:
    """Turns PyYAML's nodes into ours and gathers the mistakes on the way."""

    def __init__(self, source: str, positions: bool) -> None:
        self.faults: list[Fault] = []
        self._source = source
        self._positions = positions
        self._count = 0

    def node(self, node: yaml.Node, path: tuple[str, ...], above: tuple[int, ...] = ()) -> Node:
        where = _where(self._source, node.start_mark, self._positions)
        self._count += 1
        if self._count > MAX_NODES or len(above) > MAX_DEPTH or id(node) in above:
            found = "an alias of itself" if id(node) in above else "more, by aliases of aliases"
            expected = f"at most {MAX_NODES:,} values, {MAX_DEPTH} levels deep"
            raise ConfigError([Fault(where, _dotted(path), expected, found)])
        above = (*above, id(node))
        if isinstance(node, yaml.CollectionNode) and node.tag not in _COLLECTIONS:
            self.faults.append(Fault(where, _dotted(path), "a plain value", f"the tag {node.tag!r}"))
        if isinstance(node, yaml.MappingNode):
            return Node(self._mapping(node, path, above), where)
        if isinstance(node, yaml.SequenceNode):
            items = (self.node(item, (*path, str(at)), above) for at, item in enumerate(node.value))
            return Node(tuple(items), where)
        return Node(self._scalar(node, path, where), where)

    def _mapping(self, node: yaml.MappingNode, path: tuple[str, ...], above: tuple[int, ...]) -> dict[str, Entry]:
        entries: dict[str, Entry] = {}
        for key_node, value_node in node.value:
            where = _where(self._source, key_node.start_mark, self._positions)
            if key_node.tag != _TEXT or not key_node.value:
                found = getattr(key_node, "value", None)
                found = shown(found) if isinstance(found, str) else "a list or mapping"
                self.faults.append(Fault(where, _dotted(path), "a name as key", found))
                continue
            key = key_node.value
            if key in entries:
                first = entries[key].where
                self.faults.append(Fault(where, _dotted((*path, key)), f"each key once (first at {first})", "it again"))
                continue
            entries[key] = Entry(where, self.node(value_node, (*path, key), above))
        return entries

    def _scalar(self, node: yaml.Node, path: tuple[str, ...], where: str) -> str | int | float | bool | None:
        kind, text = node.tag.removeprefix("tag:yaml.org,2002:"), node.value
        try:
            return _SCALAR_READERS[kind](text)
        except KeyError:
            self.faults.append(Fault(where, _dotted(path), "a plain value", f"the tag {node.tag!r}"))
        except (ValueError, OverflowError):
            self.faults.append(Fault(where, _dotted(path), "a value that can be read", shown(text)))
        return None


def _text(text: str) -> str:
    text.encode()  # a lone surrogate, written as an escape, is no text: UnicodeEncodeError is a ValueError
    return text


def _integer(text: str) -> int:
    if len(text) > MAX_DIGITS:
        raise ValueError
    return int(text, 0) if text[:2] in ("0o", "0x") else int(text)


def _real(text: str) -> float:
    return float(text.replace(".inf", "inf").replace(".nan", "nan") if text[-1] in "fn" else text)


_SCALAR_READERS: dict[str, Any] = {
    "str": _text,
    "int": _integer,
    "float": lambda text: _real(text.lower()),
    "bool": lambda text: text.lower() == "true",
    "null": lambda text: None,
}


def _dotted(path: tuple[str, ...]) -> str:
    return ".".join(path) or "file"
