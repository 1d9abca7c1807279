"""Text and samples: how well does the net predict text, and what does it say by itself?"""

import math
from collections.abc import Hashable, Sequence
from typing import Any

import numpy as np
import pandas as pd
import streamlit as st

from dashboards.components.address import choose
from dashboards.components.answers import text_answer
from dashboards.components.choices import choose_groups, choose_run, choose_study, latest_run, naming_keys
from dashboards.components.figure import write_figure, write_table
from dashboards.components.runs import common_fact, common_number, open_store, read_table
from dashboards.components.text import write_notice, write_reading, write_text
from gradlab import figures
from gradlab.figures.text import count_of, number_in_words
from gradlab.store import RunInfo, Store

_BASELINES = {
    "uniform_bits": "guessing evenly",
    "unigram_bits": "single characters",
    "bigram_bits": "pairs of characters",
}
_NO_TEXT = "∅"
# so many moments of training stand beside each other
_MILESTONES = 4


def main() -> None:
    st.title("Text and samples", anchor=False)
    answer = st.container()
    store, studies, runs = open_store()
    controls = st.container(horizontal=True, vertical_alignment="top")
    with controls:
        study, own = choose_study(studies, runs)
    in_bits = str(common_fact(own, "score_name") or "").startswith("bits")
    samples = read_table(store, "samples", own, ["step", "example", "prompt", "said", "wanted"])
    spoken = len(samples) > 0
    if not in_bits and not spoken:
        with answer:
            write_text("The nets of this study do not speak.", "answer")
        write_notice(
            "There is no text here.",
            "This page shows language models and nets that spell: a study with the task characters, for instance.",
            "gradlab new mine --task characters",
        )
        return
    if in_bits:
        with controls:
            by = choose_groups(study, own)
        baselines = {name: bits for key, name in _BASELINES.items() if (bits := common_number(own, key)) is not None}
        data = figures.bits_data(read_table(store, "steps", own, ["step", "loss", "score_loss"], by), by=by)
        with answer:
            write_text(text_answer(data, baselines), "answer")
        write_figure(figures.BITS, data, baselines=baselines)
    else:
        with answer:
            write_text(f"{samples['run'].nunique():,} runs of this study speak; this is what they say.", "answer")
    st.subheader("What it says by itself", anchor=False)
    if spoken:
        _write_samples(store, samples, own, naming_keys(study, own), in_bits)
    else:
        write_notice(
            "No sample has been written down here yet.",
            "A study file asks for samples during training with these keys:",
            "training:\n  measure: {samples_every: 100}",
        )


def _write_samples(store: Store, samples: pd.DataFrame, runs: list[RunInfo], keys: list[str], in_bits: bool) -> None:
    spoke = [run for run in runs if run.id in set(samples["run"].unique())]
    with st.container(horizontal=True, vertical_alignment="top"):
        run = choose_run(spoke, keys, latest_run(spoke))
        if run is None:
            return
        own = samples[samples["run"] == run.id]
        steps = sorted(own["step"].unique().tolist())
        step = choose("Up to training step", "at", steps, default=steps[-1], show=lambda n: f"{n:,}", slider=True)
    if step is None:
        return
    losses = read_table(store, "steps", [run], ["step", "loss", "score_loss"]) if in_bits else None
    shown = _milestones(steps, step)
    for column, when in zip(st.columns(len(shown)), shown, strict=True):
        with column:
            told = "" if losses is None else _bits_at(losses, when)
            write_text(f"After {count_of(when, 'update')}{told}", "label")
            for row in own[own["step"] == when].sort_values("example").to_dict("records"):
                _write_sample(row)
    write_reading(
        "what the same run says at a few moments of its training, from the first to the chosen one. Prompt and random "
        "numbers are always the same, so that what changes is the net."
    )
    write_table(own.drop(columns=["run"]), "samples")


def _milestones(steps: Sequence[int], chosen: int) -> list[int]:
    """The first of them, the chosen one, and one or two between, ever farther apart: much is learned early."""
    until = [step for step in steps if step <= chosen]
    places = np.unique(np.round(np.geomspace(1, len(until), _MILESTONES)).astype(int)) - 1
    return [until[place] for place in places]


def _bits_at(steps: pd.DataFrame, when: int) -> str:
    """The held-out loss that was measured last before a training step, or that of training, in bits."""
    for name, where in (("score_loss", "held-out "), ("loss", "")):
        known = steps.loc[(steps["step"] <= max(when, steps["step"].min())) & steps[name].notna(), name]
        if len(known):
            bits = float(known.iloc[-1]) / math.log(2)
            return f": {number_in_words(float(f'{bits:.3g}'))} bits per {where}character"
    return ""


def _write_sample(row: dict[Hashable, Any]) -> None:
    said = row["said"]
    if not isinstance(said, str):
        write_notice("It said nothing.", "Its weights were no longer finite.")
        return
    prompt = row["prompt"] if isinstance(row["prompt"], str) else ""
    st.code((prompt + said).strip("\n") or _NO_TEXT, language=None, wrap_lines=True)
    if isinstance(row["wanted"], str):
        write_text(f"right would be: {row['wanted']}", "small")


main()
