"""A figure on a page: the picture, how to read it, and behind a fold its numbers, to look at and to take along."""

from typing import Any

import pandas as pd
import streamlit as st

from dashboards.components.text import write_text
from gradlab.figures import Figure
from gradlab.figures.theme import ThemeName

ROWS_SHOWN = 1000
_CONFIG = {"displaylogo": False, "modeBarButtonsToRemove": ["select2d", "lasso2d"]}


def current_theme() -> ThemeName:
    """The mode that the reader has chosen in Streamlit."""
    return "dark" if st.context.theme.type == "dark" else "light"


def write_figure(figure: Figure, data: pd.DataFrame, *, live: str = "", **drawing: Any) -> None:
    """Draw a figure from its data, with everything that belongs to it.

    Args:
        figure: entry of the gallery.
        data: what its data function returned.
        live: what the figure is about, where it is drawn again and again: the reader's zoom outlives new data.
        drawing: further arguments of its drawing function.
    """
    drawn = figure.draw(data, theme=current_theme(), **drawing)
    # the page's heading says it already
    drawn.update_layout(title_text=None, margin_t=16, uirevision=live or None)
    st.plotly_chart(
        drawn,
        theme=None,
        width="stretch",
        key=f"figure:{figure.name}",
        config=_CONFIG,
        alt=figure.describe(data),
    )
    write_text(f"How to read it: {figure.how_to_read}", kind="read")
    if len(data):
        write_table(data, figure.name)


def write_table(data: pd.DataFrame, name: str) -> None:
    """The numbers behind a fold, and the button that saves them."""
    with st.expander("Table and download"):
        st.dataframe(data.head(ROWS_SHOWN), hide_index=True, key=f"table:{name}")
        if len(data) > ROWS_SHOWN:
            write_text(f"The first {ROWS_SHOWN:,} of {len(data):,} rows; the file holds all of them.", kind="small")
        st.download_button(
            "Download CSV",
            lambda: as_csv(data),
            f"{name}.csv",
            "text/csv",
            key=f"download:{name}",
            on_click="ignore",
        )


def as_csv(data: pd.DataFrame) -> bytes:
    """CSV in UTF-8, in which no text can be taken for a formula by a spreadsheet."""
    data = data.copy(deep=False)
    for name in data.columns:
        if not pd.api.types.is_numeric_dtype(data[name]) and not pd.api.types.is_bool_dtype(data[name]):
            data[name] = data[name].astype(object).map(_no_formula)
    data.columns = [_no_formula(str(name)) for name in data.columns]
    return data.to_csv(index=False, na_rep="NaN").encode()


def _no_formula(value: object) -> object:
    if isinstance(value, str) and value.startswith(("=", "+", "-", "@", "\t", "\r")):
        return "'" + value
    return value
