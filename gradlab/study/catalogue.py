"""Finds study files: those that are shipped with gradlab, by name, and others by path. No torch."""

from __future__ import annotations

import importlib.resources
from pathlib import Path

import gradlab
from gradlab.errors import ConfigError, Fault
from gradlab.study.faults import nearest


def shipped_folder() -> Path:
    """Where the shipped studies lie: the checkout's `studies/`, or inside the installed package."""
    checkout = Path(gradlab.__file__).parent.parent
    if (checkout / "pyproject.toml").is_file() and (checkout / "studies").is_dir():
        return checkout / "studies"
    return Path(str(importlib.resources.files("gradlab") / "_shipped" / "studies"))


def shipped() -> dict[str, Path]:
    """The shipped study files by name."""
    return {path.stem: path for path in sorted(shipped_folder().glob("*.yaml"))}


def find(study: str) -> Path:
    """The file that a user means: a path, or the name of a shipped study.

    Raises ConfigError when there is neither.
    """
    path = Path(study)
    if path.suffix in (".yaml", ".yml") or len(path.parts) > 1 or path.is_file():
        return path
    known = shipped()
    if study in known:
        return known[study]
    expected = f"the path of a study file, or one of {', '.join(known)}"
    raise ConfigError([Fault(study or "study", "study", expected, "neither", nearest(study, known))])
