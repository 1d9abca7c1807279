"""How numbers of groups are said in a sentence."""

import math
from collections.abc import Collection, Mapping, Sequence

import pandas as pd

from gradlab.figures.text import count_of, number_in_words
from gradlab.reports.reach import SHARE

NAMED = 4
"""So many groups are named in a sentence; of more, the first and the last."""

_LISTED = 3
_JOINT = " · "
"""Between the settings in the name of a group."""


def reaching(reaches: Mapping[str, int], longest: int, until: bool = True) -> str:
    """`the gradient reaches all 63 steps back with lstm, 40 with gru and 12 with rnn before …`."""
    alike: dict[int, list[str]] = {}
    for name, far in sorted(reaches.items(), key=lambda item: -item[1]):
        alike.setdefault(far, []).append(name)
    ranked = list(alike.items())
    many = len(ranked) > NAMED
    if many:
        ranked = [ranked[0], ranked[-1]]
    end = until_where(reaches, longest) if until else ""
    words = [f"all {far:,} steps" if far >= longest else count_of(far, "step") for far, _ in ranked]
    if len(reaches) == 1:
        return f"the gradient reaches {words[0]} back{end}"
    named = [f"{words[0]} back {with_names(ranked[0][1], reaches)}"]
    named += [f"{word} {with_names(names, reaches)}" for word, (_, names) in zip(words[1:], ranked[1:], strict=True)]
    if many:
        return f"the gradient reaches from {named[0]} down to {named[1]}{end}"
    return f"the gradient reaches {in_a_row(named)}{end}"


def names_of(names: Sequence[str], among: Collection[str] = ()) -> str:
    """Up to three names, or what they have in common, or how many there are.

    Args:
        names: of groups, their settings joined as figures join them.
        among: all groups there are; what some of these names share stands for them when no other group has it.
    """
    if len(names) > 1:
        if len(names) == len(among):
            return "both groups" if len(names) == 2 else f"all {len(names)} groups"
        common = [part for part in names[0].split(_JOINT) if all(part in name.split(_JOINT) for name in names)]
        having = [name for name in among if set(common) <= set(name.split(_JOINT))]
        if common and len(having) == len(names):
            return _JOINT.join(common)
    if len(names) <= _LISTED:
        return " / ".join(names)
    others = [name for name in among if name not in names]
    return (
        f"{names[0]} / {len(names) - 1} other groups"
        if len(others) not in (1, 2)
        else f"all but {names_of(others, among)}"
    )


def with_names(names: Sequence[str], among: Collection[str]) -> str:
    """`with lstm / gru`, or `in all 6 groups`; arguments as in `names_of`."""
    return f"{'in' if 1 < len(names) == len(among) else 'with'} {names_of(names, among)}"


def until_where(reaches: Mapping[str, int], longest: int) -> str:
    if min(reaches.values()) >= longest:
        return f", never falling below {SHARE:.0%} of its largest value".replace("%", "\u00a0%")
    return f" before it falls below {SHARE:.0%} of its largest value".replace("%", "\u00a0%")


def medians_of(rows: pd.DataFrame) -> dict[str, float]:
    return {str(name): float(value) for name, value in zip(rows["group"], rows["median"], strict=True)}


def ranked_words(values: Mapping[str, float]) -> str:
    """`0.9 with lstm and 1.2·10⁻⁴ with rnn`; the largest first, NaN last; of many, both ends."""
    ranked = sorted(values.items(), key=lambda item: (math.isnan(item[1]), -item[1]))
    if len(ranked) == 1:
        return number_in_words(float(f"{ranked[0][1]:.2g}"))
    named = [f"{number_in_words(float(f'{value:.2g}'))} with {name}" for name, value in ranked]
    return f"{named[0]} down to {named[-1]}" if len(named) > NAMED else in_a_row(named)


def at_step(data: pd.DataFrame) -> str:
    first, last = int(data["first_step"].min()), int(data["last_step"].max())
    return f"At training step {last:,}" if first == last else f"At training steps {first:,} to {last:,}"


def percent(share: float) -> str:
    """A share in words: whole percent, and a decimal where whole ones would say nothing."""
    if 0 < share < 0.01:
        return "under 0.1\u00a0%" if share < 0.001 else f"{100 * share:.1f}\u00a0%"
    if 0.99 < share < 1:
        return f"{100 * share:.1f}\u00a0%"
    return f"{100 * share:.0f}\u00a0%"


def in_a_row(words: Sequence[str], before_last: str = "and") -> str:
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} {before_last} {words[-1]}"
