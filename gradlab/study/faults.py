"""Turns what pydantic says into faults that name file, line, key, what was expected and what was found."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Annotated, Any, get_args, get_origin

from pydantic import BaseModel, ValidationError

from gradlab.errors import Fault
from gradlab.study.tree import Node

Location = tuple[int | str, ...]


def faults_of(error: ValidationError, tree: Node, model: type[BaseModel]) -> list[Fault]:
    """Every mistake that pydantic found in a tree, in pydantic's order.

    Args:
        error: from validating `tree.plain()` as `model`.
        tree: the values with their places.
        model: gives the known names for suggestions.
    """
    found: dict[tuple[str, ...], list[dict[str, Any]]] = {}
    for detail in error.errors(include_url=False):
        path, _ = _walk(tree, detail["loc"])
        if detail["type"] == "missing":
            path = (*path, str(detail["loc"][-1]))
        found.setdefault(path, []).append(dict(detail))
    # A union reports each of its branches: where one got further in, the shallow ones say nothing new.
    deepest = [path for path in found if not any(_below(other, path) for other in found) or _certain(found[path])]
    return [_fault(path, found[path], tree, model) for path in deepest]


def nearest(name: object, known: Iterable[str]) -> str:
    """The known name that looks most like `name`, or an empty string."""
    matches = difflib.get_close_matches(str(name), list(known), n=1, cutoff=0.6)
    return matches[0] if matches else ""


def _below(path: tuple[str, ...], other: tuple[str, ...]) -> bool:
    return len(path) > len(other) and path[: len(other)] == other


def _certain(details: Sequence[Mapping[str, Any]]) -> bool:
    """Whether the mistake is one whatever the branch of a union."""
    return any(detail["type"] in ("extra_forbidden", "missing", "value_error") for detail in details)


def _walk(tree: Node, loc: Location) -> tuple[tuple[str, ...], Node]:
    """Follow a pydantic location through the tree; parts that name a union's branch are passed over."""
    path: tuple[str, ...] = ()
    node = tree
    for part in loc:
        if isinstance(node.value, dict) and part in node.value:
            node = node.value[str(part)].node
        elif isinstance(node.value, tuple) and isinstance(part, int) and part < len(node.value):
            node = node.value[part]
        else:
            continue
        path = (*path, str(part))
    return path, node


def place_of(tree: Node, path: tuple[str, ...], *, of_key: bool = False) -> str:
    """Where the value at a path stands (or its key); for a missing one, where its mapping stands."""
    node, where = tree, tree.where
    for part in path:
        if isinstance(node.value, dict) and part in node.value:
            entry = node.value[part]
            # A mapping written below its key is best pointed at by the key.
            node, where = entry.node, entry.where if of_key or entry.node.entries() else entry.node.where
        elif isinstance(node.value, tuple):
            node = node.value[int(part)]
            where = node.where
        else:
            break
    return where


def _fault(path: tuple[str, ...], details: list[dict[str, Any]], tree: Node, model: type[BaseModel]) -> Fault:
    first = details[0]
    key = ".".join(path) or "file"
    kind = first["type"]
    if kind == "extra_forbidden":
        known = _names(model, first["loc"][:-1])
        expected = f"one of {', '.join(known)}" if known else "no such key"
        place = place_of(tree, path, of_key=True)
        return Fault(place, key, expected, f"the unknown name {path[-1]!r}", nearest(path[-1], known))
    if kind == "missing":
        return Fault(place_of(tree, path), key, "a value", "nothing")
    if kind in ("union_tag_invalid", "union_tag_not_found"):
        return _tag_fault(path, first, tree, model)
    if kind in ("value_error", "assertion_error"):
        return fault_of_message(re.sub(r"^(Value error|Assertion failed), ", "", first["msg"]), tree, path)
    expected = " or ".join(dict.fromkeys(_expected(detail) for detail in details))
    options = [name for detail in details for name in _options(detail)]
    value = _walk(tree, first["loc"])[1]
    suggestion = nearest(value.value, options) if isinstance(value.value, str) else ""
    return Fault(place_of(tree, path), key, expected, value.shown(), suggestion)


def _tag_fault(path: tuple[str, ...], detail: dict[str, Any], tree: Node, model: type[BaseModel]) -> Fault:
    """A `name` that no class of the union has, or none at all."""
    key = (*path, str(detail["ctx"]["discriminator"]).strip("'"))
    node = _walk(tree, detail["loc"])[1]
    known = _tags(model, detail["loc"], key[-1])
    expected = f"one of {', '.join(known)}"
    if not isinstance(node.value, dict):
        suggestion = nearest(node.value, known) if isinstance(node.value, str) else ""
        return Fault(place_of(tree, path), ".".join(path), expected, node.shown(), suggestion)
    if key[-1] not in node.entries():
        return Fault(place_of(tree, path), ".".join(key), expected, "nothing")
    value = node.entries()[key[-1]].node
    return Fault(place_of(tree, key), ".".join(key), expected, value.shown(), nearest(value.value, known))


_TOLD = re.compile(r"(?:(?P<key>\w+): )?expected (?P<expected>.+?)[,;] got (?P<found>.+)", re.DOTALL)
"""How gradlab's own messages are built: what was expected, what was given, sometimes for which setting."""


def fault_of_message(message: str, tree: Node, path: tuple[str, ...], found: str | None = None) -> Fault:
    """The fault of a ValueError about the value at a path; `found` is for messages that do not say it."""
    told = _TOLD.fullmatch(message)
    node = _walk(tree, path)[1]
    if told and told["key"]:
        path = (*path, told["key"]) if told["key"] in node.entries() else path
    expected = told["expected"] if told else message.removeprefix("expected ")
    found = told["found"] if told else found or node.shown()
    return Fault(place_of(tree, path), ".".join(path) or "file", " ".join(expected.split()), " ".join(found.split()))


_OPTION = re.compile(r"'((?:[^'\\]|\\.)*)'")


def _options(detail: Mapping[str, Any]) -> list[str]:
    """The literals that a value may be."""
    return _OPTION.findall(str(detail.get("ctx", {}).get("expected", ""))) if detail["type"] == "literal_error" else []


_EXPECTED = {
    "int_type": "a whole number",
    "float_type": "a number",
    "string_type": "text",
    "bool_type": "true or false",
    "model_type": "a mapping",
    "model_attributes_type": "a mapping",
    "dict_type": "a mapping",
    "tuple_type": "a list",
    "list_type": "a list",
    "none_required": "null",
    "finite_number": "a finite number",
    "string_too_short": "text that is not empty",
}


def _expected(detail: Mapping[str, Any]) -> str:
    if detail["type"] in _EXPECTED:
        return _EXPECTED[detail["type"]]
    message = str(detail["msg"])
    message = message.removeprefix("Input should be ")
    if detail["type"] in ("greater_than", "greater_than_equal", "less_than", "less_than_equal"):
        return f"a number {message}"
    return message[:1].lower() + message[1:]


def _classes(annotation: Any) -> list[type[BaseModel]]:
    """The settings classes that an annotation allows."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    parts = get_args(annotation)[:1] if get_origin(annotation) is Annotated else get_args(annotation)
    return [found for part in parts for found in _classes(part)]


def _reached(model: type[BaseModel], loc: Location) -> list[type[BaseModel]]:
    """The settings classes that a pydantic location leads to, narrowed where it names one of a union."""
    classes = [model]
    for part in loc:
        fields = [found.model_fields[str(part)] for found in classes if str(part) in found.model_fields]
        if fields:
            classes = [found for field in fields for found in _classes(field.annotation)]
        else:
            classes = [found for found in classes if part in (found.__name__, _tag(found))] or classes
    return classes


def _tag(model: type[BaseModel], discriminator: str = "name") -> str:
    field = model.model_fields.get(discriminator)
    return str(field.default) if field else ""


def _names(model: type[BaseModel], loc: Location) -> list[str]:
    return list(dict.fromkeys(name for found in _reached(model, loc) for name in _given_names(found)))


def _given_names(model: type[BaseModel]) -> list[str]:
    """The names of a class's fields as a study file writes them."""
    return [field.alias or name for name, field in model.model_fields.items()]


def _tags(model: type[BaseModel], loc: Location, discriminator: str) -> list[str]:
    return [_tag(found, discriminator) for found in _reached(model, loc)]
