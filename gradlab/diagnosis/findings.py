"""The list of rules, causes before what follows from them; a further one is one file and one line here."""

from gradlab.diagnosis.chaotic import CHAOTIC
from gradlab.diagnosis.clipping_always import CLIPPING_ALWAYS
from gradlab.diagnosis.clipping_never import CLIPPING_NEVER
from gradlab.diagnosis.clipping_threshold import CLIPPING_THRESHOLD
from gradlab.diagnosis.dead_relus import DEAD_RELUS
from gradlab.diagnosis.exploding import EXPLODING
from gradlab.diagnosis.forget_bias import FORGET_BIAS
from gradlab.diagnosis.initial_scale import INITIAL_SCALE
from gradlab.diagnosis.instrument import INSTRUMENT
from gradlab.diagnosis.learning_rate import LEARNING_RATE
from gradlab.diagnosis.near_critical import NEAR_CRITICAL
from gradlab.diagnosis.nonfinite import NONFINITE
from gradlab.diagnosis.rule import Rule
from gradlab.diagnosis.saturated_gates import SATURATED_GATES
from gradlab.diagnosis.saturated_units import SATURATED_UNITS
from gradlab.diagnosis.truncation_bias import TRUNCATION_BIAS
from gradlab.diagnosis.vanishing import VANISHING

FINDINGS: tuple[Rule, ...] = (
    INSTRUMENT,
    NONFINITE,
    INITIAL_SCALE,
    LEARNING_RATE,
    EXPLODING,
    CHAOTIC,
    DEAD_RELUS,
    SATURATED_GATES,
    SATURATED_UNITS,
    TRUNCATION_BIAS,
    FORGET_BIAS,
    VANISHING,
    CLIPPING_ALWAYS,
    CLIPPING_NEVER,
    CLIPPING_THRESHOLD,
    NEAR_CRITICAL,
)
