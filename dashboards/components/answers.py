"""The sentence that a page opens with, computed from the numbers of its figure."""

import math
from collections import Counter
from collections.abc import Hashable, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from gradlab.diagnosis import Diagnosis
from gradlab.figures.text import count_of, number_in_words
from gradlab.reports.reach import SHARE
from gradlab.store import RunInfo

_ENDS = {"running": "", "stopped": "stopped early", "failed": "failed", "lost": "ended without saying how"}
_IS = {
    "running": "is training",
    "finished": "has finished",
    "stopped": "was stopped early",
    "failed": "failed",
    "lost": "ended without saying how",
}
_NAMED = 4
"""So many groups are named in a sentence; of more, the first and the last."""


def flow_answer(profile: pd.DataFrame, reaches: Mapping[str, float]) -> str:
    """How far back the gradient reaches in every group.

    Args:
        profile: data of the figure `gradient_profile`.
        reaches: group → median over its runs of `gradlab.reports.reach`.

    Returns:
        One sentence.
    """
    if not len(profile):
        return "No gradient has been recorded here yet."
    finite: dict[str, int] = {}
    broken, silent, growing = [], [], []
    for name, rows in profile.sort_values("t").groupby("group", observed=True):
        gradient = rows["median"].to_numpy(dtype=float)
        if not np.isfinite(gradient).all():
            broken.append(str(name))
        elif gradient.max() <= 0:
            silent.append(str(name))
        elif np.isfinite(reaches.get(str(name), np.nan)):
            finite[str(name)] = round(reaches[str(name)])
            if gradient[0] > 100 * gradient[-1] > 0:
                growing.append(f"{name} (×{number_in_words(gradient[0] / gradient[-1])})")
    parts = [_reaches(finite, int(profile["t"].max() - profile["t"].min()))] if finite else []
    parts += [f"it grows on its way back in {_listed(growing)}"] if growing else []
    parts += [f"it is exactly zero in {_listed(silent)}"] if silent else []
    parts += [f"it is not finite in {_listed(broken)}"] if broken else []
    sentence = "; ".join(parts)
    return (
        f"{_when(profile)} {sentence.replace('it ', 'the gradient ', 1) if sentence.startswith('it ') else sentence}."
    )


def _reaches(reaches: Mapping[str, int], longest: int, until: bool = True) -> str:
    """`the gradient reaches all 63 steps back with lstm, 40 with gru and 12 with rnn before …`."""
    alike: dict[int, list[str]] = {}
    for name, far in sorted(reaches.items(), key=lambda item: -item[1]):
        alike.setdefault(far, []).append(name)
    ranked = list(alike.items())
    if len(ranked) > _NAMED:
        ranked = [ranked[0], ranked[-1]]
    end = _until(reaches, longest) if until else ""
    words = [f"all {far:,} steps" if far >= longest else count_of(far, "step") for far, _ in ranked]
    if len(reaches) == 1:
        return f"the gradient reaches {words[0]} back{end}"
    named = [f"{words[0]} back with {_names(ranked[0][1])}"]
    named += [f"{word} with {_names(names)}" for word, (_, names) in zip(words[1:], ranked[1:], strict=True)]
    return f"the gradient reaches {_listed(named)}{end}"


def _names(names: Sequence[str]) -> str:
    """Up to three names, or how many there are."""
    return " / ".join(names) if len(names) <= 3 else f"{names[0]} / {len(names) - 1} other groups"


def _until(reaches: Mapping[str, int], longest: int) -> str:
    if min(reaches.values()) >= longest:
        return f", never falling below {SHARE:.0%} of its largest value".replace("%", "\u00a0%")
    return f" before it falls below {SHARE:.0%} of its largest value".replace("%", "\u00a0%")


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
        value = number_in_words(float(f"{row['median']:.3g}"))
        return f"{row['group']} with {value} ({count_of(int(row['runs']), 'run')})"

    if len(ranked) == 1:
        value, runs = number_in_words(float(f"{best['median']:.3g}")), count_of(int(best["runs"]), "run")
        return f"The {word} at the end is {value}, as the median of {runs}."
    if best["median"] == worst["median"]:
        return f"All {len(ranked)} groups end with the same {word}: {number_in_words(float(best['median']))}."
    apart = best["low"] > worst["high"] if higher_is_better else best["high"] < worst["low"]
    verdict = "their spreads do not touch" if apart else "their spreads over runs overlap"
    return f"The best {word} at the end has {said(best)}, the worst {said(worst)}; {verdict}."


def vanishing_answer(by_lag: pd.DataFrame, demanded: int | None) -> str:
    """Which groups reach what the task demands, and which do not.

    Args:
        by_lag: data of the figure `gradient_by_lag`.
        demanded: lag that the task demands, where it is known.

    Returns:
        One sentence.
    """
    if not len(by_lag):
        return "No gradient has been recorded here yet."
    reaches: dict[str, int] = {}
    broken, silent = [], []
    for name, rows in by_lag.sort_values("lag").groupby("group", observed=True):
        median = rows["median"].to_numpy(dtype=float)
        if not np.isfinite(median).all():
            broken.append(str(name))
        elif median.max() <= 0:
            silent.append(str(name))
        else:
            counts = rows["lag"].to_numpy()[median >= SHARE]
            reaches[str(name)] = int(counts.max()) if len(counts) else 0
    bad = [f"it is exactly zero in {_listed(silent)}"] if silent else []
    bad += [f"it is not finite in {_listed(broken)}"] if broken else []
    tail = "".join(f"; {each}" for each in bad)
    if not reaches:
        return f"{_when(by_lag)} {'; '.join(bad).replace('it ', 'the gradient ', 1)}."
    if demanded is None:
        far = _reaches(reaches, int(by_lag["lag"].max()))
        return f"{_when(by_lag)} {far}{tail}."
    vanished = {name: far for name, far in reaches.items() if far < demanded}
    if not vanished:
        return f"{_when(by_lag)} the gradient reaches the {count_of(demanded, 'step')} that the task demands{tail}."
    words = [f"{count_of(far, 'step')} with {name}" for name, far in sorted(vanished.items(), key=lambda each: each[1])]
    words = words if len(words) <= _NAMED else [words[0], words[-1]]
    of = "" if len(vanished) == len(reaches) else f" in {len(vanished)} of {count_of(len(reaches), 'group')}"
    if len(reaches) == 1:
        words = [count_of(next(iter(vanished.values())), "step")]
    return (
        f"{_when(by_lag)} the gradient vanishes{of} before the {count_of(demanded, 'step')} that the task demands: "
        f"it reaches back {_listed(words)}{tail}."
    )


def exploding_answer(spikes: pd.DataFrame) -> str:
    """How many runs spike or broke, and the worst of it, from the data of the figure `spikes`."""
    if not len(spikes):
        return "No training step has been recorded here yet."
    runs = spikes["run"].nunique()
    rows = spikes[spikes["spike"].astype(bool)]
    if not len(rows):
        largest = number_in_words(float(f"{spikes['times'].max():.2g}"))
        return f"Nothing explodes: no gradient norm is more than {largest} times the usual one."
    finite = rows[np.isfinite(rows["times"].to_numpy(dtype=float))]
    broken = rows[~np.isfinite(rows["grad_norm"].to_numpy(dtype=float))]
    parts = []
    if len(broken):
        first = broken.sort_values("step").iloc[0]
        named = f": {first['first_nonfinite']}" if first["first_nonfinite"] else ""
        count = broken["run"].nunique()
        whose = "the run" if runs == 1 else f"{count:,} of {count_of(runs, 'run')}"
        when = f"first at training step {int(first['step']):,}{named}"
        parts.append(f"the gradient of {whose} became NaN or ∞, {when}")
    if len(finite):
        worst = finite.loc[finite["times"].idxmax()]
        count = finite["run"].nunique()
        times = number_in_words(float(f"{worst['times']:.2g}"))
        whose = "" if runs == 1 else f" in {count:,} of {count_of(runs, 'run')}"
        parts.append(
            f"the gradient norm spikes{whose}, at worst to {times} times the usual one at training step "
            f"{int(worst['step']):,}"
        )
    sentence = "; ".join(parts)
    return f"{sentence[0].upper()}{sentence[1:]}."


TOLERATED = 0.1
"""A relative bias of the gradient that is smaller than what a batch's noise does to it, in most training."""


def truncation_answer(data: pd.DataFrame) -> str:
    """Which window keeps the bias small in every group, from the data of the figure `truncation`."""
    rows = data[data["quantity"] == "relative_error"] if len(data) else data
    if not len(rows):
        return "No truncation bias has been measured here yet."
    alike: dict[float, list[str]] = {}
    for name, own in rows.astype({"group": str}).sort_values("window").groupby("group"):
        within = (own["median"] <= TOLERATED).to_numpy()
        # from the last window that is too biased on
        first = len(within) - int(np.argmin(within[::-1])) if not within.all() else 0
        windows = own["window"].to_numpy()
        alike.setdefault(float(windows[first]) if first < len(windows) else math.inf, []).append(str(name))
    longest = count_of(int(rows["window"].max()), "step")
    said = {window: f"more than {longest}" if math.isinf(window) else count_of(int(window), "step") for window in alike}
    share = percent(TOLERATED)
    if len(alike) == 1:
        return f"{_when(rows)} a window of {next(iter(said.values()))} keeps the gradient's bias below {share}."
    words = [f"{said[window]} with {_names(alike[window])}" for window in sorted(alike)]
    words = words if len(words) <= _NAMED else [words[0], words[-1]]
    return f"{_when(rows)} the gradient's bias stays below {share} from a window of {_listed(words)}."


def text_answer(data: pd.DataFrame, baselines: Mapping[str, float]) -> str:
    """How well the text is predicted, from the data of the figure `bits`, against what needs no net."""
    if not len(data):
        return "No training step has been recorded here yet."
    quantity = "score_loss" if (data["quantity"] == "score_loss").any() else "loss"
    rows = data[data["quantity"] == quantity].astype({"group": str}).sort_values("step")
    ends = {str(name): float(value) for name, value in rows.groupby("group")["median"].last().items()}
    best = min(ends, key=lambda name: (math.isnan(ends[name]), ends[name]))
    where = "held-out text" if quantity == "score_loss" else "the training text"
    net = f" with {best}" if len(ends) > 1 else ""
    sentence = f"The net needs {number_in_words(float(f'{ends[best]:.3g}'))} bits per character of {where}{net}"
    against = [f"{name} {number_in_words(float(f'{bits:.3g}'))}" for name, bits in baselines.items()]
    return f"{sentence}; for comparison: {_listed(against)}." if against else f"{sentence}."


def playground_answer(growth: float, length: int) -> str:
    """Whether the gradient of a random net vanishes, explodes or arrives.

    Args:
        growth: nats per step back.
        length: time steps of the sequence.

    Returns:
        One sentence.
    """
    if math.isnan(growth) or growth == math.inf:
        return "In this net the gradient is not finite."
    if growth == -math.inf:
        return "In this net the gradient dies: it is exactly zero before it reaches the start."
    over = growth * (length - 1)
    factor = number_in_words(float(f"{math.exp(max(min(over, 700.0), -700.0)):.2g}"))
    end = f"over {count_of(length - 1, 'step')} it is multiplied by {factor}"
    if abs(over) < math.log(100):
        return f"In this net the gradient arrives: {end}."
    if growth < 0:
        far = -math.log(SHARE) / -growth
        left = f"{count_of(max(round(far), 1), 'step')} back a hundredth is left"
        return f"In this net the gradient vanishes: {end}, and {left}."
    return f"In this net the gradient explodes: {end}."


def clipping_answer(shares: pd.DataFrame) -> str:
    """How often clipping fired in every group that clips, from the data of the figure `clipping_share`."""
    if not len(shares):
        return "No training step has been recorded here yet."
    norms = shares["largest_norm"].to_numpy(dtype=float)
    bad = int((~np.isfinite(norms)).sum())
    tail = f"; the norm became NaN or ∞ in {bad:,} of {count_of(len(shares), 'run')}" if bad else ""
    largest = norms[np.isfinite(norms)].max() if bad < len(norms) else np.nan
    clipped = shares[shares["clips"].astype(bool)]
    if not len(clipped):
        return f"Nothing was clipped: the largest gradient norm was {number_in_words(largest)}{tail}."
    medians = clipped.groupby("group", observed=True)["share"].median().sort_values(ascending=False)
    ranked = [(str(name), float(share)) for name, share in medians.items()]
    if len(ranked) > _NAMED:
        ranked = [ranked[0], ranked[-1]]
    if len(ranked) == 1:
        return f"Clipping fired at {percent(ranked[0][1])} of the training steps{tail}."
    words = [f"{percent(share)} of the training steps with {name}" for name, share in ranked[:1]]
    words += [f"{percent(share)} with {name}" for name, share in ranked[1:]]
    return f"Clipping fired at {_listed(words)}{tail}."


def threshold_answer(rows: pd.DataFrame, threshold: float) -> str:
    """What one threshold would have done, from the rows of the figure `thresholds` at it."""
    shares = rows[rows["quantity"] == "share"].sort_values("median", ascending=False)
    rest = rows[rows["quantity"] == "left"]
    left = dict(zip(rest["group"].astype(str), rest["median"], strict=True))
    named = [(str(group), float(share)) for group, share in zip(shares["group"], shares["median"], strict=True)]
    named = named if len(named) <= _NAMED else [named[0], named[-1]]
    words = [
        f"at {percent(share)} of the steps"
        + (f" with {group}" if len(shares) > 1 else "")
        + f", leaving {percent(float(left[group]))} of the gradient on average"
        for group, share in named
    ]
    return f"Clipping the norm at {number_in_words(threshold)} would have fired {'; '.join(words)}."


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
    return f"{done:,} of {total:,} runs{where} have finished; {_listed(others)}."


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
        return f"This run {_IS.get(run.status, run.status)}; it has recorded no training step yet."
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
    title = diagnosis.problems[0].title.rstrip(".")
    return f"{sentence} {title}{further}."


def finding_answer(
    reaches: Mapping[str, float], longest: int, outcomes: Mapping[str, float], *, word: str, chance: float | None = None
) -> str:
    """What a study found: how far the gradient reaches after training, and what was learned.

    Args:
        reaches: group → median over its finished runs of `gradlab.reports.reach` at the last recorded step.
        longest: the largest reach that the sequences allow.
        outcomes: group → median final score, or loss.
        word: what the outcome is called, `accuracy` for instance.
        chance: outcome of a guess that ignores the input.

    Returns:
        One sentence; empty where neither is known.
    """
    finite = {name: round(far) for name, far in reaches.items() if np.isfinite(far)}
    parts = [f"after training {_reaches(finite, longest, until=False)}"] if finite else []
    finals = {name: value for name, value in outcomes.items() if not np.isnan(value)}
    if finals:
        ranked: dict[str, list[str]] = {}
        for name, value in sorted(finals.items(), key=lambda item: -item[1]):
            ranked.setdefault(number_in_words(float(f"{value:.2g}")), []).append(name)
        ends = list(ranked.items())
        against = f", by chance {number_in_words(float(f'{chance:.2g}'))}" if chance is not None else ""
        named = [f"{value} with {_names(names)}" for value, names in ends]
        words = f"from {named[0]} to {named[-1]}" if len(named) > _NAMED else _listed(named)
        parts.append(f"the final {word} is {words if len(finals) > 1 else ends[0][0]}{against}")
    sentence = "; ".join(parts)
    return f"{sentence[0].upper()}{sentence[1:]}." if sentence else ""


def spectra_answer(lags: pd.DataFrame, exponents: pd.DataFrame, steps: pd.DataFrame) -> str:
    """What the Jacobians leave of a gradient: over the longest lag, or else a step.

    Args:
        lags: data of the figure `lags`.
        exponents: data of the figure `lyapunov`.
        steps: data of the figure `step_spectrum`.

    Returns:
        One sentence, from the first of them that has numbers.
    """
    if len(lags):
        largest = lags[lags["quantity"] == "log_sigma_max"]
        longest = int(largest["lag"].max())
        factors = _medians(largest[largest["lag"] == longest])
        return (
            f"{_when(lags)} the direction that is carried best is, over {count_of(longest, 'step')}, multiplied by "
            f"{_ranked({name: math.exp(min(value, 700.0)) for name, value in factors.items()})}."
        )
    if len(exponents):
        rates = _medians(exponents[exponents["index"] == exponents["index"].min()])
        return f"{_when(exponents)} the largest Lyapunov exponent is {_ranked(rates)} nats a step."
    if len(steps):
        sizes = steps[steps["quantity"] == "sigma_max"].astype({"group": str}).groupby("group")["median"].median()
        medians = {str(name): float(value) for name, value in sizes.items()}
        return f"{_when(steps)} the largest singular value of a step is in the median {_ranked(medians)}."
    return "No Jacobian has been recorded here yet."


def _medians(rows: pd.DataFrame) -> dict[str, float]:
    return {str(name): float(value) for name, value in zip(rows["group"], rows["median"], strict=True)}


def _ranked(values: Mapping[str, float]) -> str:
    """`0.9 with lstm and 1.2·10⁻⁴ with rnn`; the largest first, NaN last; of many, both ends."""
    ranked = sorted(values.items(), key=lambda item: (math.isnan(item[1]), -item[1]))
    if len(ranked) == 1:
        return number_in_words(float(f"{ranked[0][1]:.2g}"))
    named = [f"{number_in_words(float(f'{value:.2g}'))} with {name}" for name, value in ranked]
    return f"from {named[0]} to {named[-1]}" if len(named) > _NAMED else _listed(named)


def _when(data: pd.DataFrame) -> str:
    first, last = int(data["first_step"].min()), int(data["last_step"].max())
    return f"At training step {last:,}" if first == last else f"At training steps {first:,} to {last:,}"


def percent(share: float) -> str:
    """A share in words: whole percent, and a decimal where whole ones would say nothing."""
    if 0 < share < 0.01:
        return "under 0.1\u00a0%" if share < 0.001 else f"{100 * share:.1f}\u00a0%"
    if 0.99 < share < 1:
        return f"{100 * share:.1f}\u00a0%"
    return f"{100 * share:.0f}\u00a0%"


def _listed(words: Sequence[str]) -> str:
    return words[0] if len(words) == 1 else ", ".join(words[:-1]) + " and " + words[-1]
