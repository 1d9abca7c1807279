"""Text on the page that is shown as text, whoever wrote it: no tags, no Markdown, no formulas."""

import html
from collections.abc import Iterable
from typing import Literal

import streamlit as st

Kind = Literal["answer", "question", "read", "small", "plain"]


def write_text(text: object, kind: Kind = "plain") -> None:
    """A paragraph in one of the page's voices."""
    st.html(f'<p class="gradlab-{kind}">{html.escape(str(text))}</p>')


def write_list(items: Iterable[object]) -> None:
    """A bulleted list."""
    st.html(f'<ul class="gradlab-list">{"".join(f"<li>{html.escape(str(item))}</li>" for item in items)}</ul>')


def write_notice(headline: str, explanation: str, command: str = "") -> None:
    """A friendly word in place of a figure: what is the case, and what to do about it."""
    st.html(
        f'<div class="gradlab-notice" role="status"><strong>{html.escape(headline)}</strong>'
        f"<p>{html.escape(explanation)}</p></div>"
    )
    if command:
        st.code(command, language=None)
