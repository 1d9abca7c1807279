"""What stands before the recurrent layers."""

import pytest
import torch
from torch import nn

from gradlab.models import ModelSettings, build
from gradlab.models.encoders import OneHot
from tests.models.cases import Sizes

TOKENS = Sizes(inputs="tokens", input_size=4)


@pytest.mark.parametrize(
    ("task", "width", "kind"),
    [
        (Sizes(), None, nn.Identity),
        (Sizes(), 6, nn.Linear),
        (TOKENS, None, OneHot),
        (TOKENS, 6, nn.Embedding),
    ],
)
def test_kind_and_width(task: Sizes, width: int | None, kind: type) -> None:
    model = build(ModelSettings(embedding=width), task, 0)
    assert type(model.encoder) is kind
    assert model.recurrent.input_size == (width or task.input_size)


def test_one_hot_vectors_in_the_models_precision() -> None:
    for precision in (torch.float32, torch.float64):
        encoded = OneHot(4).to(precision)(torch.tensor([[0, 3]]))
        assert encoded.dtype == precision
        assert encoded.tolist() == [[[1, 0, 0, 0], [0, 0, 0, 1]]]
    assert not OneHot(4).state_dict()
