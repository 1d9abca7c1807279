"""Vanishing: the gradient does not come back as far as the task demands."""

from __future__ import annotations

import math

from gradlab.diagnosis import remedies
from gradlab.diagnosis.case import RECORD, Case, beginning, late, span
from gradlab.diagnosis.finding import CannotJudge, Certainty, Evidence, Finding, Where
from gradlab.diagnosis.horizon import SHARE, Flow, bound_per_step, flows, lag_horizon
from gradlab.diagnosis.rule import Rule

ENOUGH = 0.9
"""Of the demanded lag: what is missing then is within the spread over sequences."""


def judge(case: Case) -> Finding | None:
    """Of all layers and directions the one that reaches farthest counts: one way back is enough."""
    rows = late(case.passes)
    layers = flows(rows)
    if not layers or case.has_learned:
        return None
    best = max(layers, key=lambda flow: flow.horizon)
    demand = case.demanded_lag
    if demand is None:
        return _without_demand(case, best, layers, Where(best.module, **span(rows)))
    needed = min(demand, best.length - 1)
    horizon, how = _horizon(case, best, needed)
    if horizon >= ENOUGH * needed:
        return None
    evidence = (
        Evidence(f"horizon of the gradient ({how})", horizon, "steps", needed),
        *(Evidence(f"of it in {flow.name}", flow.horizon, "steps") for flow in layers if len(layers) > 1),
        *(() if math.isnan(best.rate) else (Evidence("change of ln ‖∂L/∂h_t‖ per step back", best.rate, "nats"),)),
        *_learned(case),
    )
    whole = "all layers" if len(layers) > 1 else best.name
    return Finding(
        "",
        f"The gradient vanishes: it comes back {horizon:.0f} steps, and the task needs {needed} ({whole})",
        _certainty(case, horizon, needed),
        evidence,
        remedies.remember(case),
        Where(best.module, best.layer, best.direction or None, **span(rows), since=_since(case, needed)),
    )


def _since(case: Case, needed: int) -> int | None:
    """When the gradient began to fall short; not known where products of Jacobians alone tell it."""
    rows = case.passes
    places = rows.groupby(["step", "module", "layer", "direction", "quantity"], sort=True)["horizon"].median()
    return beginning(places.groupby(level="step").max() < ENOUGH * needed)


def _horizon(case: Case, best: Flow, needed: int) -> tuple[float, str]:
    """The horizon and how it was found; where every step has a loss of its own, by products of Jacobians."""
    by_gradient = best.horizon, "by ‖∂L/∂h_t‖"
    if case.reads == "last" or best.horizon < needed:
        return by_gradient
    lags = case.rows("lags")
    if not lags.empty:
        return lag_horizon(late(lags)), "by products of Jacobians"
    bound = bound_per_step(late(case.rows("timesteps")))
    if bound < 0 and bound * needed < math.log(SHARE):
        return math.floor(math.log(SHARE) / bound), "at most, by σ_max of the steps"
    if case.reads == "every":
        raise CannotJudge(
            "every time step has a loss of its own, so the gradient's size does not say how far each loss reaches back",
            RECORD["lags"],
        )
    return by_gradient


def _certainty(case: Case, horizon: float, needed: int) -> Certainty:
    short = horizon < needed / 2
    if case.is_at_chance:
        return "strong" if short else "likely"
    return "likely" if short and case.learned is None else "weak"


def _learned(case: Case) -> tuple[Evidence, ...]:
    return () if case.learned is None else (Evidence("learned (0 is chance, 1 perfect)", case.learned, "", 0.8),)


def _without_demand(case: Case, best: Flow, layers: list[Flow], where: Where) -> Finding | None:
    """What the task demands is not known: only what is lost in rounding is told, and weakly."""
    if best.lost >= best.length - 1:
        return None
    return Finding(
        "",
        f"Of the {best.length} steps of a sequence only the last {best.lost:.0f} can have a say in the update",
        "weak",
        (
            Evidence("horizon in float32's rounding", best.lost, "steps", best.length - 1),
            Evidence("horizon at 1 % of the maximum", best.horizon, "steps"),
            *(Evidence(f"horizon in {flow.name}", flow.horizon, "steps") for flow in layers if len(layers) > 1),
        ),
        remedies.remember(case),
        where,
    )


VANISHING = Rule(
    "vanishing",
    "Does the gradient come back as far as the task demands?",
    "vanishing",
    judge,
    "the largest lag with a gradient of at least 1 % of its maximum is below nine tenths of the lag that the task "
    "demands, in the layer that reaches farthest, over the last quarter of what was recorded, and the task is not "
    "learned (4/5 of the way from chance to perfect); without a known demand: below half the machine epsilon of "
    "float32.",
    "Pascanu, Mikolov & Bengio 2013, section 2; the 1 %, 9/10 and 4/5 are rules of thumb, measured on the suite",
    "strong: less than half of the demanded lag, and the net is at chance; likely: at chance, or less than half where "
    "it is not known what was learned; weak: otherwise, or the demand is not known.",
)
