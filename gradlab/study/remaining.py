"""What a store already holds of a study, and what is left to do."""

from __future__ import annotations

from gradlab.store import Store
from gradlab.study.axes import VARIANT
from gradlab.study.plan import PlannedRun, Study


def register(study: Study, store: str) -> None:
    """Tell the store of a study: its words, its axes, and which runs belong to it."""
    header = study.header
    variants = {run.id: run.varied[VARIANT] for run in study.runs if VARIANT in run.varied}
    Store(store).write_study(
        study.name,
        question=header.question,
        claims=header.claims,
        axes=study.keys,
        expected=study.expected,
        facts={"checks": header.claimed.document(), "variants": variants},
    )


def remaining(study: Study, store: str) -> list[PlannedRun]:
    """The runs that the store does not hold as finished, in the order of the grid."""
    finished = {run.id for run in Store(store).runs(study.name) if run.status == "finished"}
    return [run for run in study.runs if run.id not in finished]
