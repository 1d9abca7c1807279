"""Compare: any runs of any studies, side by side, in groups or one by one."""

import streamlit as st

from dashboards.components.address import choose, choose_many
from dashboards.components.choices import choose_part, write_part
from dashboards.components.comparing import QUANTITIES, compare_groups, compare_runs, keys_of, outcome_of
from dashboards.components.runs import open_store
from dashboards.components.text import write_notice, write_text

_OF = {"groups": "groups of runs", "runs": "single runs"}


def main() -> None:
    st.title("Compare", anchor=False)
    answer = st.container()
    store, studies, runs = open_store()
    ranked = sorted(studies, key=lambda study: study.created, reverse=True)
    controls = st.container(horizontal=True, vertical_alignment="top")
    with controls:
        names = choose_many(
            "Studies", "studies", [study.name for study in ranked], default=[ranked[0].name],
            show=lambda name: name or "runs outside any study",
        )  # fmt: skip
        own = [run for run in runs if run.study in names]
        part = choose_part(own)
        of = choose("Compare", "of", tuple(_OF), show=_OF.__getitem__)
        ranked_by = "score" if outcome_of(own).fact == "final_score" else "loss"
        quantity = choose("Quantity", "quantity", tuple(QUANTITIES), default=ranked_by, show=QUANTITIES.__getitem__)
    if quantity is None or of is None:
        return
    chosen = [study for study in ranked if study.name in names]
    if not own:
        with answer:
            write_text("No run has been chosen.", "answer")
            write_notice("There is nothing to compare.", "Choose a study that has runs.")
        return
    compare = compare_groups if of == "groups" else compare_runs
    compare(store, part, keys_of(chosen, own), quantity, answer, controls)
    with answer:
        write_part(part, own)


main()
