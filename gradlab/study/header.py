"""What a study says about itself: its name, its question, its claims. Read without torch."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from gradlab.errors import ConfigError, Fault
from gradlab.study.claims import Claims, claims_of
from gradlab.study.tree import Node
from gradlab.study.yaml_nodes import read_yaml

KEYS = ("question", "claims", "grid")
"""The keys of a study file that are no settings of a run."""

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


def read_tree(path: Path) -> Node:
    """The study file as a tree of values with places; raises ConfigError when it is no readable mapping."""
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
