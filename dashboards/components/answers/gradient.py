"""What the pages on the gradient open with: how far it reaches, what a product leaves, what a window leaves out."""

import math
from collections.abc import Mapping

import numpy as np
import pandas as pd

from dashboards.components.answers.wording import (
    NAMED,
    at_step,
    in_a_row,
    medians_of,
    percent,
    ranked_words,
    reaching,
    with_names,
)
from gradlab.diagnosis.vanishing import ENOUGH
from gradlab.figures.text import count_of, number_in_words
from gradlab.reports.reach import SHARE

TOLERATED = 0.1
"""A relative bias of the gradient that is smaller than what a batch's noise does to it, in most training."""


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
    parts = [reaching(finite, int(profile["t"].max() - profile["t"].min()))] if finite else []
    parts += [f"it grows on its way back in {in_a_row(growing)}"] if growing else []
    parts += [f"it is exactly zero in {in_a_row(silent)}"] if silent else []
    parts += [f"it is not finite in {in_a_row(broken)}"] if broken else []
    sentence = "; ".join(parts)
    return (
        f"{at_step(profile)} {sentence.replace('it ', 'the gradient ', 1) if sentence.startswith('it ') else sentence}."
    )


def vanishing_answer(by_lag: pd.DataFrame, demanded: int | None, medians: Mapping[str, float]) -> str:
    """Which groups reach what the task demands, and which do not.

    Args:
        by_lag: data of the figure `gradient_by_lag`.
        demanded: lag that the task demands, where it is known.
        medians: group → median over its runs of `gradlab.reports.reach`.

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
        elif np.isfinite(medians.get(str(name), np.nan)):
            reaches[str(name)] = round(medians[str(name)])
    bad = [f"it is exactly zero in {in_a_row(silent)}"] if silent else []
    bad += [f"it is not finite in {in_a_row(broken)}"] if broken else []
    tail = "".join(f"; {each}" for each in bad)
    if not reaches and not bad:
        return f"{at_step(by_lag)} how far the gradient reaches cannot be told."
    if not reaches:
        return f"{at_step(by_lag)} {'; '.join(bad).replace('it ', 'the gradient ', 1)}."
    if demanded is None:
        far = reaching(reaches, int(by_lag["lag"].max()))
        return f"{at_step(by_lag)} {far}{tail}."
    # as the diagnosis counts it, so that two pages agree
    vanished = {name: far for name, far in reaches.items() if far < ENOUGH * demanded}
    if not vanished:
        least, steps = min(reaches.values()), count_of(demanded, "step")
        far = f"the {steps}" if least >= demanded else f"{least:,} of the {steps}"
        return f"{at_step(by_lag)} the gradient reaches {far} that the task demands{tail}."
    words = [f"{count_of(far, 'step')} with {name}" for name, far in sorted(vanished.items(), key=lambda each: each[1])]
    many = len(words) > NAMED
    words = words if not many else [words[0], words[-1]]
    of = "" if len(vanished) == len(reaches) else f" in {len(vanished)} of {count_of(len(reaches), 'group')}"
    if len(reaches) == 1:
        words = [count_of(next(iter(vanished.values())), "step")]
    return (
        f"{at_step(by_lag)} the gradient vanishes{of} before the {count_of(demanded, 'step')} that the task demands: "
        f"it reaches back {' up to '.join(words) if many else in_a_row(words)}{tail}."
    )


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
    groups = [name for names in alike.values() for name in names]
    longest = count_of(int(rows["window"].max()), "step")
    said = {window: f"more than {longest}" if math.isinf(window) else count_of(int(window), "step") for window in alike}
    share = percent(TOLERATED)
    if len(alike) == 1:
        return f"{at_step(rows)} a window of {next(iter(said.values()))} keeps the gradient's bias below {share}."
    words = [f"{said[window]} {with_names(alike[window], groups)}" for window in sorted(alike)]
    told = in_a_row(words) if len(words) <= NAMED else f"{words[0]} up to {words[-1]}"
    return f"{at_step(rows)} the gradient's bias stays below {share} from a window of {told}."


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
        factors = medians_of(largest[largest["lag"] == longest])
        return (
            f"{at_step(lags)} the direction that is carried best is, over {count_of(longest, 'step')}, multiplied by "
            f"{ranked_words({name: math.exp(min(value, 700.0)) for name, value in factors.items()})}."
        )
    if len(exponents):
        rates = medians_of(exponents[exponents["index"] == exponents["index"].min()])
        return f"{at_step(exponents)} the largest Lyapunov exponent is {ranked_words(rates)} nats a step."
    if len(steps):
        sizes = steps[steps["quantity"] == "sigma_max"].astype({"group": str}).groupby("group")["median"].median()
        medians = {str(name): float(value) for name, value in sizes.items()}
        return f"{at_step(steps)} the largest singular value of a step is in the median {ranked_words(medians)}."
    return "No Jacobian has been recorded here yet."
