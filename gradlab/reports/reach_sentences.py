"""How far back the gradient reaches in each group of runs, before and after training, in sentences."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from gradlab.reports.reach import SHARE, reach
from gradlab.reports.spread import capital, spread
from gradlab.store.run import RunInfo

_MEANING = f"(Reach: the largest lag at which ‖∂L/∂h_t‖ is at least {SHARE:.0%} of its maximum in the sequence.)"


def _passes(runs: Sequence[RunInfo]) -> pd.DataFrame:
    """The reach of each pass at the first and at the last recorded training step of each run."""
    columns = ["step", "module", "call", "layer", "direction", "t", "grad_h", "nonfinite"]
    found = []
    for run in runs:
        steps = run.read("timesteps", ["step"])["step"]
        if len(steps):
            ends = {"first": steps[0].as_py(), "last": steps[len(steps) - 1].as_py()}
            passes = reach(run.read("timesteps", columns, {"step": list(ends.values())}).to_pandas())
            found += [passes[passes["step"] == step].assign(end=end, run=run.id) for end, step in ends.items()]
    if not found:
        return pd.DataFrame(columns=[*columns[:5], "reach", "length", "end", "run"])
    every = pd.concat(found, ignore_index=True)
    return every.assign(layer=_layer_names(every))


def reach_sentences(groups: Mapping[str, Sequence[RunInfo]]) -> list[str]:
    """For each group and layer the reach before and after training; then which groups reach farthest."""
    sentences: list[str] = []
    at_the_end: dict[str, float] = {}
    for label, runs in groups.items():
        passes = _passes(runs)
        if passes["reach"].isna().all():
            continue
        demanded = {run.facts.get("demanded_lag") for run in runs} - {None}
        demand = f"; the task demands {demanded.pop()}" if len(demanded) == 1 else ""
        layers = passes["layer"].unique()
        for layer in layers:
            found = passes[passes["layer"] == layer]
            # One number a run: the median over the sequences that it was recorded in.
            by_run = found.groupby(["end", "run"], sort=False)["reach"].median()
            first, last = by_run["first"].tolist(), by_run["last"].tolist()
            where = f"in {layer} " if len(layers) > 1 else ""
            sentences.append(
                f"{capital(label)}: {where}the gradient reaches {_told(first)} "
                f"of {int(found['length'].max()) - 1} steps back at the start of training and {_told(last)} "
                f"at the end{demand}."
            )
            if not np.isnan(last).all():
                at_the_end[f"{label} {where}".strip()] = float(np.nanmedian(last))
    return [*sentences, *_contrast(at_the_end), *([_MEANING] if sentences else [])]


def _contrast(reaches: Mapping[str, float]) -> list[str]:
    if len(set(reaches.values())) < 2:
        return []
    far, near = (pick(reaches, key=reaches.__getitem__) for pick in (max, min))
    return [
        f"At the end of training the gradient reaches farthest in {far} ({reaches[far]:.0f} steps), and "
        f"least far in {near} ({reaches[near]:.0f})."
    ]


def _told(reaches: Sequence[float]) -> str:
    return spread(reaches, lambda value: f"{value:.0f}")


def _layer_names(passes: pd.DataFrame) -> pd.Series:
    """`layer 0`, with module and direction where they are needed to tell layers apart."""
    names = "layer " + passes["layer"].astype(str)
    if passes["module"].nunique() > 1:
        names = passes["module"].astype(str) + ", " + names
    if passes["direction"].nunique() > 1:
        names += passes["direction"].map({0: " forward", 1: " backward"})
    return names
