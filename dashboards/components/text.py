"""Text on the page that is shown as text, whoever wrote it: no tags, no Markdown, no formulas."""

import html
from collections.abc import Iterable
from typing import Literal

import pandas as pd
import streamlit as st

Kind = Literal["answer", "question", "read", "small", "label", "help", "plain"]


def write_text(text: object, kind: Kind = "plain") -> None:
    """A paragraph in one of the page's voices."""
    st.html(f'<p class="gradlab-{kind}">{html.escape(str(text))}</p>')


def write_reading(text: object) -> None:
    """How a figure is to be read: a paragraph; on a narrow page a fold, so that figure follows figure."""
    words = html.escape(str(text))
    st.html(
        f'<p class="gradlab-read gradlab-wide">How to read it: {words}</p>'
        f'<details class="gradlab-read gradlab-narrow"><summary>How to read it</summary>{words}</details>'
    )


def write_list(items: Iterable[object]) -> None:
    """A bulleted list."""
    st.html(f'<ul class="gradlab-list">{"".join(f"<li>{html.escape(str(item))}</li>" for item in items)}</ul>')


def write_grid(rows: pd.DataFrame, caption: str) -> None:
    """A small table that wraps on a narrow page and that a screen reader can walk through.

    Args:
        rows: at most some dozens of them; the first column names each row.
        caption: what the table holds, for those who cannot see it.
    """
    head = "".join(f'<th scope="col">{html.escape(str(name))}</th>' for name in rows.columns)
    # a dotted name may go on in the next line after a dot
    body = "".join(
        f'<tr><th scope="row">{html.escape(str(first)).replace(".", ".<wbr/>")}</th>'
        + "".join(f"<td>{html.escape(str(cell))}</td>" for cell in rest)
        + "</tr>"
        for first, *rest in rows.itertuples(index=False, name=None)
    )
    st.html(
        f'<div class="gradlab-grid" tabindex="0"><table><caption>{html.escape(caption)}</caption>'
        f"<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>"
    )


def write_notice(headline: str, explanation: str, command: str = "") -> None:
    """A friendly word in place of a figure: what is the case, and what to do about it."""
    st.html(
        f'<div class="gradlab-notice" role="status"><strong>{html.escape(headline)}</strong>'
        f"<p>{html.escape(explanation)}</p></div>"
    )
    if command:
        st.code(command, language=None, wrap_lines=True)
