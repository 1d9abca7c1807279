"""The figures that a report page shows: of each study what it has recorded, and of several what they share."""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from gradlab.figures import Figure
    from gradlab.reports import Drawing
    from gradlab.store import Store


def drawings(store: Store, studies: Sequence[str], *, compare: bool = False) -> dict[str, list[Drawing]]:
    """Figures by study, a line a group of runs; with `compare`, under the name "", a line a study.

    Figures of tables that were not recorded are left out.
    """
    from gradlab import reports

    drawn: dict[str, list[Drawing]] = {}
    if compare:
        drawn[""] = _drawn(store, list(studies), ["study"])
    for study in studies:
        info = store.study(study) if study else None
        keys = list(reports.grouping(store.runs(study), info.axes if info else ()).keys)
        drawn[study] = _drawn(store, [study], keys)
    return drawn


def _drawn(store: Store, studies: list[str], by: list[str]) -> list[Drawing]:
    from gradlab import reports
    from gradlab.figures import FIGURES

    found = []
    frames = {}
    counted = {run.facts.get("score_name") for study in studies for run in store.runs(study)}
    for figure in FIGURES:
        if "by" not in inspect.signature(figure.data).parameters:
            continue  # of a single run
        if figure.name == "bits" and counted != {"bits per character"}:
            continue
        if figure.table not in frames:
            frames[figure.table] = reports.load(store, figure.table, study=studies, with_settings=by)
        frame = frames[figure.table]
        if frame.empty:
            continue
        try:
            data = figure.data(frame, by=by)
        except ValueError:  # it needs columns that are not in the store, such as the gain of a net that was drawn
            continue
        if len(data):
            found.append(_drawing(figure, data))
    return found


def _drawing(figure: Figure, data: object) -> Drawing:
    from gradlab.reports import Drawing

    picture = figure.draw(data, theme="light")
    return Drawing(figure.title, figure.how_to_read, figure.describe(data), str(picture.to_json()))  # type: ignore[arg-type]
