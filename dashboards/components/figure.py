"""A figure on a page: the picture, how to read it, and behind a fold its numbers, to look at and to take along."""

from collections.abc import Callable
from functools import partial
from typing import Any

import pandas as pd
import plotly.graph_objects as go
import streamlit as st

from dashboards.components.drawings import drawing_of
from dashboards.components.files import as_csv, as_html
from dashboards.components.text import write_reading, write_text
from gradlab.figures import Figure
from gradlab.figures.images import ImageFormat, image_bytes, what_is_missing
from gradlab.figures.theme import ThemeName

ROWS_SHOWN = 1000
IMAGES: dict[ImageFormat, str] = {"png": "image/png", "svg": "image/svg+xml", "pdf": "application/pdf"}
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
    drawn = drawing_of(figure, data, current_theme(), live, drawing)
    st.plotly_chart(
        drawn.figure,
        theme=None,
        width="stretch",
        key=f"figure:{figure.name}",
        config=_CONFIG,
        alt=drawn.described,
    )
    write_reading(figure.how_to_read)
    if len(data):
        write_table(data, figure.name, drawn.figure, drawn.title)


def write_table(
    data: pd.DataFrame,
    name: str,
    drawn: go.Figure | None = None,
    title: str | None = None,
    fold: str = "Table and download",
) -> None:
    """The numbers behind a fold, and the buttons that save them, and the figure where there is one."""
    with st.expander(fold):
        st.dataframe(data.head(ROWS_SHOWN), hide_index=True, key=f"table:{name}")
        if len(data) > ROWS_SHOWN:
            write_text(f"The first {ROWS_SHOWN:,} of {len(data):,} rows; the file holds all of them.", kind="small")
        with st.container(horizontal=True):
            # the bytes are made when the button is pressed
            offers = [("Download CSV", lambda: as_csv(data), "csv", "text/csv")]
            if drawn is not None:
                whole = partial(with_title, drawn, title)
                offers.append(("Figure as HTML", lambda: as_html(whole()), "html", "text/html"))
                if not what_is_missing():
                    offers += [
                        (f"Figure as {kind.upper()}", partial(_image, whole, kind), kind, mime)
                        for kind, mime in IMAGES.items()
                    ]
            for label, make, ending, kind in offers:
                st.download_button(
                    label, make, f"{name}.{ending}", kind, key=f"download:{name}:{ending}", on_click="ignore"
                )


def with_title(drawn: go.Figure, title: str | None) -> go.Figure:
    """The figure as it stands alone, away from the page that says what it is."""
    return go.Figure(drawn).update_layout(title_text=title, margin_t=None)


def _image(whole: Callable[[], go.Figure], kind: ImageFormat) -> bytes:
    return image_bytes(whole(), kind)
