"""What a study found, in sentences computed from its data."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import numpy as np

from gradlab.reports.choose import AnyStore, opened
from gradlab.reports.claims import claims
from gradlab.reports.groups import grouping
from gradlab.reports.load import load, read
from gradlab.reports.reach_sentences import reach_sentences
from gradlab.reports.spread import capital, fact_values, spread
from gradlab.store.reader import Store
from gradlab.store.run import RunInfo


def summary(store: AnyStore, study: str) -> list[str]:
    """Sentences about a study, computed from its data.

    How many runs ended how; for each group (the axes of the grid, seeds aside) how far the gradient reaches
    back, how often clipping fired, the final score against chance, what went non-finite; which claims hold; at
    last the instrument's own error. What was not recorded is not mentioned. Spread is given as the smallest to the
    largest value over the runs.

    Raises:
        StoreError: when there is no such study.
    """
    store = opened(store)
    info = store.study(study) if study else None
    runs = store.runs(study)
    if not runs:
        return ["No run has been recorded yet."]
    expected = len(set(info.expected) - {run.id for run in runs}) if info else 0
    groups = grouping(runs, info.axes if info else ()).groups
    sentences = [_endings(runs, expected)]
    sentences += reach_sentences(groups)
    for finding in (_clipping, _scores, _nonfinite):
        for label, members in groups.items():
            if sentence := finding(store, members):
                sentences.append(f"{capital(label)}: {sentence}")
    sentences += [str(verdict) for verdict in claims(store, study)] if info else []
    return sentences + _closure(store, runs)


def _endings(runs: Sequence[RunInfo], unstarted: int) -> str:
    counts = Counter(run.status for run in runs)
    order = ("finished", "running", "stopped", "failed", "lost")
    parts = [f"{counts[status]} {status}" for status in order if counts[status]]
    if unstarted:
        parts.append(f"{unstarted} not started")
    total = len(runs) + unstarted
    return f"{total} run{'s' if total != 1 else ''}: {', '.join(parts)}."


def _clipping(store: Store, runs: Sequence[RunInfo]) -> str:
    steps = load(store, "steps", runs=list(runs), columns=["clip_fired", "clip_coefficient", "clip_threshold"])
    steps = steps[steps["clip_fired"].notna()]
    if steps.empty:
        return ""
    steps = steps.assign(fired=steps["clip_fired"].astype(bool))
    shares = steps.groupby("run", sort=False)["fired"].mean()
    if not steps["fired"].any():
        # Without a threshold there was no clipping to speak of.
        return (
            ""
            if steps["clip_threshold"].isna().all()
            else f"clipping never changed the gradient in {_plural(len(shares), 'run')}."
        )
    coefficient = steps.loc[steps["fired"], "clip_coefficient"].median()
    by = f"; where it fired, it scaled the gradient by {coefficient:.3g} (median)" if coefficient > 0 else ""
    return f"clipping fired at {spread(shares.tolist(), _percent)} of the training steps{by}."


def _scores(store: Store, runs: Sequence[RunInfo]) -> str:
    ended = [run for run in runs if run.status == "finished"]
    for name, chance in (("final_score", "chance_score"), ("final_loss", "chance_loss")):
        values = fact_values(ended, name)
        if not values:
            continue
        words = {str(run.facts.get("score_name", "score")) for run in ended}
        word = "loss" if name == "final_loss" else words.pop() if len(words) == 1 else "score"
        baselines = set(fact_values(ended, chance))
        against = f"; chance is {_short(baselines.pop())}" if len(baselines) == 1 else ""
        return f"final {word} {spread(values, _short)}{against}."
    return ""


def _nonfinite(store: Store, runs: Sequence[RunInfo]) -> str:
    steps = load(store, "steps", runs=list(runs), columns=["step", "first_nonfinite"])
    met = steps[steps["first_nonfinite"].fillna("") != ""]
    if met.empty:
        return ""
    firsts = met.groupby("run", sort=False).first()
    earliest = firsts.sort_values("step", kind="stable").iloc[0]
    return (
        f"something became NaN or infinite in {len(firsts)} of {_plural(len(runs), 'run')}; the first at "
        f"training step {int(earliest['step'])}: {earliest['first_nonfinite']}."
    )


def _closure(store: Store, runs: Sequence[RunInfo]) -> list[str]:
    """The largest closure error of all runs; NaN counts as larger than every number."""
    worst: tuple[float, str, str, int] | None = None
    for run, table in zip(runs, read(runs, "parameters", ["step", "parameter", "closure_error"]), strict=True):
        found = table.filter(table["closure_error"].is_valid())
        if not found.num_rows:
            continue
        errors = found["closure_error"].to_numpy()
        place = int(np.argmax(np.where(np.isnan(errors), np.inf, errors)))
        error = float(errors[place])
        if worst is None or not error <= worst[0]:
            worst = (error, run.id, found["parameter"][place].as_py(), found["step"][place].as_py())
    if worst is None:
        return []
    error, run_id, parameter, step = worst
    return [
        f"The instrument's own error (closure: weight gradients rebuilt from the adjoint against autograd's) "
        f"was at most {error:.2g}, in run {run_id}, {parameter}, at training step {step}."
    ]


def _percent(value: float) -> str:
    return f"{100 * value:.3g} %"


def _short(value: float) -> str:
    return f"{value:.4g}"


def _plural(count: int, noun: str) -> str:
    return f"{count} {noun}" + ("s" if count != 1 else "")
