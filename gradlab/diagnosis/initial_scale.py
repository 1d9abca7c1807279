"""Bad initial scale: before the first update gradients already explode, saturate or die."""

from __future__ import annotations

import math

from gradlab.diagnosis import remedies
from gradlab.diagnosis.case import Case, early, span
from gradlab.diagnosis.drive import comes_from_outside
from gradlab.diagnosis.exploding import GROWTH, growth
from gradlab.diagnosis.finding import Advice, CannotJudge, Certainty, Evidence, Finding, Where
from gradlab.diagnosis.horizon import flows
from gradlab.diagnosis.rule import MEASURED, Rule
from gradlab.diagnosis.saturated_gates import HALF, shares_at_ends

SHRINKS = -1.1
"""Nats a step: twice what torch's own initialisation of a tanh net loses."""
RADIUS = 1.5
"""Spectral radius of a plain recurrent matrix."""


def judge(case: Case) -> Finding | None:
    """Too large or too small at the first recorded step; nothing where the task was learned all the same."""
    rows = early(case.passes)
    first = int(rows["step"].iloc[0])
    if first > max(10, 0.05 * len(case.losses)):
        raise CannotJudge(f"the first recorded step is {first}, too late to see the initial weights", _FROM_THE_START)
    if case.has_learned:
        return None
    layers = flows(rows)
    if not layers:
        return None
    steepest = max((growth(case, flow) for flow in layers if not math.isnan(growth(case, flow))), default=math.nan)
    rate = max((flow.rate for flow in layers if not math.isnan(flow.rate)), default=math.nan)
    saturated = _saturated(case)
    radius = _radius(case, first)
    large = [steepest >= GROWTH, saturated >= HALF, radius > RADIUS]
    small = rate < SHRINKS and saturated < HALF and not radius > RADIUS
    if sum(large) < 1 or (sum(large) == 1 and large[2] and radius < 2 * RADIUS and not case.is_at_chance):
        if not small:
            return None
        large = []
    certainty: Certainty = "strong" if sum(large) > 1 or (small and rate < 2 * SHRINKS) else "likely"
    if case.learned_something:
        certainty = "weak"
    worst = layers[0]
    how = "large" if any(large) else "small"
    alone = any(large) and not large[0] and not large[2]
    outside = alone and any(comes_from_outside(case, flow.module, flow.layer, saturated) for flow in layers)
    return Finding(
        "",
        f"The initial weights are too {how}: "
        + (
            "gradients explode or units saturate"
            if any(large)
            else "each step back keeps next to nothing of the gradient"
        )
        + " before the first update",
        certainty,
        (
            Evidence("growth of ‖∂L/∂h_t‖ over the sequence", steepest, "times", GROWTH, "below"),
            Evidence("change of ln ‖∂L/∂h_t‖ per step back", rate, "nats", SHRINKS, "above"),
            Evidence("largest share of saturated units or gates", saturated, "", HALF, "below"),
            Evidence("spectral radius of W_hh", radius, "", RADIUS, "at most"),
        ),
        remedies.standardise() if outside else remedies.initialise(case),
        Where(worst.module, **span(rows), since=first),
        about="exploding" if steepest >= GROWTH or (any(large) and saturated < HALF) else "vanishing",
    )


_FROM_THE_START = Advice(
    "Record from the first training step on.", {"record.every": 10}, "gradlab.watch(model, every=10)"
)


def _saturated(case: Case) -> float:
    """Largest share of saturated units or gates at the first recorded step; rectified units do not count."""
    shares = [0.0]
    gates = case.rows("gates")
    if not gates.empty:
        shares.append(float(shares_at_ends(early(gates)).max()))
    if case.nonlinearity == "tanh":
        rows = early(case.rows("timesteps"))
        shares.append(float(rows.groupby(["module", "layer", "direction"])["saturation"].mean().max()))
    return max(share for share in shares if not math.isnan(share))


def _radius(case: Case, step: int) -> float:
    """Spectral radius of a plain recurrent matrix; NaN for gated cells and where not recorded."""
    table = case.rows("parameters")
    if table.empty or case.cell not in ("rnn", None):
        return math.nan
    rows = table[(table["step"] == step) & ~table["parameter"].str.endswith("]")]
    return float(rows["spectral_radius"].max())


INITIAL_SCALE = Rule(
    "initial_scale",
    "Are the initial weights of the right size?",
    "exploding",
    judge,
    "at the first recorded step ‖∂L/∂h_t‖ grows a hundred times over the sequence, or half of the units or of a gate "
    "are saturated, or the spectral radius of a plain recurrent matrix is above 1.5; or each step back loses more than "
    "1.1 nats of ‖∂L/∂h_t‖ in every layer; and the task is not learned.",
    "Schoenholz et al. 2017 and Chen, Pennington & Schoenholz 2018: a tanh net with torch's U(±1/√H) loses 0.55 nats a "
    "step, twice that is too much; critical σ_w is 1 to 1.86 for inputs of variance 0 to 1; the rest is a " + MEASURED,
    "strong: two signs of too large weights, or a loss of 2.2 nats a step; likely: one sign; weak: some was learned.",
)
