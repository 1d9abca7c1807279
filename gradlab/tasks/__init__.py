"""The problems that a net can be given; a further task is one file here and one member of `BuiltIn`."""

from typing import TYPE_CHECKING, Annotated, Union, get_args

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
from gradlab.tasks.forecast import Forecast
from gradlab.tasks.glimpses import Glimpses
from gradlab.tasks.influence_balancing import InfluenceBalancing
from gradlab.tasks.labelling import Labelling
from gradlab.tasks.padded import Padded, aligned
from gradlab.tasks.parity import Parity
from gradlab.tasks.plugins import plugin_tasks
from gradlab.tasks.read_aloud import ReadAloud
from gradlab.tasks.temporal_order import TemporalOrder
from gradlab.tasks.video import Video
from gradlab.tasks.video_frames import VideoFrames

BuiltIn = (
    Adding
    | Captions
    | Chaos
    | Characters
    | CopyMemory
    | DelayedRecall
    | Digits
    | FlipFlop
    | Forecast
    | Glimpses
    | InfluenceBalancing
    | Labelling
    | Parity
    | ReadAloud
    | TemporalOrder
    | Video
    | VideoFrames
)

TASKS: tuple[type[Task], ...] = (*get_args(BuiltIn), *plugin_tasks(get_args(BuiltIn)))
"""Every task: those above, and those of installed packages."""

if TYPE_CHECKING:
    AnyTask = Annotated[BuiltIn, Field(discriminator="name")]
else:
    AnyTask = Annotated[Union[TASKS], Field(discriminator="name")]  # noqa: UP007
"""Any task, told apart by its `name`: the type of `task:` in a study file."""

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
    "Forecast",
    "Glimpses",
    "InfluenceBalancing",
    "Labelling",
    "Padded",
    "Parity",
    "Prompted",
    "ReadAloud",
    "Task",
    "TemporalOrder",
    "Video",
    "VideoFrames",
    "aligned",
]
