"""What ails the runs of a study: vanishing, exploding or fine; in which of them, since when, what would help."""

import html
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import urlencode

import streamlit as st

from dashboards.components.answers.wording import in_a_row
from dashboards.components.findings import Verdict
from gradlab.diagnosis import Finding
from gradlab.diagnosis.finding import CERTAINTIES, Subject
from gradlab.figures.text import count_of


@dataclass(frozen=True, slots=True)
class Card:
    """One thing that can ail a run, and the page that shows it."""

    about: Subject
    title: str
    page: str
    rule: str
    """The rule that must have been judged for a run to count as free of it."""
    fine: str = ""
    """What it means that no run has it; without a word it is told only where a run has it."""


CARDS = (
    Card(
        "vanishing", "Vanishing", "vanishing", "vanishing", "Gradients come back as far as tasks are known to demand."
    ),
    Card("exploding", "Exploding", "exploding", "exploding", "Neither gradients nor losses run away."),
    Card("clipping", "Clipping", "clipping", "clipping_threshold", "Where gradients are clipped, it does no harm."),
    Card("truncation", "Truncation", "truncation", "truncation_bias"),
    Card("instrument", "The recording itself", "run", "instrument"),
)
_NAMED = 2
_ALONE = {"vanishing", "exploding"}
"""Names of rules that say no more than the title of their card."""


@dataclass(frozen=True, slots=True)
class Trouble:
    """What one card says: of some judged runs those that have the trouble, with their groups' sizes."""

    judged: int
    of: int
    """How many runs there are."""
    ill: Mapping[str, tuple[Finding, ...]]
    """Run → its findings of this kind, the weightiest first."""
    groups: Mapping[str, str]
    """Run → its group, of all judged runs."""

    @property
    def headline(self) -> str:
        """In how many of the runs."""
        if not self.judged:
            return "not judged"
        if self.of == 1:
            return "yes" if self.ill else "no sign of it"
        count = f"{len(self.ill):,}" if self.ill else "none"
        judged = f"{self.judged:,}" if self.judged == self.of else f"{self.judged:,} judged"
        return f"{count} of {judged} runs"

    @property
    def where(self) -> str:
        """The groups that have it, those with the largest share first, and the layer where it is always the same."""
        among, having = Counter(self.groups.values()), Counter(self.groups[run] for run in self.ill)
        ranked = sorted(having, key=lambda name: (-having[name] / among[name], -having[name]))
        words = [f"{name} ({having[name]:,} of {among[name]:,})" for name in ranked[:_NAMED] if len(among) > 1]
        more = len(ranked) - len(words)
        words += [f"{more:,} more group{'' if more == 1 else 's'}"] if words and more else []
        layers = {first.where.layer for first, *_ in self.ill.values()}
        layer = next(iter(layers)) if len(layers) == 1 else None
        place = [f"layer {layer}"] if layer else []
        return ", ".join(([in_a_row(words)] if words else []) + place)

    @property
    def since(self) -> str:
        """The training step at which it began, or from the earliest to the latest of them."""
        steps = [first.where.since for first, *_ in self.ill.values() if first.where.since is not None]
        if not steps:
            return ""
        low, high = min(steps), max(steps)
        if high == 0:
            return "from the first training step on"
        return f"since training step {low:,}" if low == high else f"since training steps {low:,} to {high:,}"

    @property
    def kinds(self) -> str:
        """What it is called in particular, where that says more than the title."""
        counts = Counter(name for found in self.ill.values() for name in dict.fromkeys(each.name for each in found))
        if not set(counts) - _ALONE:
            return ""
        many = len(self.ill) > 1
        return ", ".join(
            name.replace("_", " ") + (f" ({count:,})" if many else "") for name, count in counts.most_common(3)
        )

    @property
    def help(self) -> str:
        """The advice of the surest finding among those with the most frequent name."""
        firsts = [first for first, *_ in self.ill.values()]
        if not firsts:
            return ""
        name = Counter(first.name for first in firsts).most_common(1)[0][0]
        same = [first for first in firsts if first.name == name]
        return min(same, key=lambda first: CERTAINTIES.index(first.certainty)).advice.words


def troubles(
    verdicts: Mapping[str, Verdict], groups: Mapping[str, str], of: int | None = None
) -> list[tuple[Card, Trouble]]:
    """The cards that a page shows.

    Args:
        verdicts: run → what was found, of the runs that were judged.
        groups: run → name of its group.
        of: how many runs there are; as many as were judged when not given.
    """
    cards = []
    for card in CARDS:
        found = {run: tuple(each for each in one.problems if each.about == card.about) for run, one in verdicts.items()}
        ill = {run: problems for run, problems in found.items() if problems}
        known = {run: groups[run] for run, one in verdicts.items() if run in ill or one.has_judged(card.rule)}
        if ill or card.fine:
            cards.append((card, Trouble(len(known), len(verdicts) if of is None else of, ill, known)))
    return cards


def write_troubles(cards: Sequence[tuple[Card, Trouble]], address: Mapping[str, str]) -> None:
    """The cards beside each other, or below each other on a narrow page.

    Args:
        cards: what they say.
        address: what the page that a card leads to shall show.
    """
    st.html(f'<div class="gradlab-cards">{"".join(_card(card, trouble, address) for card, trouble in cards)}</div>')


def _card(card: Card, trouble: Trouble, address: Mapping[str, str]) -> str:
    state, sign = ("ill", "✕") if trouble.ill else ("well", "✓") if trouble.judged else ("open", "…")
    told = [text for text in (trouble.where, trouble.since, trouble.kinds) if text] if trouble.ill else []
    told = [card.fine] if state == "well" else told
    lines = f"<p>{html.escape('; '.join(told))}</p>" if told else ""
    if trouble.ill:
        lines += f'<p class="gradlab-card-help">What would help: {html.escape(trouble.help)}</p>'
    link = html.escape(f"{card.page}?{urlencode(address)}")
    return (
        f'<section class="gradlab-card gradlab-{state}"><h2><span aria-hidden="true">{sign}</span> '
        f'<a href="{link}" target="_self">{card.title}</a></h2>'
        f'<p class="gradlab-card-count">{html.escape(trouble.headline)}</p>{lines}</section>'
    )


def judged_in_words(verdicts: Mapping[str, Verdict], of: int, waiting: int) -> str:
    """How many runs were judged, and how many of them are well.

    Args:
        verdicts: run → what was found, of the runs that were judged.
        of: how many runs there are.
        waiting: how many of the others follow by themselves.
    """
    if of == 1 and verdicts:
        return ""
    well = sum(one.is_well for one in verdicts.values())
    bad = sum(bool(one.problems) for one in verdicts.values())
    none = len(verdicts) - well - bad
    parts = [
        f"{well or 'none'} {'is' if well < 2 else 'are'} well",
        f"{bad or 'none'} {'has' if bad < 2 else 'have'} a problem",
    ]
    parts += [f"{none:,} cannot be judged"] if none else []
    if len(verdicts) == of:
        return f"Of {count_of(of, 'run')} {in_a_row(parts)}."
    rest = "the others follow" if waiting else f"{of - len(verdicts):,} are left"
    verb = "is" if len(verdicts) == 1 else "are"
    return f"{len(verdicts):,} of {count_of(of, 'run')} {verb} judged: {in_a_row(parts)}; {rest}."
