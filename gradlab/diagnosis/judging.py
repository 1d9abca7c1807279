"""`diagnose`: what is wrong with one or many runs, read from their tables."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import pandas as pd

from gradlab.diagnosis.case import Case
from gradlab.diagnosis.finding import CERTAINTIES, Finding, Unjudged
from gradlab.diagnosis.findings import FINDINGS
from gradlab.diagnosis.result import Diagnosis
from gradlab.quantities import TABLES

_ORDER = {rule.name: place for place, rule in enumerate(FINDINGS)}


def diagnose(
    frames: Any,
    *,
    demanded_lag: int | None = None,
    chance_loss: float | None = None,
    settings: Mapping[str, Any] | None = None,
) -> Diagnosis:
    """Judge runs by every rule of `gradlab.diagnosis.FINDINGS`.

    Args:
        frames: pandas frames by table name, as a recorder's `frames()` gives them or `gradlab.reports.load` one by
            one; or anything with a method `frames()`: a recorder, what `gradlab.analyse` gives. A column `run` tells
            several runs apart. The table `runs` (settings and facts, a row a run) lets more be judged.
        demanded_lag: how many steps back the gradient must reach, where the frames do not say it.
        chance_loss: the loss of a net that has learned nothing, where they do not say it.
        settings: further settings by dotted key, such as `{"model.nonlinearity": "relu"}`; they count for all runs.

    Returns:
        The findings, problems first; with what could not be judged, and why.

    Raises:
        ValueError: when `frames` is something else, or names a table that the catalogue does not have.
    """
    tables = _tables(frames)
    known = {**(frames.settings() if hasattr(frames, "settings") else {}), **(settings or {})}
    if demanded_lag is not None:
        known["demanded_lag"] = demanded_lag
    if chance_loss is not None:
        known["chance_loss"] = chance_loss
    findings: list[Finding] = []
    unjudged: list[Unjudged] = []
    runs = []
    for run, own in _by_run(tables):
        runs.append(run)
        case = Case(own, run, known)
        for rule in FINDINGS:
            said = rule(case)
            if isinstance(said, Finding):
                findings.append(said)
            elif said is not None:
                unjudged.append(said)
    labels = labels_of(tables.get("runs"))
    return Diagnosis(tuple(sorted(findings, key=_rank)), tuple(unjudged), tuple(runs), labels)


def labels_of(runs: pd.DataFrame | None) -> dict[str, str]:
    """The settings that differ between the runs of a table `runs`, by run; none of a single run."""
    if runs is None or len(runs) < 2 or "run" not in runs.columns:
        return {}
    settings = [name for name in runs.columns if "." in str(name) or name == "seed"]
    varied = [name for name in settings if runs[name].astype(str).nunique() > 1]
    rows = runs[["run", *varied]].to_dict("records")
    return {str(row["run"]): " ".join(f"{_short(name)}={row[name]}" for name in varied) for row in rows}


def _short(name: object) -> str:
    """`model.cell` as `cell`, `training.clip.name` as `clip.name`."""
    words = str(name).split(".")
    return ".".join(words[-2:]) if len(words) > 2 else words[-1]


def _rank(finding: Finding) -> tuple[bool, int, int]:
    """Problems before notes, sure ones first, and causes before what follows from them."""
    return finding.weight == "note", CERTAINTIES.index(finding.certainty), _ORDER[finding.name]


def _tables(frames: Any) -> dict[str, pd.DataFrame]:
    """The frames by table, whatever they came in."""
    given = frames.frames() if not isinstance(frames, Mapping) and hasattr(frames, "frames") else frames
    if isinstance(given, pd.DataFrame) or not isinstance(given, Mapping):
        raise ValueError(
            'expected pandas frames by table name, such as recorder.frames() or {"steps": gradlab.reports.load(store, '
            f'"steps")}}, got {type(frames).__name__}'
        )
    unknown = [name for name in given if name not in TABLES]
    if unknown:
        raise ValueError(f"expected tables among {', '.join(TABLES)}, got {', '.join(map(str, unknown))}")
    for name, frame in given.items():
        axes = [axis for axis in TABLES[name].axes if axis != "run"]
        if not isinstance(frame, pd.DataFrame) or (len(frame) and not set(axes) <= set(frame.columns)):
            raise ValueError(f"table {name!r}: expected a pandas frame with the columns {', '.join(axes)}")
    return {name: _complete(name, frame) for name, frame in given.items() if len(frame)}


def _complete(table: str, frame: pd.DataFrame) -> pd.DataFrame:
    """With every column of the catalogue: what was left out counts as not measured."""
    if table == "runs":
        return frame
    missing = [name for name in TABLES[table].columns if name not in frame.columns]
    return frame.reindex(columns=[*frame.columns, *missing]) if missing else frame


def _by_run(tables: Mapping[str, pd.DataFrame]) -> Iterator[tuple[str, dict[str, pd.DataFrame]]]:
    """Each run's own rows; frames without a column `run` belong to the only run there is."""
    named = {name: frame for name, frame in tables.items() if "run" in frame.columns}
    runs = list(dict.fromkeys(str(run) for frame in named.values() for run in frame["run"].unique()))
    if len(runs) < 2:
        if tables:
            yield (runs or [""])[0], dict(tables)
        return
    loose = sorted(set(tables) - set(named))
    if loose:
        raise ValueError(f"expected a column `run` in every table of {len(runs)} runs, got none in {', '.join(loose)}")
    parts = {name: {str(run): rows for run, rows in frame.groupby("run", sort=False)} for name, frame in named.items()}
    for run in runs:
        yield run, {name: rows[run] for name, rows in parts.items() if run in rows}
