"""The nets that are studied: encoder, recurrent layers, readout; and those that speak."""

from gradlab.models.build import KINDS, build
from gradlab.models.caption_model import CaptionModel
from gradlab.models.cells import RecurrentLayer
from gradlab.models.encoder_decoder import EncoderDecoder
from gradlab.models.interface import TaskInterface
from gradlab.models.sampling import sample, sample_text
from gradlab.models.sequence_model import SequenceModel
from gradlab.models.settings import ModelSettings
from gradlab.models.speaker import Speaker, speak

__all__ = [
    "KINDS",
    "CaptionModel",
    "EncoderDecoder",
    "ModelSettings",
    "RecurrentLayer",
    "SequenceModel",
    "Speaker",
    "TaskInterface",
    "build",
    "sample",
    "sample_text",
    "speak",
]
