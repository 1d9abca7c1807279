"""The figures that a report shows: of each study what it has recorded, and of several what they share."""

from __future__ import annotations

import html
import inspect
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandas as pd
    import plotly.graph_objects as go

    from gradlab.figures import Figure
    from gradlab.reports import Drawing
    from gradlab.store import Store


def drawings(store: Store, studies: Sequence[str], *, compare: bool = False) -> dict[str, list[Drawing]]:
    """Figures by study, a line a group of runs; with `compare`, under the name "", a line a study.

    Figures of tables that were not recorded are left out.
    """
    found = {"": list(_drawn(store, list(studies), ["study"]))} if compare else {}
    found |= {study: list(_drawn(store, [study], _keys(store, study))) for study in studies}
    return {study: [_drawing(*one) for one in drawn] for study, drawn in found.items()}


def pictures(store: Store, study: str) -> Iterator[tuple[str, go.Figure]]:
    """The same figures of one study by their names, one by one."""
    for figure, _, picture in _drawn(store, [study], _keys(store, study)):
        yield figure.name, picture


def _keys(store: Store, study: str) -> list[str]:
    """The settings that tell its groups apart."""
    from gradlab import reports

    info = store.study(study) if study else None
    return list(reports.grouping(store.runs(study), info.axes if info else ()).keys)


def _drawn(store: Store, studies: list[str], by: list[str]) -> Iterator[tuple[Figure, pd.DataFrame, go.Figure]]:
    from gradlab import reports
    from gradlab.figures import FIGURES

    frames = {}
    counted = {run.facts.get("score_name") for study in studies for run in store.runs(study)}
    demands = {run.facts.get("demanded_lag") for study in studies for run in store.runs(study)}
    demand = demands.pop() if len(demands) == 1 else None
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
            known = {"demanded_lag": demand} if "demanded_lag" in inspect.signature(figure.draw).parameters else {}
            yield figure, data, figure.draw(data, theme="light", **known)


def _drawing(figure: Figure, data: pd.DataFrame, picture: go.Figure) -> Drawing:
    from gradlab.figures.theme import dark_colours
    from gradlab.reports import Drawing

    title = html.unescape(picture.layout.title.text or figure.title)
    return Drawing(title, figure.how_to_read, figure.describe(data), str(picture.to_json()), dark_colours())
