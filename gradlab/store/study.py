"""The document of a study: its question, claims, axes and the runs it expects."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from gradlab.store import documents
from gradlab.store.folder import Folder
from gradlab.store.schema import SCHEMA_VERSION

STUDY = "study.json"


@dataclass(frozen=True, slots=True)
class StudyInfo:
    """A study as it stands in a store."""

    name: str
    path: str
    """Its folder's address."""
    question: str = ""
    claims: tuple[str, ...] = ()
    axes: tuple[str, ...] = ()
    """Dotted keys of the settings that vary, in the order of the grid."""
    created: str = ""
    """UTC, ISO 8601; empty when the study's document is missing."""
    expected: tuple[str, ...] = ()
    """Ids of the runs of the grid, in the order of the grid."""
    facts: Mapping[str, Any] = field(default_factory=dict)
    """Whatever else was written with the study."""
    expected_configs: Mapping[str, dict[str, Any]] = field(default_factory=dict, repr=False)
    """The resolved config of each expected run, nested."""


def write_study(folder: Folder, study: StudyInfo) -> None:
    """Write a study's document. Raises OSError, and ValueError for facts that JSON cannot hold."""
    document = {
        "schema": SCHEMA_VERSION,
        "name": study.name,
        "question": study.question,
        "claims": study.claims,
        "axes": study.axes,
        "created": study.created,
        "expected": {run: study.expected_configs.get(run, {}) for run in study.expected},
        "facts": study.facts,
    }
    folder.write(STUDY, documents.encode(document))


def parse_study(data: bytes, path: str) -> StudyInfo:
    """The study whose document this is.

    Raises:
        ValueError: when the document is damaged.
    """
    document = documents.decode(data)
    try:
        return StudyInfo(
            str(document["name"]),
            path,
            str(document["question"]),
            tuple(str(claim) for claim in document["claims"]),
            tuple(str(axis) for axis in document["axes"]),
            str(document["created"]),
            tuple(document["expected"]),
            dict(document.get("facts", {})),
            dict(document["expected"]),
        )
    except (KeyError, TypeError) as error:
        raise ValueError(f"expected a study's document, {error!r} is wrong or missing") from error
