"""Reads the `grid` of a study file: axes, axes that move together, named variants, further grids, conditions."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import TypeVar

from gradlab.errors import Fault
from gradlab.study.conditions import Condition, comparison, exclusion
from gradlab.study.faults import nearest
from gradlab.study.grid import Axis, Choice, Grid, Product
from gradlab.study.tree import Entry, Node

MAX_RUNS = 100_000
WORDS = ("zip", "variants", "include", "exclude", "only")
"""Keys of a grid that are no settings."""
VARIANT = "variant"
"""How the axis of the named variants is called."""

_Read = TypeVar("_Read")


def grid_of(grid: Entry | None) -> tuple[Grid, list[Fault]]:
    """Read the `grid` of a study file.

    A mapping of dotted keys to lists of values, of which all combinations are taken. `zip` holds such mappings
    whose lists move together; `variants` names groups of settings, one of which each run takes; `include` lists
    further grids. `exclude` lists mappings of keys to a value or values: a point that has them all is left out;
    `only` lists comparisons that a point must meet.

    Returns:
        What is well formed, and the mistakes in the rest. Whether the values are right shows when runs are made of
        them. Of a grid that is too large only the first value of every axis is given.
    """
    if grid is None or grid.node.value is None:
        return Grid(), []
    if not isinstance(grid.node.value, dict):
        return Grid(), [Fault(grid.where, "grid", "a mapping of keys to lists of values", grid.node.shown())]
    entries = grid.node.entries()
    first, faults = _product(grid.node, "grid")
    products = [first]
    for place, item in enumerate(_mappings(entries.get("include"), "grid.include", faults)):
        inner = [word for word in ("include", "exclude", "only") if word in item.entries()]
        faults += [
            Fault(item.entries()[word].where, f"grid.include.{place}.{word}", "it beside include, not in it", word)
            for word in inner
        ]
        extra, found = _product(item, f"grid.include.{place}")
        products.append(extra)
        faults += found
    conditions: list[Condition] = []
    conditions += _each(_mappings(entries.get("exclude"), "grid.exclude", faults), "grid.exclude", exclusion, faults)
    conditions += _each(_items(entries.get("only")), "grid.only", comparison, faults)
    result = Grid(tuple(products), tuple(conditions))
    if result.size > MAX_RUNS:
        faults.append(Fault(grid.where, "grid", f"at most {MAX_RUNS:,} runs", f"{result.size:,}"))
        result = replace(result, products=tuple(tuple(axis[:1] for axis in axes) for axes in products[:10]))
    return result, faults


def unknown_keys(settings: Iterable[str], grid: Grid) -> list[Fault]:
    """Conditions on something that is no setting of any run: a slip, most likely.

    Args:
        settings: dotted keys that runs have.
        grid: with its conditions.
    """
    known = [*grid.keys, *grid.axes, *settings]
    faults = []
    for condition in grid.conditions:
        for key, where in condition.where.items():
            if not any(one == key or one.startswith(f"{key}.") or key.startswith(f"{one}.") for one in known):
                expected = "a setting of a run, such as model.cell"
                faults.append(Fault(where, f"grid.{key}", expected, repr(key), nearest(key, known)))
    return faults


def axis_keys(node: Node) -> list[str]:
    """Every dotted key that a grid varies, wherever in it."""
    if isinstance(node.value, tuple):
        return [key for item in node.value for key in axis_keys(item)]
    entries = node.entries()
    keys = [key for key in entries if key not in WORDS]
    for word in ("zip", "include"):
        keys += axis_keys(entries[word].node) if word in entries else []
    for variant in entries["variants"].node.entries().values() if "variants" in entries else ():
        keys += variant.node.entries()
    return keys


def without_axis(node: Node, key: str) -> Node:
    """A grid in which nothing varies a setting, or one below it; what it leaves out stays as it is."""
    if isinstance(node.value, tuple):
        return Node(tuple(without_axis(item, key) for item in node.value), node.where)
    if not isinstance(node.value, dict):
        return node
    kept = {axis: entry for axis, entry in node.value.items() if axis != key and not axis.startswith(f"{key}.")}
    for word in ("zip", "include"):
        if word in kept:
            kept[word] = Entry(kept[word].where, without_axis(kept[word].node, key))
    if "zip" in kept and not axis_keys(kept["zip"].node):
        del kept["zip"]
    if "variants" in kept and kept["variants"].node.entries():
        named = {
            name: Entry(one.where, without_axis(one.node, key)) for name, one in kept["variants"].node.entries().items()
        }
        kept["variants"] = Entry(kept["variants"].where, Node(named, kept["variants"].node.where))
    return Node(kept, node.where)


def _product(node: Node, name: str) -> tuple[Product, list[Fault]]:
    """The axes of one mapping: plain ones, those zipped, and its variants."""
    faults: list[Fault] = []
    plain = {key: entry for key, entry in node.entries().items() if key not in WORDS}
    groups = _mappings(node.entries().get("zip"), f"{name}.zip", faults)
    keys = [*plain, *(key for group in groups for key in group.entries())]
    axes = [_zipped({key: entry}, keys, name, entry.where, faults) for key, entry in plain.items()]
    axes += [_zipped(group.entries(), keys, f"{name}.zip", group.where, faults) for group in groups]
    if (variants := node.entries().get("variants")) is not None:
        axes.append(_variants(variants, keys, f"{name}.variants", faults))
    return tuple(axis for axis in axes if axis), faults


def _zipped(entries: dict[str, Entry], keys: list[str], name: str, where: str, faults: list[Fault]) -> Axis:
    """An axis of keys that move together; empty, and mistakes noted, when it is none."""
    wrong = [fault for key, entry in entries.items() if (fault := _fault_of_axis(key, entry, keys, name)) is not None]
    lists = {key: _items(entry) for key, entry in entries.items()}
    if not wrong and len({len(values) for values in lists.values()}) != 1:
        found = ", ".join(f"{len(values)} of {key}" for key, values in lists.items())
        wrong = [Fault(where, name, "lists of one length", found or "nothing")]
    if wrong:
        faults += wrong
        return ()
    choices = []
    for values in zip(*lists.values(), strict=True):
        settings = tuple((key, Entry(entries[key].where, value)) for key, value in zip(lists, values, strict=True))
        choices.append(Choice(settings, tuple((key, entry.node.plain()) for key, entry in settings)))
    return tuple(choices)


def _variants(entry: Entry, keys: list[str], name: str, faults: list[Fault]) -> Axis:
    """The axis of the named groups of settings; empty, and mistakes noted, when one is none or sets an axis."""
    expected = "a mapping of names to settings by dotted key"
    variants = entry.node.entries()
    wrong = [] if variants else [Fault(entry.node.where, name, expected, entry.node.shown())]
    for variant, one in variants.items():
        if not isinstance(one.node.value, dict) or not all(all(key.split(".")) for key in one.node.value):
            wrong.append(Fault(one.node.where, f"{name}.{variant}", expected, one.node.shown()))
            continue
        for key, setting in one.node.entries().items():
            both = [other for other in keys if f"{key}.".startswith(f"{other}.") or other.startswith(f"{key}.")]
            if both:
                found = f"the axis {both[0]} too"
                wrong.append(Fault(setting.where, f"{name}.{variant}.{key}", "a setting that no axis varies", found))
    faults += wrong
    return () if wrong else tuple(
        Choice(tuple(one.node.entries().items()), ((VARIANT, variant),)) for variant, one in variants.items()
    )  # fmt: skip


def _fault_of_axis(key: str, entry: Entry, keys: list[str], name: str) -> Fault | None:
    values = entry.node.value
    above = [other for other in keys if key.startswith(f"{other}.")]
    if not all(key.split(".")):
        return Fault(entry.where, f"{name}.{key}", "a dotted key such as model.hidden", repr(key))
    if above:
        return Fault(entry.where, f"{name}.{key}", "axes that do not contain each other", f"{above[0]} too")
    if keys.count(key) > 1:
        return Fault(entry.where, f"{name}.{key}", "each axis once", "it again")
    if not isinstance(values, tuple) or not values:
        return Fault(entry.node.where, f"{name}.{key}", "a list of values", entry.node.shown())
    return None


def _items(entry: Entry | None) -> tuple[Node, ...]:
    """The items of a list, or the value alone; nothing for nothing."""
    if entry is None:
        return ()
    return entry.node.value if isinstance(entry.node.value, tuple) else (entry.node,)


def _mappings(entry: Entry | None, name: str, faults: list[Fault]) -> list[Node]:
    """The mappings of a list, or one alone; what is none becomes a fault."""
    items = _items(entry)
    wrong = [node for node in items if not isinstance(node.value, dict)]
    faults += [Fault(node.where, name, "a mapping, or a list of mappings", node.shown()) for node in wrong]
    return [node for node in items if isinstance(node.value, dict)]


def _each(
    nodes: list[Node] | tuple[Node, ...], name: str, read: Callable[[Node, str], _Read | Fault], faults: list[Fault]
) -> list[_Read]:
    """What the nodes are read as; what cannot be read becomes a fault."""
    good: list[_Read] = []
    for place, node in enumerate(nodes):
        found = read(node, f"{name}.{place}")
        if isinstance(found, Fault):
            faults.append(found)
        else:
            good.append(found)
    return good
