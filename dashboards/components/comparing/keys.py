"""By what runs are told apart, and by which number they are ranked."""

from collections.abc import Sequence
from dataclasses import dataclass

from dashboards.components.choices import grouping_keys
from dashboards.components.runs import common_fact
from gradlab.store import RunInfo, StudyInfo

STUDY = "study"
"""Stands among the settings where runs of several studies are compared."""
QUANTITIES = {
    "loss": "training loss", "score": "held-out score", "score_loss": "held-out loss", "grad_norm": "gradient norm",
    "clip_coefficient": "clip coefficient", "learning_rate": "learning rate", "seconds": "seconds a step",
}  # fmt: skip
"""Columns of the table `steps` that can be compared, and what they are called."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """The number that says how a run ended."""

    fact: str
    word: str
    higher_is_better: bool


def keys_of(studies: Sequence[StudyInfo], runs: Sequence[RunInfo]) -> list[str]:
    """Settings by which these runs can be told apart, seeds left out; the study first where there are several."""
    if len(studies) == 1:
        return grouping_keys(studies[0], runs)
    own = dict.fromkeys(
        key for study in studies for key in grouping_keys(study, [run for run in runs if run.study == study.name])
    )
    return [STUDY, *own]


def setting(run: RunInfo, key: str) -> object:
    """A setting of a run, or its study."""
    return run.study if key == STUDY else run.settings.get(key)


def outcome_of(runs: Sequence[RunInfo]) -> Outcome:
    """The final score where any of them has one, or else the final loss."""
    if any(run.facts.get("final_score") is not None for run in runs):
        word = str(common_fact(runs, "score_name") or "score")
        return Outcome("final_score", word, common_fact(runs, "higher_is_better") is not False)
    return Outcome("final_loss", "loss", False)
