"""The problems that a net can be given; a further task is one file here and one member of `AnyTask`."""

from typing import Annotated, get_args

from pydantic import Field

from gradlab.tasks.adding import Adding
from gradlab.tasks.base import Baseline, Batch, Prompted, Task
from gradlab.tasks.captions import Captions
from gradlab.tasks.chaos import Chaos
from gradlab.tasks.characters import Characters
from gradlab.tasks.copy_memory import CopyMemory
from gradlab.tasks.delayed_recall import DelayedRecall
from gradlab.tasks.digits import Digits
from gradlab.tasks.flip_flop import FlipFlop
from gradlab.tasks.glimpses import Glimpses
from gradlab.tasks.parity import Parity
from gradlab.tasks.read_aloud import ReadAloud
from gradlab.tasks.temporal_order import TemporalOrder
from gradlab.tasks.video import Video
from gradlab.tasks.video_frames import VideoFrames

AnyTask = Annotated[
    Adding
    | Captions
    | Chaos
    | Characters
    | CopyMemory
    | DelayedRecall
    | Digits
    | FlipFlop
    | Glimpses
    | Parity
    | ReadAloud
    | TemporalOrder
    | Video
    | VideoFrames,
    Field(discriminator="name"),
]
"""Any task, told apart by its `name`: the type of `task:` in a study file."""

TASKS: tuple[type[Task], ...] = get_args(get_args(AnyTask)[0])
"""The classes behind `AnyTask`, in the same order."""

__all__ = [
    "TASKS",
    "Adding",
    "AnyTask",
    "Baseline",
    "Batch",
    "Captions",
    "Chaos",
    "Characters",
    "CopyMemory",
    "DelayedRecall",
    "Digits",
    "FlipFlop",
    "Glimpses",
    "Parity",
    "Prompted",
    "ReadAloud",
    "Task",
    "TemporalOrder",
    "Video",
    "VideoFrames",
]
