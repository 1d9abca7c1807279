"""What the page Exploding opens with: whether anything does, since when, where; then how large the spikes are."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from gradlab.diagnosis import Finding
from gradlab.figures.text import count_of, number_in_words

RUNAWAY = 100.0
"""Times the norm of its first quarter that a run's last quarter has: two orders of magnitude, as over a sequence."""


def exploding_answer(spikes: pd.DataFrame, findings: Sequence[Finding] = ()) -> str:
    """Whether a gradient explodes, and the worst of it.

    Args:
        spikes: data of the figure `spikes`.
        findings: what the diagnosis says of exploding gradients, the weightiest of each run that it has judged.

    Returns:
        One sentence.
    """
    if not len(spikes):
        return "No training step has been recorded here yet."
    runs = spikes["run"].nunique()
    broken = spikes[spikes["spike"].astype(bool) & ~np.isfinite(spikes["grad_norm"].to_numpy(dtype=float))]
    grown = _grown(spikes[~spikes["run"].isin(broken["run"].unique())])
    parts = []
    if len(broken):
        first = broken.sort_values("step").iloc[0]
        named = f": {first['first_nonfinite']}" if first["first_nonfinite"] else ""
        whose = "the run" if runs == 1 else f"{broken['run'].nunique():,} of {count_of(runs, 'run')}"
        when = f"first at training step {int(first['step']):,}{named}"
        parts.append(f"the gradient of {whose} became NaN or ∞, {when}")
    if len(grown):
        whose = "the gradient norm" if runs == 1 else f"the gradient norm of {len(grown):,} of {count_of(runs, 'run')}"
        times = number_in_words(float(f"{grown.max():.2g}"))
        parts.append(f"{whose} grows over training, at worst {times} times")
    if not parts and findings:
        parts.append(_found(findings, runs))
    verdict = "Exploding" if parts else "Not exploding"
    if not parts:
        whose = "the gradient norm stays" if runs == 1 else "all gradient norms stay"
        parts.append(f"{whose} finite and {'does' if runs == 1 else 'do'} not run away")
    return f"{verdict}: {'; '.join([*parts, *_spiking(spikes, runs)])}."


def _grown(spikes: pd.DataFrame) -> pd.Series:
    """Of every run that ran away, how many times larger its usual norm is at the end than at first."""
    if not len(spikes):
        return pd.Series(dtype=float)
    quarter = spikes.groupby("run", observed=True)["step"].rank(pct=True)
    first = spikes[quarter <= 0.25].groupby("run", observed=True)["grad_norm"].median()
    last = spikes[quarter > 0.75].groupby("run", observed=True)["grad_norm"].median()
    times = (last / first.where(first > 0)).dropna()
    return times[times >= RUNAWAY]


def _found(findings: Sequence[Finding], runs: int) -> str:
    """What the diagnosis found, and since when."""
    since = [finding.where.since for finding in findings if finding.where.since is not None]
    when = f", since training step {min(since):,}" if since else ""
    whose = "" if runs == 1 else f" in {'at least ' if len(findings) < runs else ''}{len(findings):,} of {runs:,} runs"
    grows = any("way back" in finding.title for finding in findings)
    what = "the gradient grows on its way back in time" if grows else "the gradient norm leaps, and the loss with it"
    return f"{what}{whose}{when}"


def _spiking(spikes: pd.DataFrame, runs: int) -> list[str]:
    """How often and how far single norms leap."""
    times = spikes["times"].to_numpy(dtype=float)
    finite = spikes[spikes["spike"].astype(bool) & np.isfinite(times)]
    if not len(finite):
        known = times[np.isfinite(times)]
        largest = number_in_words(float(f"{known.max():.2g}")) if len(known) else ""
        return [f"no norm is more than {largest} times the usual one"] if largest and np.isfinite(times).all() else []
    worst = finite.loc[finite["times"].idxmax()]
    count = finite["run"].nunique()
    whose = "it spikes" if runs == 1 else f"single norms spike in {count:,} of {count_of(runs, 'run')}"
    where = f" with {worst['group']}" if spikes["group"].nunique() > 1 else ""
    far = number_in_words(float(f"{worst['times']:.2g}"))
    return [f"{whose}, at worst to {far} times the usual one at training step {int(worst['step']):,}{where}"]
