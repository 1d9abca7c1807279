"""Training: the loop, optimisers, clipping, evaluation."""

from gradlab.training.checkpoint import CHECKPOINT, WEIGHTS, Checkpoint, CheckpointError, load_weights
from gradlab.training.evaluation import Evaluation, evaluate
from gradlab.training.loop import train
from gradlab.training.nonfinite import NonfiniteError
from gradlab.training.observer import Observer
from gradlab.training.optimisers import OPTIMISERS, AnyOptimiser
from gradlab.training.outcome import Outcome
from gradlab.training.progress import Progress
from gradlab.training.settings import TrainingSettings

__all__ = [
    "CHECKPOINT",
    "OPTIMISERS",
    "WEIGHTS",
    "AnyOptimiser",
    "Checkpoint",
    "CheckpointError",
    "Evaluation",
    "NonfiniteError",
    "Observer",
    "Outcome",
    "Progress",
    "TrainingSettings",
    "evaluate",
    "load_weights",
    "train",
]
