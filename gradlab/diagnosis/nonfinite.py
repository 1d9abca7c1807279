"""Birth of a non-finite value: what became NaN or infinite first, and when."""

from __future__ import annotations

import numpy as np

from gradlab.diagnosis import remedies
from gradlab.diagnosis.case import Case, early
from gradlab.diagnosis.exploding import GROWTH, growth
from gradlab.diagnosis.finding import Advice, Evidence, Finding, Where
from gradlab.diagnosis.horizon import flows
from gradlab.diagnosis.rule import Rule


def judge(case: Case) -> Finding | None:
    """The first training step with a loss or gradient that is not finite, and the recorder's word for what broke."""
    steps, step = case.steps, case.broke_at
    if step is None:
        return None
    row = steps[steps["step"] == step].iloc[0]
    what = case.born or ("the loss" if not np.isfinite(row["loss"]) else "the gradient")
    before = steps[steps["step"] < step].tail(1)
    evidence = [Evidence("training step", float(step)), Evidence("its loss", float(row["loss"]))]
    evidence.append(Evidence("its gradient norm", float(row["grad_norm"])))
    if len(before):
        evidence.append(Evidence("gradient norm one step before", float(before["grad_norm"].iloc[0])))
    return Finding(
        "",
        f"The first number that is not finite: {what}, at training step {step}",
        "strong",
        tuple(evidence),
        _advice(case, step, what),
        Where(first_step=step, last_step=int(steps["step"].iloc[-1]), since=step),
    )


def _advice(case: Case, step: int, what: str) -> Advice:
    """By the place of birth: data, initial weights, or training that ran away."""
    if what.startswith("input"):
        return Advice(
            "It comes in from outside: look in the data for missing values and for a division by a standard deviation "
            "of zero, then in the layers before this module.",
            {},
            "assert torch.isfinite(inputs).all()",
        )
    first = int(case.steps["step"].iloc[0])
    clip = remedies.clip_at(1.0)
    if step == first:
        return remedies.initialise(case) + remedies.guard()
    recorded = not case.rows("timesteps").empty and case.rows("timesteps")["grad_h"].notna().any()
    grows = recorded and any(growth(case, flow) >= GROWTH for flow in flows(early(case.passes)))
    advice = remedies.lower_rate(case, 10) + clip
    return remedies.initialise(case) + advice if grows else advice


NONFINITE = Rule(
    "nonfinite",
    "Is every number finite?",
    "exploding",
    judge,
    "any loss or gradient norm that is NaN or infinite.",
    "by definition",
    "always strong.",
)
