"""Selections that live in the page's address, so that a view can be sent, and that go along from page to page.

Order of authority: an address that somebody typed or followed, then what the reader picked, then what was
picked on another page, then the default.
"""

from collections.abc import Callable, Sequence
from typing import Any, TypeVar
from urllib.parse import quote

import streamlit as st

from dashboards.components.text import write_notice
from gradlab.figures.groups import short_name

Option = TypeVar("Option")
_PILLS = 8
"""More options than this are a list to pick from;"""
_LETTERS = 45
"""and so are options whose names would not fit beside each other."""
_NAMELESS = "()"
"""What stands in the address for the empty name, that of runs outside any study; as a name it would be quoted."""


def choose(
    label: str,
    name: str,
    options: Sequence[Option],
    *,
    default: Option | None = None,
    show: Callable[[Option], str] = str,
    slider: bool = False,
    help_text: str | None = None,
) -> Option | None:
    """Let the reader choose one option; keep it in the address under `name`.

    Args:
        label: what the reader sees above the widget.
        name: key in the address.
        options: values whose `str` differ; with fewer than two no widget is drawn.
        default: the first option when not given.
        show: how an option is written in the list.
        slider: draw a slider instead of a list.
        help_text: a word behind the question mark.

    Returns:
        The choice; None when there is no option, or when the address asks for one that does not exist (a
        notice says so, and the list waits for a choice).
    """
    by_text = {str(option): option for option in options}
    if not by_text:
        return None
    fallback = str(default) if default is not None and str(default) in by_text else next(iter(by_text))
    picked = _resolve(name, lambda text: text in by_text, fallback)
    unknown = st.query_params.get(name) if picked is None else None
    if unknown is not None:
        write_notice(
            f"There is no {label.lower()} “{unknown}” here.",
            "The address asks for it, but this store does not hold it: it may have been removed, or belong to "
            "another store. Choose one below.",
        )
    if len(by_text) > 1 or unknown is not None:
        picked = _widget(label, name, by_text, picked, show, slider and unknown is None, help_text)
    if picked is None:
        return None
    _write_address(name, picked)
    return by_text[picked]


def choose_many(
    label: str,
    name: str,
    options: Sequence[str],
    *,
    default: Sequence[str] | None = None,
    show: Callable[[str], str] = short_name,
    most: int | None = None,
    help_text: str | None = None,
) -> tuple[str, ...]:
    """Let the reader choose several options, all of them at first; in the address they are joined by commas.

    Args:
        label: what the reader sees above the widget.
        name: key in the address.
        options: what there is to choose.
        default: what is chosen at first, everything when not given.
        show: how an option is written.
        most: so many can be chosen at once; they are a list to pick from, however few there are.
        help_text: a word behind the question mark.

    Returns:
        The chosen options in their order.
    """
    if not options:
        return ()
    words = {quote(option, safe=" /") or _NAMELESS: option for option in options}
    first = ",".join(word for word, option in words.items() if default is None or option in default) or "none"

    def known(text: str) -> bool:
        return text == "none" or all(part in words for part in text.split(","))

    def joined(chosen: Sequence[str]) -> str:
        return ",".join(word for word, option in words.items() if option in chosen) or "none"

    picked = (_resolve(name, known, first) or first).split(",")
    parts = [option for word, option in words.items() if word in picked][:most]
    key = f"choice:{name}"
    if len(options) > 1:
        st.session_state[key] = parts
        pills = most is None and len(options) <= _PILLS and sum(len(show(option)) for option in options) <= _LETTERS
        widget: Any = st.pills if pills else st.multiselect
        several: dict[str, Any] = {"selection_mode": "multi"} if pills else {"max_selections": most}
        parts = widget(
            label,
            options,
            **several,
            key=key,
            help=help_text,
            format_func=show,
            on_change=lambda: _remember(name, joined(st.session_state[key])),
        )
    _write_address(name, joined(parts))
    return tuple(option for option in options if option in parts)


def _resolve(name: str, known: Callable[[str], bool], fallback: str) -> str | None:
    """What holds now; None while the address asks for something that does not exist."""
    asked, written = st.query_params.get(name), st.session_state.get(f"address:{name}")
    if asked is not None and asked != written:
        if not known(asked):
            return None
        _remember(name, asked)
    kept = st.session_state.get(f"kept:{name}")
    return kept if kept is not None and known(kept) else fallback


def _remember(name: str, text: str) -> None:
    """Keep what the reader asked for; a mere default is not kept, so that it follows a growing run."""
    st.session_state[f"kept:{name}"] = text
    _write_address(name, text)


def _write_address(name: str, text: str) -> None:
    st.session_state[f"address:{name}"] = text
    if st.query_params.get(name) != text:
        st.query_params[name] = text


def _widget(
    label: str,
    name: str,
    by_text: dict[str, Any],
    picked: str | None,
    show: Callable[[Any], str],
    slider: bool,
    help_text: str | None,
) -> str | None:
    key = f"choice:{name}"

    def changed() -> None:
        if st.session_state[key] is not None:
            _remember(name, st.session_state[key])

    # the widget always follows what was resolved; its own changes arrive through the callback
    st.session_state[key] = picked
    words = {text: show(option) for text, option in by_text.items()}
    if slider:
        return st.select_slider(
            label, list(by_text), key=key, format_func=words.__getitem__, help=help_text, on_change=changed
        )
    return st.selectbox(
        label,
        list(by_text),
        index=None if picked is None else 0,
        key=key,
        format_func=words.__getitem__,
        help=help_text,
        placeholder="choose one",
        on_change=changed,
    )
