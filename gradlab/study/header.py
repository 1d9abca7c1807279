"""What a study says about itself: its name, its question, its claims. Read without torch."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from gradlab.errors import ConfigError, Fault
from gradlab.study.claims import Claims, claims_of
from gradlab.study.extend import base_of, merged, without_base
from gradlab.study.tree import Node
from gradlab.study.yaml_nodes import read_yaml

KEYS = ("question", "claims", "grid", "limits", "scales", "extends")
"""The keys of a study file that are no settings of a run."""

MAX_EXTENDED = 20
"""How many files may stand above a study."""

_NAME = re.compile(r"\w[\w .+-]{0,63}")


@dataclass(frozen=True, slots=True)
class Header:
    """The words of a study file."""

    name: str
    """The file's name without its ending; names the study in the store."""
    path: Path
    question: str
    claims: tuple[str, ...]
    """In words."""
    claimed: Claims
    """The same, with those that the data decide."""


def read_tree(path: Path, above: tuple[Path, ...] = ()) -> Node:
    """The study file as a tree of values with places, set into the one that it `extends`.

    Raises ConfigError when it, or a file that it extends, is no readable mapping; `above` is how it was reached.
    """
    tree = _read_one(path)
    base = base_of(tree, path)
    if base is None:
        return tree
    where = tree.entries()["extends"].node.where
    if _real(base) in [_real(one) for one in (*above, path)]:
        raise ConfigError([Fault(where, "extends", "another study", "itself")])
    if len(above) > MAX_EXTENDED:
        raise ConfigError([Fault(where, "extends", f"at most {MAX_EXTENDED} studies above one another", "more")])
    return merged(read_tree(base, (*above, path)), without_base(tree))


def _real(path: Path) -> Path:
    """The file itself, however it is called; one that cannot be found out is refused when it is read."""
    try:
        return path.resolve()
    except (OSError, RuntimeError):  # a loop of links
        return path


def _read_one(path: Path) -> Node:
    name = str(path)
    try:
        text = path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise ConfigError([Fault(name, "file", "YAML in UTF-8", f"bytes that are no text, at {error.start}")]) from None
    except OSError as error:
        found = (error.strerror or type(error).__name__).lower()
        raise ConfigError([Fault(name, "file", "a study file that can be read", found)]) from None
    except ValueError as error:  # a name with a null character
        raise ConfigError([Fault(repr(name), "file", "the path of a study file", str(error))]) from None
    tree = read_yaml(text, name)
    if not isinstance(tree.value, dict):
        found = "an empty file" if tree.value is None else tree.shown()
        raise ConfigError([Fault(tree.where, "file", "a mapping with question, task, model, training, grid", found)])
    return tree


def header_of(tree: Node, path: Path) -> tuple[Header, list[Fault]]:
    """The words of a study, and the mistakes in them."""
    faults = []
    if not _NAME.fullmatch(path.stem):
        expected = "a file name of at most 64 letters, digits, spaces and _.+- (it names the study)"
        faults.append(Fault(str(path), "file", expected, repr(path.stem)))
    entries = tree.entries()
    question = entries["question"].node.value if "question" in entries else None
    if not isinstance(question, str) or not question.strip():
        where = entries["question"].node.where if "question" in entries else tree.where
        found = entries["question"].node.shown() if "question" in entries else "nothing"
        faults.append(Fault(where, "question", "the question that the study answers, as text", found))
    claims, found_in_claims = claims_of(entries["claims"].node if "claims" in entries else Node((), tree.where))
    faults += found_in_claims
    return Header(path.stem, path, " ".join(str(question or "").split()), claims.sentences, claims), faults


def read_header(path: Path) -> Header:
    """The words of the study in a file; raises ConfigError with every mistake in them."""
    header, faults = header_of(read_tree(path), path)
    if faults:
        raise ConfigError(faults)
    return header
