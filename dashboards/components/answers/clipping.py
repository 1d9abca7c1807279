"""What the page on clipping opens with: how often it fires, and what another threshold would do."""

import numpy as np
import pandas as pd

from dashboards.components.answers.wording import NAMED, in_a_row, percent
from gradlab.figures.text import count_of, number_in_words


def clipping_answer(shares: pd.DataFrame) -> str:
    """How often clipping fired in every group that clips, from the data of the figure `clipping_share`."""
    if not len(shares):
        return "No training step has been recorded here yet."
    norms = shares["largest_norm"].to_numpy(dtype=float)
    bad = int((~np.isfinite(norms)).sum())
    tail = f"; the norm became NaN or ∞ in {bad:,} of {count_of(len(shares), 'run')}" if bad else ""
    largest = norms[np.isfinite(norms)].max() if bad < len(norms) else np.nan
    clipped = shares[shares["clips"].astype(bool)]
    if not len(clipped):
        return f"Nothing was clipped: the largest gradient norm was {number_in_words(largest)}{tail}."
    medians = clipped.groupby("group", observed=True)["share"].median().sort_values(ascending=False)
    ranked = [(str(name), float(share)) for name, share in medians.items()]
    tail = _verdict(ranked[-1][1], ranked[0][1]) + tail
    if len(ranked) > NAMED:
        ranked = [ranked[0], ranked[-1]]
    if len(ranked) == 1:
        return f"Clipping fired at {percent(ranked[0][1])} of the training steps{tail}."
    words = [f"{percent(share)} of the training steps with {name}" for name, share in ranked[:1]]
    words += [f"{percent(share)} with {name}" for name, share in ranked[1:]]
    told = " down to ".join(words) if len(medians) > NAMED else in_a_row(words)
    return f"Clipping fired at {told}{tail}."


def _verdict(least: float, most: float) -> str:
    """What such shares mean, where they all mean the same."""
    if least >= 0.5:
        return ", which cuts most of them and not only spikes"
    return ", which leaves all but rare spikes alone" if 0 < most <= 0.05 else ""


def threshold_answer(rows: pd.DataFrame, threshold: float) -> str:
    """What one threshold would have done, from the rows of the figure `thresholds` at it."""
    shares = rows[rows["quantity"] == "share"].sort_values("median", ascending=False)
    rest = rows[rows["quantity"] == "left"]
    left = dict(zip(rest["group"].astype(str), rest["median"], strict=True))
    named = [(str(group), float(share)) for group, share in zip(shares["group"], shares["median"], strict=True)]
    named = named if len(named) <= NAMED else [named[0], named[-1]]
    words = [
        f"at {percent(share)} of the steps"
        + (f" with {group}" if len(shares) > 1 else "")
        + f", leaving {percent(float(left[group]))} of the gradient on average"
        for group, share in named
    ]
    return f"Clipping the norm at {number_in_words(threshold)} would have fired {'; '.join(words)}."
