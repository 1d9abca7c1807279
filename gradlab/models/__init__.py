"""The nets that are studied: encoder, recurrent layers, readout."""

from gradlab.models.build import TaskInterface, build
from gradlab.models.cells import RecurrentLayer
from gradlab.models.sampling import sample, sample_text
from gradlab.models.sequence_model import SequenceModel
from gradlab.models.settings import ModelSettings

__all__ = ["ModelSettings", "RecurrentLayer", "SequenceModel", "TaskInterface", "build", "sample", "sample_text"]
