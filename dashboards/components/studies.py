"""All studies of a store at a glance: question, claims, progress, each a link to its own overview."""

import html
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import urlencode

import pandas as pd
import streamlit as st

from gradlab.store import RunInfo, StudyInfo

LISTED = 12
"""More studies than this are a table to scroll in."""
UNDECIDED = "not yet decided"


def write_studies(studies: Sequence[StudyInfo], runs: Sequence[RunInfo]) -> None:
    """The latest one first."""
    statuses: dict[str, list[str]] = {}
    for run in runs:
        statuses.setdefault(run.study, []).append(run.status)
    rows = [
        {
            "study": study.name,
            "question": study.question,
            "claims": _claims_in_words(study),
            "runs": _progress(statuses.get(study.name, []), len(study.expected)),
            "created": minute(study.created),
        }
        for study in sorted(studies, key=lambda study: study.created, reverse=True)
    ]
    if len(rows) > LISTED:
        alt = "All studies with their questions, claims and progress."
        st.dataframe(pd.DataFrame(rows), hide_index=True, key="studies", alt=alt)
        return
    lines = "".join(_line(row) for row in rows)
    st.html(
        '<div class="gradlab-grid gradlab-studies"><table><caption>All studies, the latest first.</caption><thead><tr>'
        + "".join(f'<th scope="col">{name}</th>' for name in ("study", "question", "claims", "runs", "created"))
        + f"</tr></thead><tbody>{lines}</tbody></table></div>"
    )


def _line(row: Mapping[str, str]) -> str:
    address = html.escape(urlencode({"study": row["study"]}))
    name = html.escape(row["study"] or "runs outside any study")
    cells = "".join(f"<td>{html.escape(row[key])}</td>" for key in ("question", "claims", "runs", "created"))
    return f'<tr><th scope="row"><a href="?{address}" target="_self">{name}</a></th>{cells}</tr>'


def _progress(statuses: Sequence[str], expected: int) -> str:
    """`12 of 12`, and what is not well."""
    counts = Counter(statuses)
    done = f"{counts['finished']:,} of {max(expected, len(statuses)):,}"
    others = [f"{counts[status]:,} {status}" for status in ("running", "failed", "stopped", "lost") if counts[status]]
    return ", ".join([done, *others])


def _claims_in_words(study: StudyInfo) -> str:
    """`3 held, 1 failed`; nothing where none is made."""
    return ", ".join(f"{count:,} {word}" for word, count in verdict_counts(study).items())


def verdict_counts(study: StudyInfo) -> dict[str, int]:
    """How many of its claims held, failed, are undecided."""
    known = verdicts(study)
    words = [str(known[claim].get("verdict", UNDECIDED)) if claim in known else UNDECIDED for claim in study.claims]
    return dict(Counter(words))


def verdicts(study: StudyInfo) -> dict[str, Mapping[str, Any]]:
    """Claim → what `gradlab run` found of it when it ended."""
    kept = study.facts.get("verdicts", ())
    found = [each for each in kept if isinstance(each, Mapping)] if isinstance(kept, list | tuple) else []
    return {str(each.get("claim")): each for each in found}


def minute(moment: str) -> str:
    """An ISO moment without seconds; all of them are UTC."""
    return moment[:16].replace("T", " ")
