"""New study: change a study file, see what it would do and cost, start it, follow it, stop it."""

import os
from pathlib import Path

import streamlit as st

from dashboards.components.address import choose
from dashboards.components.runs import forget_listing, store_address
from dashboards.components.started import Started, all_started, check, is_name, start
from dashboards.components.text import write_notice, write_text

# what is running is looked at anew so often
SECONDS = 2.0
# beside the dashboard, in a checkout as in a wheel
_STUDIES = Path(__file__).resolve().parents[2] / "studies"
_JOBS = tuple(range(1, max(os.cpu_count() or 1, 1) + 1))


def main() -> None:
    st.title("New study", anchor=False)
    answer = st.container()
    shipped = {path.stem: path for path in sorted(_STUDIES.glob("*.yaml"))}
    chosen = choose("Start from", "from", tuple(shipped), default="digits")
    if chosen is None:
        with answer:
            write_text("No study file is at hand to start from.", "answer")
        return
    name, text = _edit(chosen, shipped[chosen].read_text(encoding="utf-8"))
    checked = st.session_state.get("checked", (("", ""), False, ""))
    fresh = checked[0] == (name, text)
    with answer:
        write_text(_answer(fresh and checked[1]), "answer")
        write_text(
            f"Runs are written to {store_address()}. Only settings are run, never code: the file is read by the same "
            "command as on a terminal.",
            "small",
        )
    with st.container(horizontal=True, vertical_alignment="bottom"):
        asked = st.button("Check", disabled=not is_name(name), help="All mistakes at once, and every run of the grid.")
        cost = st.button("Check and estimate the cost", disabled=not is_name(name), help="Tries a few training steps.")
        jobs = choose("Runs at the same time", "jobs", _JOBS) if len(_JOBS) > 1 else 1
        begin = st.button("Start", type="primary", disabled=not (fresh and checked[1]), help="A file that was checked.")
    if asked or cost:
        with st.spinner("Reading the study …"):
            st.session_state["checked"] = ((name, text), *check(name, text, quick=asked))
        st.rerun()
    if begin:
        start(name, text, jobs or 1)
        forget_listing()
    if not is_name(name):
        write_notice("The study needs another name.", "Letters, digits, - and _ are fine; it becomes a file's name.")
    if fresh:
        st.code(checked[2], language=None)
    st.subheader("Started from here", anchor=False)
    running = any(each.state == "running" for each in all_started())
    st.fragment(write_started, run_every=SECONDS if running else None)()


def _answer(can_run: bool) -> str:
    running = sum(each.state == "running" for each in all_started())
    if running:
        return f"{running} started from here {'is' if running == 1 else 'are'} training."
    if can_run:
        return "The study has been checked and can be started."
    return "Change the study file below, check it, and start it."


def _edit(chosen: str, original: str) -> tuple[str, str]:
    """Name and text as the reader has them; both begin anew with another file to start from."""
    if st.session_state.get("edited") != chosen:
        st.session_state["edited"] = chosen
        st.session_state["study name"] = f"my-{chosen}"
        st.session_state["study text"] = original
    name = st.text_input("Name", key="study name", max_chars=60)
    text = st.text_area("Study file", key="study text", height=420)
    return name, text


def write_started() -> None:
    """What was started, what it says, and a button to stop it."""
    if not all_started():
        write_text("Nothing yet. What is started here goes on when this page is closed.", "small")
        return
    for place, each in reversed(list(enumerate(all_started()))):
        _write_one(place, each)
    if st.session_state.get("was running") and not any(each.state == "running" for each in all_started()):
        st.session_state["was running"] = False
        forget_listing()
        st.rerun()
    st.session_state["was running"] = any(each.state == "running" for each in all_started())


def _write_one(place: int, each: Started) -> None:
    with st.container(border=True):
        with st.container(horizontal=True, vertical_alignment="center"):
            with st.container(width="stretch"):
                write_text(f"{each.name}: {each.state}")
            if each.state == "running" and st.button("Stop", key=f"stop:{place}", help="Ends cleanly, as Ctrl-C does."):
                each.stop()
                write_text("It ends after the step that it is at.", "small")
        words = each.words
        if words:
            st.code(words, language=None)
        write_text("Its runs stand on the pages Overview and Run as soon as they have begun.", "small")


main()
