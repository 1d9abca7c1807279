"""What a report of a study says, whatever it is written as: question, verdicts, findings, tables."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from gradlab.quantities import RUNS, TABLES
from gradlab.reports.choose import AnyStore, opened
from gradlab.reports.claims import Verdict, claims
from gradlab.reports.groups import VARIANT, Grouping, grouping
from gradlab.reports.rows import part_sizes, stored_tables
from gradlab.reports.spread import fact_values, spread
from gradlab.reports.summary import summary
from gradlab.store.run import RunInfo

NUMBERS = ("final_score", "final_loss", "seconds")
"""Facts that the table of groups has a column of."""


@dataclass(frozen=True, slots=True)
class TextTable:
    """A table for people: what it holds, and cells of text."""

    title: str
    how_to_read: str
    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


@dataclass(frozen=True, slots=True)
class Contents:
    """One study, in words and tables."""

    name: str
    question: str
    sentences: tuple[str, ...]
    """Claims that no number decides."""
    verdicts: tuple[Verdict, ...]
    findings: tuple[str, ...]
    """Sentences computed from the data."""
    tables: tuple[TextTable, ...]
    problems: tuple[str, ...]
    """What could not be read."""


@dataclass(frozen=True, slots=True)
class Drawing:
    """A figure, ready to be put on a page."""

    title: str
    how_to_read: str
    described: str
    """What it shows, in words, for readers who cannot see it."""
    figure: str
    """Plotly's JSON: `data` and `layout`."""
    dark: Mapping[str, str] = field(default_factory=dict)
    """Colours in it, and what they are on a dark page; as `#rrggbb`, and as `r,g,b` within `rgba(…)`."""


def contents(store: AnyStore, study: str) -> Contents:
    """Everything that a report of a study says.

    Raises:
        StoreError: when there is no such study.
    """
    store = opened(store)
    info = store.study(study) if study else None
    runs = store.runs(study)
    verdicts = tuple(claims(store, study)) if study else ()
    said = {str(verdict) for verdict in verdicts}
    checked = {verdict.claim for verdict in verdicts}
    groups = groups_table(grouping(runs, info.axes if info else ()))
    sizes = []
    for table in stored_tables(runs):
        count, size = part_sizes(runs, table)
        sizes.append((table, f"{count:,}", f"{size / 2**20:.2f}", TABLES[table].meaning))
    recorded = TextTable("Recorded tables", "What the store holds.", ("table", "rows", "MiB", "meaning"), tuple(sizes))
    return Contents(
        name=info.name if info else "Runs of no study",
        question=info.question if info else "",
        sentences=tuple(claim for claim in (info.claims if info else ()) if claim not in checked),
        verdicts=verdicts,
        findings=tuple(sentence for sentence in summary(store, study) if sentence not in said),
        tables=(groups, recorded),
        problems=tuple(
            str(problem) for problem in store.met() if problem.path.startswith(info.path if info else "")
        ),
    )  # fmt: skip


def groups_table(found: Grouping, title: str = "Runs") -> TextTable:
    """A row a group of runs: how many, how many are finished, and the spread of their results."""
    rows = []
    for label, members in found.groups.items():
        finished = sum(run.status == "finished" for run in members)
        numbers = (spread(fact_values(members, name), short) for name in NUMBERS)
        rows.append((label, str(len(members)), str(finished), *numbers))
    header = ("group", "runs", "finished", *(RUNS[name].label for name in NUMBERS))
    told = "A row a group of runs that differ in their seed alone: the median, and from the smallest to the largest."
    return TextTable(title, told, header, tuple(rows))


def comparison(store: AnyStore, one: str, other: str) -> TextTable:
    """Two studies side by side: a row for every group of runs that either has.

    Groups are made of the settings that vary within or between the two, so that a group of one study stands beside
    the runs of the other that have the same settings.

    Raises:
        StoreError: when there is no such study.
    """
    store = opened(store)
    runs = {name: store.runs(name) for name in (one, other)}
    axes = dict.fromkeys(key for name in runs for key in store.study(name).axes)
    everything = [*runs[one], *runs[other]]
    between = [key for key in _keys(everything) if len({_values(members, key) for members in runs.values()}) > 1]
    # Where one study has no variants, its runs are told by their settings: so the other's must be as well.
    named = all(any(VARIANT in run.settings for run in members) for members in runs.values())
    found = grouping(everything, [*axes, *(key for key in between if key not in axes)], by_variant=named)
    rows = []
    for label, members in found.groups.items():
        cells = []
        for fact in NUMBERS[:2]:
            for name in (one, other):
                values = fact_values([run for run in members if run.study == name], fact)
                cells.append(spread(values, short) or "–")
        rows.append((label, *cells))
    labels = [RUNS[fact].label for fact in NUMBERS[:2]]
    header = ("group", *(f"{label}: {name}" for label in labels for name in (one, other)))
    told = "A row a group of runs with the same settings; a dash where a study has none. Medians, and their spread."
    return TextTable(f"{one} and {other}", told, header, tuple(rows))


def short(value: float) -> str:
    """Four digits."""
    return f"{value:.4g}"


def _keys(runs: Sequence[RunInfo]) -> list[str]:
    return list(dict.fromkeys(key for run in runs for key in run.settings))


def _values(runs: Sequence[RunInfo], key: str) -> frozenset[str]:
    return frozenset(repr(run.settings.get(key)) for run in runs)
