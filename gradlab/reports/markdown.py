"""A study as one page of Markdown: question, claims, findings, runs by group, sizes of the tables."""

from __future__ import annotations

import html
import re
from collections.abc import Sequence
from pathlib import Path

from gradlab.quantities import RUNS, TABLES
from gradlab.reports.groups import grouping
from gradlab.reports.rows import part_sizes, stored_tables
from gradlab.reports.spread import fact_values, spread
from gradlab.reports.summary import summary
from gradlab.store.reader import Store
from gradlab.store.run import RunInfo

_MARKUP = re.compile(r"([\\`*_\[\]|~$]|^[-+#=]|(?<=^\d)[.)](?= ))")


def write_markdown(store: Store, study: str, path: Path) -> Path:
    """Write the page; what comes from study files and runs is escaped, so that it shows as it was written."""
    info = store.study(study) if study else None
    runs = store.runs(study)
    lines = [f"# {escaped(info.name if info else 'Runs of no study')}", ""]
    if info and info.question:
        lines += [escaped(info.question), ""]
    if info and info.claims:
        lines += ["## Claims", "", *(f"- {escaped(claim)}" for claim in info.claims), ""]
    lines += ["## What was found", "", *(f"- {escaped(sentence)}" for sentence in summary(store, study)), ""]
    lines += ["## Runs", "", *_runs_table(runs, info.axes if info else ()), ""]
    lines += ["## Recorded tables", "", *_sizes_table(runs), ""]
    problems = [str(problem) for problem in store.met() if problem.path.startswith(info.path if info else "")]
    if problems:
        lines += ["## What could not be read", "", *(f"- {escaped(problem)}" for problem in problems), ""]
    path.write_text("\n".join(lines), encoding="utf-8")
    return path


def escaped(text: str) -> str:
    """Text for one line of Markdown, or one cell: no markup, no HTML, no line breaks."""
    one_line = " ".join(str(text).split())
    return _MARKUP.sub(r"\\\1", html.escape(one_line, quote=False))


def _runs_table(runs: Sequence[RunInfo], axes: Sequence[str]) -> list[str]:
    header = [
        "group",
        "runs",
        "finished",
        *(RUNS[name].symbol for name in ("final_score", "final_loss", "seconds")),
    ]
    rows = []
    for label, members in grouping(runs, axes).groups.items():
        numbers = [
            spread(fact_values(members, name), lambda value: f"{value:.4g}")
            for name in ("final_score", "final_loss", "seconds")
        ]
        finished = sum(run.status == "finished" for run in members)
        rows.append([label, str(len(members)), str(finished), *numbers])
    return _table(header, rows)


def _sizes_table(runs: Sequence[RunInfo]) -> list[str]:
    rows = []
    for table in stored_tables(runs):
        count, size = part_sizes(runs, table)
        rows.append([table, f"{count:,}", f"{size / 2**20:.2f}", TABLES[table].meaning])
    return _table(["table", "rows", "MiB", "meaning"], rows)


def _table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    lines = [header, ["---"] * len(header), *([escaped(cell) for cell in row] for row in rows)]
    return ["| " + " | ".join(cells) + " |" for cells in lines]
