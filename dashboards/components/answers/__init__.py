"""The sentence that a page opens with, computed from the numbers of its figure."""

from dashboards.components.answers.clipping import clipping_answer, threshold_answer
from dashboards.components.answers.exploding import exploding_answer
from dashboards.components.answers.gradient import (
    flow_answer,
    playground_answer,
    spectra_answer,
    truncation_answer,
    vanishing_answer,
)
from dashboards.components.answers.runs import (
    comparison_answer,
    finding_answer,
    overview_answer,
    run_answer,
    runs_answer,
    text_answer,
)
from dashboards.components.answers.wording import percent

__all__ = [
    "clipping_answer",
    "comparison_answer",
    "exploding_answer",
    "finding_answer",
    "flow_answer",
    "overview_answer",
    "percent",
    "playground_answer",
    "run_answer",
    "runs_answer",
    "spectra_answer",
    "text_answer",
    "threshold_answer",
    "truncation_answer",
    "vanishing_answer",
]
