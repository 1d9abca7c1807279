"""Instrument errors: the recorder's numbers contradict autograd's, or it stopped looking."""

from __future__ import annotations

import numpy as np
import pandas as pd

from gradlab.diagnosis.case import RECORD, Case
from gradlab.diagnosis.finding import Advice, CannotJudge, Evidence, Finding, Where
from gradlab.diagnosis.rule import Rule

TOLERANCE = {"float32": 1e-3, "float64": 1e-8}
"""Of the closure error, as the recorder has it."""

_CHECK = Advice(
    "Let the recorder hold its gradients against autograd's.", {"record.check_every": 10}, "watch(..., check_every=10)"
)
_ELSEWHERE = Advice(
    "If the recurrent weight is used outside the recurrent module as well (a penalty in the loss, a shared parameter), "
    "the recorder sees a part of its gradient only: penalise through the optimiser (weight decay), or record without "
    "the check. If it is not, this is a bug in gradlab: please report it.",
    {"record.check_every": "never"},
    'recorder = gradlab.watch(model, check_every="never")',
)


def judge(case: Case) -> Finding | None:
    """A closure error above the tolerance, a run that ended in an InstrumentError, or recording that broke off."""
    reason = str(case.about.get("reason", ""))
    if "InstrumentError" in reason or "closure" in reason:
        return _finding("The recorder contradicts autograd and ended the run", (), Where(), reason)
    gone = _broke_off(case)
    if gone is not None:
        last, end = gone
        return _finding(
            f"The recorder stopped looking at training step {last}, and training went on to {end}",
            (Evidence("last recorded step", float(last), "", float(end)),),
            Where(first_step=last, last_step=end),
            "",
        )
    table = case.rows("parameters")
    if table.empty:
        raise CannotJudge("the table `parameters` is missing", RECORD["parameters"])
    errors = table[table["closure_error"].notna()]
    if case.broke_at is not None:  # between numbers that are not finite there is nothing to compare
        errors = errors[errors["step"] < case.broke_at]
    if errors.empty:
        raise CannotJudge("the closure error was not measured", _CHECK)
    tolerance = TOLERANCE.get(str(case.about.get("model.precision", "float32")), TOLERANCE["float32"])
    wrong = errors[errors["closure_error"] > tolerance]
    if wrong.empty:
        return None
    worst = wrong.sort_values("closure_error").iloc[-1]
    return _finding(
        f"The recorder's gradient of {worst['parameter']} is not autograd's",
        (Evidence("closure error", float(worst["closure_error"]), "", tolerance, "at most"),),
        Where(first_step=int(wrong["step"].min()), last_step=int(wrong["step"].max())),
        "",
    )


def _broke_off(case: Case) -> tuple[int, int] | None:
    """Last recorded and last training step, where four recordings or more are missing at the end."""
    steps, rows = case.rows("steps"), case.rows("timesteps")
    if steps.empty:
        return None
    end = int(steps["step"].max())
    every = case.number("record.every")
    if rows.empty:
        return (int(steps["step"].min()), end) if every is not None and end >= 4 * every else None
    recorded: pd.Series = pd.Series(np.sort(rows["step"].unique()))
    gap = float(recorded.diff().max()) if len(recorded) > 1 else every
    if gap is None or case.about.get("record.at") is not None or not end - int(recorded.iloc[-1]) >= 4 * gap:
        return None
    return int(recorded.iloc[-1]), end


def _finding(title: str, evidence: tuple[Evidence, ...], where: Where, reason: str) -> Finding:
    words = f"{reason}. {_ELSEWHERE.words}" if reason else _ELSEWHERE.words
    return Finding("", title, "strong", evidence, Advice(words, _ELSEWHERE.keys, _ELSEWHERE.code), where)


INSTRUMENT = Rule(
    "instrument",
    "Can the recorded numbers be believed?",
    "instrument",
    judge,
    "a closure error above 1e-3 in float32 (1e-8 in float64), a run that ended in an InstrumentError, or recording "
    "that broke off four recordings before training did.",
    "the tolerances of gradlab.recording",
    "always strong: the instrument says so itself.",
)
