"""The gradients of many windows from one backward pass: each longer window adds to the shorter one's."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import torch
from torch import Tensor

from gradlab.tasks import Prompted, Task
from gradlab.training.bptt.base import Stretch, unrollable
from gradlab.training.bptt.state import leaf, tensors


@dataclass(frozen=True, slots=True)
class WindowGradient:
    """What backpropagation gives that is cut off `window` steps before the end."""

    window: int
    gradients: dict[str, Tensor]
    """Of every parameter that any gradient reaches, by name."""
    state_gradients: list[Tensor]
    """dL/ds at the cut, through all paths: of every part of the state, with the model's own axes."""

    @property
    def state_norms(self) -> Tensor:
        """Norm of dL/ds at the cut, of each sequence, `batch`, float64 (parts are `layers batch hidden`)."""
        parts = [part.reshape(-1, *part.shape[-2:]) for part in self.state_gradients]
        squares = [part.abs().double().square().sum((0, -1)) for part in parts]
        return torch.stack(squares).sum(0).sqrt()


def nested_gradients(
    net: torch.nn.Module, task: Task, stretch: Stretch, windows: Sequence[int]
) -> list[WindowGradient]:
    """The gradient of a stretch's loss, cut off at each of some windows, the full one among them if asked for.

    One forward and one backward pass in all. The parts between the cuts are run one after the other, each from
    a state without history, and are gone back through from the last to the first: what has arrived at the weights
    after so many parts is the truncated gradient, and what arrives at a part's first state goes on to the part
    before.

    Args:
        net: has `unroll(inputs, state)`; its `.grad` are used, and must be empty.
        task: gives the loss.
        stretch: all its loss must be in the shortest window.
        windows: in time steps, ascending, from the number of scored steps to the length of the stretch.

    Raises ValueError for windows out of that range.
    """
    model = unrollable(net)
    inputs = stretch.inputs
    assert not isinstance(inputs, Prompted)
    steps, least = len(inputs), stretch.counted or 1
    if list(windows) != sorted(set(windows)) or not windows or windows[0] < least or windows[-1] > steps:
        raise ValueError(f"expected ascending windows from {least} to {steps} steps, got {list(windows)}")
    edges = sorted({0, *(steps - window for window in windows), steps})
    starts, ends, answers = [], [], []
    state = stretch.state
    for begin, end in pairwise(edges):
        start = leaf(state)
        answer, state = model.unroll(inputs[begin:end], start)
        starts.append(start)
        ends.append(tensors(state))
        answers.append(answer)
    return _backward(model, task, stretch, (edges, starts, ends, answers), set(windows))


def _backward(
    model: torch.nn.Module, task: Task, stretch: Stretch, parts: tuple[list, list, list, list], windows: set[int]
) -> list[WindowGradient]:
    """Go back part by part, and read off what has arrived whenever a window is complete."""
    edges, starts, ends, answers = parts
    last = answers[-1].detach().requires_grad_()
    task.loss(last if stretch.counted is None else last[-stretch.counted :], stretch.batch).backward()
    arriving: list[tuple[Tensor, Tensor]] = [(answers[-1], last.grad)] if last.grad is not None else []
    found = []
    for number in reversed(range(len(starts))):
        if arriving:
            torch.autograd.backward([one for one, _ in arriving], [gradient for _, gradient in arriving])
        begun = tensors(starts[number])
        sent = [torch.zeros_like(part) if part.grad is None else part.grad for part in begun]
        window = edges[-1] - edges[number]
        if window in windows:
            gradients = {
                name: parameter.grad.detach().clone()
                for name, parameter in model.named_parameters()
                if parameter.grad is not None
            }
            found.append(WindowGradient(window, gradients, sent))
        if number:
            arriving = [(end, gradient) for end, gradient in zip(ends[number - 1], sent, strict=True)]
            arriving = [(end, gradient) for end, gradient in arriving if end.requires_grad]
    return found
