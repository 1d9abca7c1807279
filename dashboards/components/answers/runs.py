"""What the pages on studies and runs open with: how they stand, what differs, what is wrong."""

import math
from collections import Counter
from collections.abc import Hashable, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from dashboards.components.answers.wording import NAMED, in_a_row, names_of, reaching, with_names
from gradlab.diagnosis import Diagnosis
from gradlab.figures.text import count_of, number_in_words
from gradlab.store import RunInfo

_ENDS = {"running": "", "stopped": "stopped early", "failed": "failed", "lost": "ended without saying how"}
_IS = {
    "running": "is training",
    "finished": "has finished",
    "stopped": "was stopped early",
    "failed": "failed",
    "lost": "ended without saying how",
}


def overview_answer(statuses: Sequence[str], expected: int, studies: int) -> str:
    """How far everything is: studies, runs done, and what is not well."""
    done = sum(status == "finished" for status in statuses)
    total = max(expected, len(statuses))
    counts = Counter(statuses)
    others = [
        f"{counts[status]:,} {'is' if counts[status] == 1 else 'are'} running"
        if status == "running"
        else f"{counts[status]:,} {verb}"
        for status, verb in _ENDS.items()
        if counts[status]
    ]
    waiting = total - len(statuses)
    others += [f"{waiting:,} {'has' if waiting == 1 else 'have'} not started"] if waiting else []
    where = f" in {studies:,} studies" if studies > 1 else ""
    if total == 1:
        return f"The one run {'has finished' if done else others[0].removeprefix('1 ')}."
    if done == total:
        return f"All {total:,} runs{where} have finished."
    return f"{done:,} of {total:,} runs{where} have finished; {in_a_row(others)}."


def run_answer(run: RunInfo, steps: pd.DataFrame, diagnosis: Diagnosis | None) -> str:
    """How far a run is, its loss, and the weightiest finding.

    Args:
        run: the run as it is now.
        steps: its `step` and `loss`.
        diagnosis: what was found; None where nothing could be judged.

    Returns:
        One or two sentences.
    """
    if not len(steps):
        none = "none of its training steps can be read"
        what = none if run.status in ("finished", "stopped") else "it has recorded no training step yet"
        return f"This run {_IS.get(run.status, run.status)}; {what}."
    done, last = int(steps["step"].max()) + 1, float(steps["loss"].to_numpy(dtype=float)[steps["step"].argmax()])
    planned = run.settings.get("training.steps")
    far = f"{done:,} of {count_of(planned, 'step')}" if isinstance(planned, int) and planned >= done else ""
    far = far if run.status != "finished" and far else count_of(done, "step")
    sentence = f"This run {_IS.get(run.status, run.status)} after {far}, with a loss of {number_in_words(last)}."
    if diagnosis is None:
        return sentence
    if diagnosis.is_well:
        return f"{sentence} Nothing is wrong, as far as this was recorded."
    more = len(diagnosis.problems) - 1
    further = f", and {count_of(more, 'further problem')}" if more else ""
    worst = diagnosis.problems[0]
    since = worst.where.since
    from_when = "" if since is None or worst.name == "nonfinite" else f", since training step {since:,}"
    return f"{sentence} {worst.title.rstrip('.')}{from_when}{further}."


def finding_answer(
    reaches: Mapping[str, float],
    longest: int,
    outcomes: Mapping[str, float],
    *,
    word: str,
    chance: float | None = None,
    broken: Sequence[str] = (),
    silent: Sequence[str] = (),
) -> str:
    """What a study found: how far the gradient reaches after training, and what was learned.

    Args:
        reaches: group → median over its finished runs of `gradlab.reports.reach` at the last recorded step.
        longest: the largest reach that the sequences allow.
        outcomes: group → median final score, or loss.
        word: what the outcome is called, `accuracy` for instance.
        chance: outcome of a guess that ignores the input.
        broken: groups with a run whose gradient is NaN or infinite at the end.
        silent: groups with a run whose gradient is exactly zero there.

    Returns:
        One sentence; empty where nothing is known.
    """
    groups = {*reaches, *outcomes, *broken, *silent}
    finite = {name: round(far) for name, far in reaches.items() if np.isfinite(far)}
    parts = [f"the gradient has become NaN or ∞ in {names_of(broken, groups)}"] if broken else []
    parts += [f"the gradient is exactly zero in {names_of(silent, groups)}"] if silent else []
    parts += [f"after training {reaching(finite, longest, until=False)}"] if finite else []
    finals = {name: value for name, value in outcomes.items() if not np.isnan(value)}
    if finals:
        ranked: dict[str, list[str]] = {}
        for name, value in sorted(finals.items(), key=lambda item: -item[1]):
            ranked.setdefault(number_in_words(float(f"{value:.2g}")), []).append(name)
        ends = list(ranked.items())
        against = f", by chance {number_in_words(float(f'{chance:.2g}'))}" if chance is not None else ""
        named = [f"{value} {with_names(names, finals)}" for value, names in ends]
        words = f"{named[0]} down to {named[-1]}" if len(named) > NAMED else in_a_row(named)
        parts.append(f"the final {word} is {words if len(finals) > 1 else ends[0][0]}{against}")
    sentence = "; ".join(parts)
    return f"{sentence[0].upper()}{sentence[1:]}." if sentence else ""


def comparison_answer(finals: pd.DataFrame, word: str, *, higher_is_better: bool) -> str:
    """Which group ends best and which worst, and whether seeds could explain the difference.

    Args:
        finals: a row a group: `group`, `runs`, `low`, `median`, `high` of the outcome.
        word: what the outcome is called.
        higher_is_better: whether a large outcome is a good one.

    Returns:
        One sentence.
    """
    known = finals[finals["median"].notna()]
    if not len(known):
        return "No run that is compared here has stated its outcome yet."
    ranked = known.sort_values("median", ascending=not higher_is_better).to_dict("records")
    best, worst = ranked[0], ranked[-1]

    def said(row: dict[Hashable, Any]) -> str:
        return f"{number_in_words(_rounded(row['median']))} ({count_of(int(row['runs']), 'run')})"

    if len(ranked) == 1:
        value, runs = number_in_words(_rounded(best["median"])), count_of(int(best["runs"]), "run")
        return f"The {word} at the end is {value}, as the median of {runs}."
    if best["median"] == worst["median"]:
        return f"All {len(ranked)} groups end with the same {word}: {number_in_words(float(best['median']))}."
    apart = best["low"] > worst["high"] if higher_is_better else best["high"] < worst["low"]
    verdict = "their spreads do not touch" if apart else "their spreads over runs overlap"
    ends = (
        f"{best['group']} ends with the best {word}, {said(best)}, and {worst['group']} with the worst, {said(worst)}"
    )
    return f"{ends}; {verdict}."


def _rounded(value: float) -> float:
    """Three digits of it."""
    return float(f"{value:.3g}")


def runs_answer(finals: Mapping[str, float], word: str, *, higher: bool) -> str:
    """Which of a few runs ends best and which worst.

    Args:
        finals: name of a run → its outcome; NaN where it has none.
        word: what the outcome is called.
        higher: whether a large outcome is a good one.

    Returns:
        One sentence.
    """
    known = {name: value for name, value in finals.items() if not math.isnan(value)}
    if not known:
        return "None of these runs has stated its outcome yet."
    ranked = sorted(known.items(), key=lambda item: -item[1] if higher else item[1])
    ends = [(name, number_in_words(_rounded(value))) for name, value in ranked]
    (best, top), (worst, bottom) = ends[0], ends[-1]
    if len(ends) == 1:
        return f"{best} ends with {top} as its {word}."
    if ranked[0][1] == ranked[-1][1]:
        return f"All {len(ends)} runs end with the same {word}: {top}."
    return f"{best} ends with the best {word}, {top}, and {worst} with the worst, {bottom}."


def text_answer(data: pd.DataFrame, baselines: Mapping[str, float]) -> str:
    """How well the text is predicted, from the data of the figure `bits`, against what needs no net."""
    if not len(data):
        return "No training step has been recorded here yet."
    quantity = "score_loss" if (data["quantity"] == "score_loss").any() else "loss"
    rows = data[data["quantity"] == quantity].astype({"group": str}).sort_values("step")
    ends = {str(name): float(value) for name, value in rows.groupby("group")["median"].last().items()}
    best = min(ends, key=lambda name: (math.isnan(ends[name]), ends[name]))
    where = "held-out text" if quantity == "score_loss" else "the training text"
    net = f"The best, {best}," if len(ends) > 1 else "The net"
    sentence = f"{net} needs {number_in_words(_rounded(ends[best]))} bits per character of {where}"
    against = [f"{name} {number_in_words(float(f'{bits:.3g}'))}" for name, bits in baselines.items()]
    return f"{sentence}; for comparison: {in_a_row(against)}." if against else f"{sentence}."
