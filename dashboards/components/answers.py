"""The sentence that a page opens with, computed from the numbers of its figure."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from gradlab.figures.text import count_of, number_in_words

REACH = 0.01
"""A gradient counts as gone where it is below this share of its largest value."""
_NAMED = 6
"""So many groups are named in a sentence; of more, the first and the last."""


def reach(t: np.ndarray, gradient: np.ndarray) -> int | None:
    """How many steps back from the last one the gradient stays above `REACH` of its largest value.

    Args:
        t: ascending time steps.
        gradient: their gradient norms.

    Returns:
        The number of steps; None when a value is not finite, or all are zero.
    """
    if not len(t) or not np.isfinite(gradient).all() or gradient.max() <= 0:
        return None
    peak = int(gradient.argmax())
    gone = np.flatnonzero(gradient[:peak] < REACH * gradient[peak])
    first = int(gone[-1]) + 1 if len(gone) else 0
    return int(t[-1] - t[first])


def flow_answer(profile: pd.DataFrame) -> str:
    """How far back the gradient reaches in every group, from the data of the profile."""
    if not len(profile):
        return "No gradient has been recorded here yet."
    reaches: dict[str, int] = {}
    broken, silent, growing = [], [], []
    for name, rows in profile.sort_values("t").groupby("group", observed=True):
        t, gradient = rows["t"].to_numpy(), rows["median"].to_numpy(dtype=float)
        far = reach(t, gradient)
        if far is not None:
            reaches[str(name)] = far
            if gradient[0] > 100 * gradient[-1] > 0:
                growing.append(f"{name} (×{number_in_words(gradient[0] / gradient[-1])})")
        elif np.isfinite(gradient).all():
            silent.append(str(name))
        else:
            broken.append(str(name))
    first, last = int(profile["first_step"].min()), int(profile["last_step"].max())
    when = f"At training step {last:,}" if first == last else f"At training steps {first:,} to {last:,}"
    parts = [_reaches(reaches, int(profile["t"].max() - profile["t"].min()))] if reaches else []
    parts += [f"it grows on its way back in {_listed(growing)}"] if growing else []
    parts += [f"it is exactly zero in {_listed(silent)}"] if silent else []
    parts += [f"it is not finite in {_listed(broken)}"] if broken else []
    sentence = "; ".join(parts)
    return f"{when} {sentence.replace('it ', 'the gradient ', 1) if sentence.startswith('it ') else sentence}."


def _reaches(reaches: dict[str, int], longest: int) -> str:
    """`the gradient reaches all 63 steps back with lstm, 40 with gru and 12 with rnn before …`."""
    ranked = sorted(reaches.items(), key=lambda item: -item[1])
    if len(ranked) > _NAMED:
        ranked = [ranked[0], ranked[-1]]
    words = [f"all {far} steps" if far >= longest else count_of(far, "step") for _, far in ranked]
    if len(ranked) == 1:
        return f"the gradient reaches {words[0]} back{_until(reaches, longest)}"
    named = [f"{words[0]} back with {ranked[0][0]}"]
    named += [f"{word} with {name}" for word, (name, _) in zip(words[1:], ranked[1:], strict=True)]
    return f"the gradient reaches {_listed(named)}{_until(reaches, longest)}"


def _until(reaches: dict[str, int], longest: int) -> str:
    if min(reaches.values()) >= longest:
        return f", never falling below {REACH:.0%} of its largest value".replace("%", " %")
    return f" before it falls below {REACH:.0%} of its largest value".replace("%", " %")


def clipping_answer(shares: pd.DataFrame, clips: bool) -> str:
    """How often clipping fired in every group, from the data of the share figure; whether anything clips at all."""
    if not len(shares):
        return "No training step has been recorded here yet."
    norms = shares["largest_norm"].to_numpy(dtype=float)
    bad = int((~np.isfinite(norms)).sum())
    tail = f"; the norm became NaN or ∞ in {bad:,} of {count_of(len(shares), 'run')}" if bad else ""
    largest = norms[np.isfinite(norms)].max() if bad < len(norms) else np.nan
    if not clips:
        return f"Nothing was clipped: the largest gradient norm was {number_in_words(largest)}{tail}."
    medians = shares.groupby("group", observed=True)["share"].median().sort_values(ascending=False)
    ranked = [(str(name), float(share)) for name, share in medians.items()]
    if len(ranked) > _NAMED:
        ranked = [ranked[0], ranked[-1]]
    if len(ranked) == 1:
        return f"Clipping fired at {percent(ranked[0][1])} of the training steps{tail}."
    words = [f"{percent(share)} of the training steps with {name}" for name, share in ranked[:1]]
    words += [f"{percent(share)} with {name}" for name, share in ranked[1:]]
    return f"Clipping fired at {_listed(words)}{tail}."


def overview_answer(statuses: Sequence[str], expected: int, studies: int) -> str:
    """How far everything is: studies, runs done, and what is not well."""
    done = sum(status == "finished" for status in statuses)
    total = max(expected, len(statuses))
    others = [
        f"{statuses.count(status)} {words}"
        for status, words in (("running", "running"), ("stopped", "stopped"), ("failed", "failed"), ("lost", "lost"))
        if status in statuses
    ]
    waiting = total - len(statuses)
    others += [f"{waiting:,} not started"] if waiting else []
    where = f" in {count_of(studies, 'study').replace('studys', 'studies')}" if studies > 1 else ""
    if done == total:
        return f"All {count_of(total, 'run')}{where} are finished." if total > 1 else "The one run is finished."
    return f"{done:,} of {count_of(total, 'run')}{where} are finished" + (f"; {_listed(others)}." if others else ".")


def percent(share: float) -> str:
    """A share in words: whole percent, and a decimal where whole ones would say nothing."""
    if 0 < share < 0.01:
        return "under 1 %" if share < 0.001 else f"{100 * share:.1f} %"
    if 0.99 < share < 1:
        return f"{100 * share:.1f} %"
    return f"{100 * share:.0f} %"


def _listed(words: Sequence[str]) -> str:
    return words[0] if len(words) == 1 else ", ".join(words[:-1]) + " and " + words[-1]
