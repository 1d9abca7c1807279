"""Export: every table and figure of a study as a file for other programs."""

import importlib.util
from collections.abc import Callable, Sequence
from functools import partial
from itertools import islice
from typing import Any, Literal

import streamlit as st

from dashboards.components.address import choose
from dashboards.components.choices import choose_groups, choose_part, choose_study, write_part
from dashboards.components.figure import write_figure
from dashboards.components.files import FORMATS, study_report, study_workbook, table_of_study
from dashboards.components.runs import open_store, read_table, state_of, steps_to_read, store_address
from dashboards.components.text import write_notice, write_text
from gradlab import figures
from gradlab.errors import StoreError
from gradlab.figures import Figure
from gradlab.figures.text import count_of
from gradlab.quantities import TABLES
from gradlab.reports.rows import part_sizes, stored_tables
from gradlab.store import RunInfo, Store
from gradlab.store.names import encode_name

# rows and bytes of a table
Size = tuple[int, int]
_REPORTS: dict[Literal["md", "html"], tuple[str, str]] = {
    "md": ("The report as Markdown", "text/markdown"), "html": ("The report as one page", "text/html"),
}  # fmt: skip
# so many runs are counted; of more, the size is told from an even selection of them
COUNTED = 12
_EXCEL_ROWS = 1_048_575
# figures that need more than a table: random nets, and a loss in nats per character
_NOT_HERE = ("mean_field", "bits")


def main() -> None:
    st.title("Export", anchor=False)
    answer = st.container()
    store, studies, runs = open_store()
    with st.container(horizontal=True, vertical_alignment="top"):
        study, own = choose_study(studies, runs)
        by = choose_groups(study, own)
    if not own:
        with answer:
            write_text("No run of this study has started yet.", "answer")
            write_notice("There is nothing to take along.", "Its tables appear here as soon as it has recorded one.")
        return
    state = state_of(own)
    tables = ["runs", *_tables(store_address(), study.name, state, _runs=own)]
    with answer:
        write_text(f"{count_of(len(tables), 'table')} of {count_of(len(own), 'run')} can be taken along.", "answer")
        write_text(
            "Every row carries its run and the settings that vary. Parquet keeps units, meanings and the difference "
            "between NaN and not measured; text is never a formula.",
            "read",
        )
    st.subheader("Tables", anchor=False)
    for table in tables:
        _write_table(store, study.name, table, own, state)
    with st.container(horizontal=True):
        if importlib.util.find_spec("xlsxwriter") is not None:
            _button("All tables as one Excel workbook", partial(study_workbook, store, study.name), study.name, "xlsx")
        for to, (label, kind) in _REPORTS.items():
            st.download_button(
                label, partial(study_report, store, study.name, to), f"{encode_name(study.name or 'runs')}.{to}", kind,
                key=f"report:{to}", on_click="ignore",
            )  # fmt: skip
    st.subheader("Figures", anchor=False)
    drawable = [figure for figure in figures.FIGURES if figure.table in tables and figure.name not in _NOT_HERE]
    if not drawable:
        write_text("Nothing has been recorded yet that a figure could show.", "small")
        return
    names = {figure.name: figure for figure in drawable}
    name = choose("Figure", "figure", tuple(names), show=lambda name: names[name].title)
    if name is not None:
        part = choose_part(own)
        write_part(part, own)
        _write_figure(store, study.name, names[name], part, by)


@st.cache_resource(max_entries=16, show_spinner=False)
def _tables(address: str, study: str, state: str, *, _runs: Sequence[RunInfo]) -> list[str]:
    return stored_tables(_runs)


def _write_table(store: Store, study: str, table: str, runs: Sequence[RunInfo], state: str) -> None:
    """A line with the table's size, meaning and buttons."""
    try:
        rows, size = (len(runs), 0) if table == "runs" else _sizes(store_address(), study, table, state, _runs=runs)
    except (OSError, StoreError) as error:
        write_notice(f"The table {table} cannot be read.", str(error))
        return
    with st.container(horizontal=True, vertical_alignment="center"):
        about = "about " if len(runs) > COUNTED and table != "runs" else ""
        told = f"{table}: {about}{count_of(rows, 'row')}" + (f", {_in_words(size)} stored" if size else "")
        with st.container(width="stretch", key=f"about-{table}"):
            write_text(told)
            write_text(TABLES[table].meaning, "small")
        for ending, (label, _) in FORMATS.items():
            if ending == "xlsx" and (rows > _EXCEL_ROWS or importlib.util.find_spec("xlsxwriter") is None):
                continue
            _button(label, partial(table_of_study, store, study, table, ending), study, ending, table)


@st.cache_resource(max_entries=64, show_spinner=False)
def _sizes(address: str, study: str, table: str, state: str, *, _runs: Sequence[RunInfo]) -> Size:
    counted = _runs[:: -(-len(_runs) // COUNTED)]
    rows, size = part_sizes(counted, table)
    return rows * len(_runs) // len(counted), size * len(_runs) // len(counted)


def _in_words(size: int) -> str:
    return f"{size / 1e6:,.1f} MB" if size >= 1e6 else f"{max(round(size / 1e3), 1)} kB"


def _button(label: str, make: Callable[[], bytes], study: str, ending: str, table: str = "") -> None:
    """A button whose file is made when it is pressed."""
    name = encode_name(study or "runs") + (f"-{table}" if table else "")
    st.download_button(
        label,
        make,
        f"{name}.{ending}",
        FORMATS[ending][1],  # type: ignore[index]
        key=f"export:{table}:{ending}",
        on_click="ignore",
    )


def _write_figure(store: Store, study: str, figure: Figure, runs: Sequence[RunInfo], by: tuple[str, ...]) -> None:
    """A figure over all runs, at the last recorded step, with its numbers and its files below it."""
    axes = TABLES[figure.table].axes
    if "run" in figure.data.__annotations__:
        # it draws one, and the pages let the reader choose which; files that are damaged hold nothing to draw
        having = (run for run in runs if figure.table in run.tables())
        runs = list(islice((run for run in having if len(read_table(store, figure.table, [run], ["step"]))), 1))
    where: dict[str, Any] | None = None
    if "t" in axes:
        first = {"t": 0, "index": 0} if "index" in axes else {"t": 0}
        steps = read_table(store, figure.table, runs, ["step"], where=first)["step"]
        rows = _sizes(store_address(), study, figure.table, state_of(runs), _runs=runs)[0]
        chosen = steps_to_read(sorted(steps.unique().tolist()), 20 * rows / max(steps.nunique(), 1))
        where = {"step": chosen}
    columns = [name for name in TABLES[figure.table].columns if name != "run"]
    frame = read_table(store, figure.table, runs, columns, by, where=where)
    data = figure.data(frame, by=by) if "by" in figure.data.__annotations__ else figure.data(frame)
    write_figure(figure, data)


main()
