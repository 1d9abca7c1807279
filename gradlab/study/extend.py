"""What a study takes from another one (`extends`), and from its own scales (`scales`): deep merges of mappings."""

from __future__ import annotations

from pathlib import Path

from gradlab.errors import ConfigError, Fault
from gradlab.study.catalogue import shipped
from gradlab.study.faults import nearest
from gradlab.study.tree import Entry, Node

SMALL = "small"
"""The scale of a study file as it stands."""


def merged(below: Node, above: Node, path: tuple[str, ...] = ()) -> Node:
    """`above` set into `below`: mappings are merged key by key, everything else of `above` wins.

    A grid is the study's own where it gives one, axis by axis; claims are replaced as a whole.
    """
    if not isinstance(below.value, dict) or not isinstance(above.value, dict):
        return above
    entries = dict(below.entries())
    for key, entry in above.entries().items():
        # Values of axes, and named choices of another kind, are not to be mixed.
        whole = path == ("grid",) or key not in entries or _other_kind(entries[key].node, entry.node)
        entries[key] = entry if whole else Entry(entry.where, merged(entries[key].node, entry.node, (*path, key)))
    return Node(entries, above.where)


def _other_kind(below: Node, above: Node) -> bool:
    """Whether two mappings say by `name` that they are settings of different things."""
    names = [node.entries()["name"].node.value for node in (below, above) if "name" in node.entries()]
    return len(names) == 2 and names[0] != names[1]


def with_scale(tree: Node, scale: str) -> tuple[Node, list[Fault]]:
    """The study at a scale: `small` is the file as it stands, others stand under `scales`."""
    entry = tree.entries().get("scales")
    rest = Node({key: one for key, one in tree.entries().items() if key != "scales"}, tree.where)
    if entry is None:
        fault = Fault(tree.where, "scales", f"the scale {scale!r}", "no scales")
        return rest, [] if scale == SMALL else [fault]
    if not entry.node.entries():
        return rest, [Fault(entry.node.where, "scales", "a mapping of scales to settings", entry.node.shown())]
    faults = [
        Fault(one.node.where, f"scales.{name}", "a mapping of settings that the scale changes", one.node.shown())
        for name, one in entry.node.entries().items()
        if not isinstance(one.node.value, dict)
    ]
    faults += [
        Fault(inner.where, f"scales.{name}.{key}", "settings, question, claims or grid", key)
        for name, one in entry.node.entries().items()
        for key, inner in one.node.entries().items()
        if key in ("extends", "scales")
    ]
    if faults:
        return rest, faults
    if scale in entry.node.entries():
        return merged(rest, entry.node.entries()[scale].node), []
    known = list(dict.fromkeys([SMALL, *entry.node.entries()]))
    fault = Fault(entry.where, "scales", f"one of {', '.join(known)}", repr(scale), nearest(scale, known))
    return rest, [] if scale == SMALL else [fault]


def base_of(tree: Node, path: Path) -> Path | None:
    """The file that a study extends: a path from its own folder, or a shipped study; None when it extends none.

    Raises ConfigError when `extends` is neither.
    """
    entry = tree.entries().get("extends")
    if entry is None:
        return None
    name, expected = entry.node.value, "the path of a study file, or the name of a shipped study"
    if not isinstance(name, str) or not name.strip() or "\0" in name:
        raise ConfigError([Fault(entry.node.where, "extends", expected, entry.node.shown())])
    if Path(name).suffix in (".yaml", ".yml") or len(Path(name).parts) > 1:
        return path.parent / name
    known = shipped()
    if name not in known:
        raise ConfigError([Fault(entry.node.where, "extends", expected, repr(name), nearest(name, known))])
    return known[name]


def without_base(tree: Node) -> Node:
    """The study without its `extends`."""
    return Node({key: entry for key, entry in tree.entries().items() if key != "extends"}, tree.where)
