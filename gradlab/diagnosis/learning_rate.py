"""Learning rate beyond the cliff: updates are so large that training falls off what it had reached."""

from __future__ import annotations

import math

import numpy as np

from gradlab.diagnosis import remedies
from gradlab.diagnosis.case import LEARNED, Case, late
from gradlab.diagnosis.finding import Advice, CannotJudge, Certainty, Evidence, Finding, Where
from gradlab.diagnosis.rule import MEASURED, Rule

RATIO = 0.1
"""Of a weight's norm that an update may move a recurrent matrix."""
JUMP = 0.5
"""The same at any recorded step: half of a matrix is replaced at once."""
FEWEST = 10
"""Training steps below which nothing is said."""
WORSE = 1.2
"""Times the initial loss, or that of chance."""


def judge(case: Case) -> Finding | None:
    """Signs: the loss ends above where it began, what was learned is lost, it leaps, it breaks, updates are large."""
    if case.broke_at is not None and case.born.startswith("input"):
        case = case.before(case.broke_at)  # no update is to blame for what the data brought in
    losses = case.trend
    if len(losses) < FEWEST and case.broke_at is None:
        raise CannotJudge(f"there are fewer than {FEWEST} training steps", Advice("Train longer."))
    if len(losses) < FEWEST or case.has_learned:
        return None
    ratio, largest = _update_ratios(case)
    best = _best(losses)
    level = min(value for value in (case.initial_loss, case.number("chance_loss")) if value is not None)
    leaps = len(case.leaps)
    broke = case.broke_at is not None and case.broke_at > int(case.steps["step"].iloc[0])
    signs = {
        "diverged": case.final_loss > WORSE * max(level, case.initial_loss),
        "lost": best < 0.5 * level and not case.final_loss < 0.9 * level,
        "leaps": leaps >= 3,
        "broke": broke and leaps >= 1,
        "large": (ratio >= RATIO or largest >= JUMP) and not case.learned_something and not _fell(case),
    }
    signs["worse"] = case.final_loss > WORSE * level and signs["large"]
    count = sum(signs.values())
    if count == 0:
        return None
    certainty: Certainty = "strong" if count > 1 else "weak" if signs["large"] else "likely"
    factor = 10.0
    if ratio >= RATIO and math.isfinite(ratio):
        factor = float(np.clip(10 ** round(math.log10(ratio / 0.01)), 10, 1000))
    first = int(case.steps["step"].iloc[_before(case.trend, case.leaps[0])]) if leaps else 0
    threshold = case.advised_threshold
    clip = remedies.clip_at(min(1.0, threshold) if math.isfinite(threshold) else 1.0)
    return Finding(
        "",
        "The learning rate is beyond the cliff: " + _said(signs),
        certainty,
        (
            Evidence("learning rate", case.rate if case.rate is not None else math.nan),
            Evidence(
                "loss at the end over that at the start", case.final_loss / case.initial_loss, "", WORSE, "at most"
            ),
            Evidence("best loss on the way over that at the start", best / case.initial_loss),
            Evidence("leaps of the loss", float(leaps), "", 3, "below"),
            Evidence("median ‖ΔW‖/‖W‖ of recurrent matrices, last quarter", ratio, "a step", RATIO, "below"),
            Evidence("the largest recorded", largest, "a step", JUMP, "below"),
        ),
        remedies.lower_rate(case, factor) + clip,
        Where(
            first_step=first if leaps else int(case.steps["step"].iloc[0]),
            last_step=int(case.steps["step"].iloc[-1]),
            since=first if leaps else None,
        ),
    )


def _fell(case: Case) -> bool:
    """Where chance is not known: whether the loss fell to a fifth of what the net had before its first update."""
    return case.learned is None and case.final_loss <= (1 - LEARNED) * float(case.losses[0])


def _before(losses: np.ndarray, leap: int) -> int:
    """The step whose update began a leap: the last one before it whose loss was still the usual one."""
    before = losses[max(0, leap - 20) : leap]
    usual = np.median(before[np.isfinite(before)]) if np.isfinite(before).any() else math.inf
    still = np.flatnonzero(losses[:leap] <= usual)
    return int(still[-1]) if len(still) else 0


def _update_ratios(case: Case) -> tuple[float, float]:
    """Of the recurrent matrix that moves most: median over the last quarter of what was recorded, and the largest."""
    table = case.rows("parameters")
    rows = table[table["parameter"].astype(str).str.contains("weight_hh") & table["update_ratio"].notna()]
    if rows.empty:
        return math.nan, math.nan
    return float(late(rows).groupby("parameter")["update_ratio"].median().max()), float(rows["update_ratio"].max())


def _best(losses: np.ndarray) -> float:
    """The smallest median of nine steps in a row."""
    finite = losses[np.isfinite(losses)]
    if len(finite) < 9:
        return float(finite.min()) if len(finite) else math.inf
    return float(np.median(np.lib.stride_tricks.sliding_window_view(finite, 9), axis=1).min())


def _said(signs: dict[str, bool]) -> str:
    """The first two signs in words; all of them stand in the evidence."""
    words = {
        "diverged": "the loss ends above where it began",
        "worse": "the loss stays above what guessing gives",
        "lost": "what had been learned was lost again",
        "leaps": "the loss leaps",
        "broke": "training ended in a number that is not finite",
        "large": "updates are large beside the weights",
    }
    return " and ".join([words[sign] for sign in words if signs[sign]][:2])


LEARNING_RATE = Rule(
    "learning_rate",
    "Are updates small enough for what training has reached?",
    "exploding",
    judge,
    "the loss ends above 1.2 times where it began (with large updates: above 1.2 times that of chance), or what was "
    "reached (half of the initial loss) is lost again, or the loss leaps to three times its usual value three times or "
    "before it breaks, or updates move recurrent matrices by a tenth of their norm a step (once by half of it) and "
    "nothing is learned; and the task is not learned.",
    "the cliff: Pascanu, Mikolov & Bengio 2013, figure 6; the numbers are a " + MEASURED,
    "strong: two of these; likely: one; weak: large updates alone.",
)
