"""`gradlab diagnose`: what is wrong with the runs of a study, or with one run."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from gradlab.cli.options import StoreOption
from gradlab.cli.words import settings
from gradlab.errors import GradlabError, StoreError

if TYPE_CHECKING:
    import pandas as pd

    from gradlab.diagnosis import Diagnosis
    from gradlab.store import RunInfo, Store


class Form(StrEnum):
    """What a diagnosis can be printed as."""

    text = "text"
    json = "json"


def diagnose(
    what: Annotated[str, typer.Argument(metavar="STUDY|RUN", help="Name of a study in the store, or id of a run.")],
    store: StoreOption = "runs",
    to: Annotated[Form, typer.Option("--to", help="How to print it.")] = Form.text,
) -> None:
    """Say what is wrong, by which numbers, how sure that is, and what would help."""
    from gradlab.store import Store

    opened = Store(store)
    try:
        found = diagnosis_of(opened, runs_of(opened, what))
    except (ValueError, OSError) as error:
        raise GradlabError(str(error)) from error
    typer.echo(found.to_json() if to is Form.json else str(found))


def runs_of(store: Store, what: str) -> list[RunInfo]:
    """The runs of a study of that name, or the one run of that id; StoreError where there is neither."""
    names = [study.name for study in store.studies()]
    if what in names:
        return store.runs(what)
    try:
        return [store.run(what)]
    except StoreError as error:
        raise StoreError(f"{error}; and no study of that name (there is {', '.join(names) or 'none'})") from None


def diagnosis_of(store: Store, runs: list[RunInfo]) -> Diagnosis:
    """All of them, one after the other: only one run's tables are held at a time."""
    from gradlab.diagnosis import Diagnosis
    from gradlab.diagnosis import diagnose as judge

    found = Diagnosis((), (), (), {run.id: settings(run.facts.get("varied", {})) for run in runs})
    for run in runs:
        found = found + judge(frames_of(store, run))
    return found


def frames_of(store: Store, run: RunInfo) -> dict[str, pd.DataFrame]:
    """Every table that a run has."""
    from gradlab import reports

    return {table: reports.load(store, table, runs=run) for table in ("runs", *run.tables())}
