"""What the data say of a study's claims: held, failed, or undecided, with the numbers."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

import numpy as np

from gradlab.reports.choose import AnyStore, opened
from gradlab.reports.claims_numbers import REDUCTIONS, SHORT, meets, number_of
from gradlab.store.reader import Store
from gradlab.store.run import RunInfo

DRAWS = 4000
LEVEL = 0.95
FEWEST_SEEDS = 3
"""With fewer, nothing is said: the spread over seeds is not known."""
_ENDED = ("finished", "failed")


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the data say of one claim."""

    claim: str
    verdict: Literal["held", "failed", "undecided"]
    left: float
    """The number that the claim is about; NaN when no run gives it."""
    right: float
    """What it was compared with, `times` and `plus` included."""
    low: float
    """Lower end of the bootstrap interval of `left` − `right`, at 95 %."""
    high: float
    """Upper end."""
    runs: int
    """Runs that gave a number."""
    seeds: int
    told: str
    """The numbers, in words."""

    def __str__(self) -> str:
        word = {"held": "Held", "failed": "Failed", "undecided": "Undecided"}[self.verdict]
        return f"{word}: {self.claim.rstrip('.')}. [{self.told}]"


@dataclass(frozen=True, slots=True)
class _Side:
    """One side of a comparison: a number of every run with its seed, and how they become one."""

    values: np.ndarray
    seeds: np.ndarray
    reduction: str
    missing: int
    measure: Mapping[str, Any]

    def number(self, counts: np.ndarray | None = None) -> float:
        """The reduced number; with how often each run counts, in a bootstrap draw."""
        values = self.values if counts is None else np.repeat(self.values, counts)
        return float(REDUCTIONS[self.reduction](values)) if len(values) else math.nan


def claims(store: AnyStore, study: str) -> list[Verdict]:
    """Evaluate the claims of a study on the runs that have ended.

    Each run gives a number; a reduction makes one of the runs of a group. The difference between the two sides of a
    claim has a percentile bootstrap interval of 95 %, over seeds: a draw takes seeds with replacement, and with each
    seed all its runs on both sides, so that what runs share by their seed cancels (Efron & Tibshirani 1993, chapter
    13). A claim holds when the whole interval is on its side, fails when the whole interval is on the other, and is
    undecided otherwise, or with fewer than three seeds. A claim about every run (`max` at most, `min` at least a
    constant) fails by a single counterexample.

    Raises:
        StoreError: when there is no such study.
    """
    store = opened(store)
    info = store.study(study)
    expected = set(info.expected)
    runs = [run for run in store.runs(study) if run.status in _ENDED and run.id in expected]
    named = [(run, {**run.settings, "variant": run.variant or None}) for run in runs]
    return [_verdict(claim, named) for _, claim in sorted(_checks(info.facts).items())]


def keep_verdicts(store: AnyStore, study: str, verdicts: Sequence[Verdict]) -> None:
    """Write the verdicts into the study's document, as its fact `verdicts`; raises StoreError."""
    store = Store(opened(store).address)
    info = store.study(study)
    plain = [asdict(verdict) for verdict in verdicts]
    store.write_study(
        info.name,
        question=info.question,
        claims=info.claims,
        axes=info.axes,
        expected=info.expected_configs,
        facts={**info.facts, "verdicts": plain},
    )


def _checks(facts: Mapping[str, Any]) -> dict[int, Mapping[str, Any]]:
    checks = facts.get("checks", {})
    return {int(place): claim for place, claim in checks.items()} if isinstance(checks, Mapping) else {}


_Runs = Sequence[tuple[RunInfo, Mapping[str, Any]]]
"""Runs with their settings, and the variant of the grid that they are."""


def _verdict(claim: Mapping[str, Any], runs: _Runs) -> Verdict:
    left = _side(claim["that"], runs)
    right = _side(claim["other"], runs) if claim.get("other") else _constant(claim)
    times, plus = float(claim.get("times", 1.0)), float(claim.get("plus", 0.0))
    seeds = np.unique(left.seeds)
    if len(right.seeds):
        seeds = np.intersect1d(seeds, right.seeds)

    def sides(counts: Mapping[int, int] | None = None) -> tuple[float, float]:
        weights = [None, None] if counts is None else [_counts(side, counts) for side in (left, right)]
        return left.number(weights[0]), times * right.number(weights[1]) + plus

    one, two = sides()
    low = high = math.nan
    if len(seeds) >= 2:
        generator = np.random.default_rng(0)
        draws = generator.choice(len(seeds), size=(DRAWS, len(seeds)))
        differences = []
        for drawn in np.unique(np.sort(draws, axis=1), axis=0, return_counts=True)[0]:
            counts = np.bincount(drawn, minlength=len(seeds))
            pair = sides({int(seed): int(count) for seed, count in zip(seeds, counts, strict=True)})
            differences.append(pair[0] - pair[1])
        weights = np.unique(np.sort(draws, axis=1), axis=0, return_counts=True)[1]
        low, high = _interval(np.array(differences), weights)
    verdict, why = _decided(claim, left, right, (one, two), (low, high), len(seeds))
    return Verdict(
        str(claim["claim"]), verdict, one, two, low, high,
        len(left.values) + len(right.seeds), len(seeds),
        _told(claim, left, right, one, two, low, high, len(seeds)) + why,
    )  # fmt: skip


def _side(measure: Mapping[str, Any], runs: _Runs) -> _Side:
    chosen = [run for run, settings in runs if meets(settings, measure.get("where", {}))]
    numbers = np.array([number_of(run, measure) for run in chosen])
    seeds = np.array([int(run.settings.get("seed", 0)) for run in chosen], dtype=np.int64)
    known = ~np.isnan(numbers) if len(numbers) else np.zeros(0, dtype=bool)
    share = measure.get("at_least") is not None or measure.get("at_most") is not None
    reduction = measure.get("seeds") or ("mean" if share else "median")
    return _Side(numbers[known], seeds[known], reduction, int((~known).sum()), measure)


def _constant(claim: Mapping[str, Any]) -> _Side:
    number = claim["number"] if claim.get("number") is not None else claim["predicted"]
    return _Side(np.array([float(number)]), np.empty(0, dtype=np.int64), "mean", 0, {})


def _counts(side: _Side, counts: Mapping[int, int]) -> np.ndarray | None:
    return np.array([counts.get(int(seed), 0) for seed in side.seeds]) if len(side.seeds) else None


def _interval(differences: np.ndarray, weights: np.ndarray) -> tuple[float, float]:
    """Percentiles of the draws, each as often as it was drawn."""
    every = np.repeat(differences, weights)
    every = every[~np.isnan(every)]
    tail = 50 * (1 - LEVEL)
    return (
        (float(np.percentile(every, tail)), float(np.percentile(every, 100 - tail))) if len(every) else (math.nan,) * 2
    )


def _decided(
    claim: Mapping[str, Any],
    left: _Side,
    right: _Side,
    numbers: tuple[float, float],
    interval: tuple[float, float],
    seeds: int,
) -> tuple[Literal["held", "failed", "undecided"], str]:
    relation, (low, high) = claim["is"], interval
    if math.isnan(numbers[0]) or math.isnan(numbers[1]):
        return "undecided", "; no run has ended that gives it"
    universal = {("at most", "max"), ("less than", "max"), ("at least", "min"), ("more than", "min")}
    if (
        not len(right.seeds)
        and (relation, left.reduction) in universal
        and not _within(claim, numbers, *[numbers[0] - numbers[1]] * 2)
    ):
        return "failed", ""
    if seeds < FEWEST_SEEDS:
        return "undecided", f"; {FEWEST_SEEDS} seeds are needed at least"
    if _within(claim, numbers, low, high):
        return "held", ""
    if _outside(claim, numbers, low, high):
        return "failed", ""
    return "undecided", "; more seeds needed"


def _within(claim: Mapping[str, Any], numbers: tuple[float, float], low: float, high: float) -> bool:
    """Whether the interval of the difference lies whole on the claim's side."""
    slack = float(claim.get("tolerance") or 0.0) * abs(numbers[1])
    return {
        "more than": low > 0,
        "at least": low >= 0,
        "less than": high < 0,
        "at most": high <= 0,
        "equal to": -slack <= low and high <= slack,
    }[claim["is"]]


def _outside(claim: Mapping[str, Any], numbers: tuple[float, float], low: float, high: float) -> bool:
    """Whether the interval of the difference lies whole on the other side."""
    slack = float(claim.get("tolerance") or 0.0) * abs(numbers[1])
    return {
        "more than": high <= 0,
        "at least": high < 0,
        "less than": low >= 0,
        "at most": low > 0,
        "equal to": high < -slack or low > slack,
    }[claim["is"]]


def _told(
    claim: Mapping[str, Any], left: _Side, right: _Side, one: float, two: float, low: float, high: float, seeds: int
) -> str:
    """The numbers of a verdict: both sides, the interval of their difference, how many runs and seeds."""
    wanted = f"{claim['is']} {two:.4g}"
    if claim.get("other"):
        factor = "" if claim.get("times", 1.0) == 1.0 else f"{claim['times']:g} × "
        offset = "" if claim.get("plus", 0.0) == 0.0 else f" {claim['plus']:+g}"
        wanted += f" ({factor}{_name(right)}{offset})"
    elif claim.get("theory"):
        wanted += f" ({claim['theory']['name'].replace('_', ' ')})"
    if claim.get("tolerance") is not None:
        wanted += f" within {100 * claim['tolerance']:g} %"
    spread = "" if math.isnan(low) else f"; difference {low:.3g} to {high:.3g}"
    missing = left.missing + right.missing
    without = f", {missing} runs without the number" if missing else ""
    return f"{_name(left)} {one:.4g}, claimed {wanted}{spread}; {seeds} seeds{without}"


def _name(side: _Side) -> str:
    quantity = SHORT.get(str(side.measure["quantity"]), str(side.measure["quantity"]).replace("_", " "))
    for limit, sign in (("at_least", "≥"), ("at_most", "≤")):
        if side.measure.get(limit) is not None:
            return f"share of runs with {quantity} {sign} {side.measure[limit]:g}"
    return f"{side.reduction} {quantity}"
