"""What `diagnose` takes: frames of a recorder, of a store, of one analysed pass; and what it refuses."""

import pandas as pd
import pytest
import torch
from torch import nn

import gradlab
from gradlab.diagnosis import diagnose
from tests.diagnosis.synthetic import runs, timesteps, well


class Net(nn.Module):
    """Reads a sequence and answers at its end."""

    def __init__(self) -> None:
        super().__init__()
        self.recurrent = nn.RNN(2, 12)
        self.readout = nn.Linear(12, 1)

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        return self.readout(self.recurrent(inputs)[0][-1])


@pytest.fixture
def recorder() -> gradlab.recording.Recorder:
    """Thirty steps of a user's own loop, with torch's clipping, on noise of 40 time steps."""
    torch.manual_seed(0)
    model = Net()
    optimizer = torch.optim.SGD(model.parameters(), 0.01)
    with gradlab.watch(model, every=10, tables=["lyapunov"]) as recorder:
        for _ in range(30):
            inputs = torch.randn(40, 8, 2)
            loss = (model(inputs) - 1).square().mean()
            loss.backward()
            recorder.step(loss)
            nn.utils.clip_grad_norm_(model.parameters(), 1e-3)
            optimizer.step()
            optimizer.zero_grad()
    return recorder


def test_a_recorder_and_its_frames(recorder: gradlab.recording.Recorder) -> None:
    found = gradlab.diagnose(recorder.frames())
    assert [one.name for one in found] == ["clipping_always", "vanishing"]
    assert found[1].certainty == "weak", "what the task demands is not known"
    assert gradlab.diagnose(recorder).findings == found.findings
    told = gradlab.diagnose(recorder, demanded_lag=39, chance_loss=1.0, settings={"model.cell": "rnn"})
    assert next(one for one in told if one.name == "vanishing").certainty == "strong"


def test_units_are_asked_for_where_nothing_tells_them(recorder: gradlab.recording.Recorder) -> None:
    found = diagnose(recorder.frames())
    assert {"saturated_units", "dead_relus"} <= {each.name for each in found.unjudged}
    for told in (diagnose(recorder), diagnose(recorder.frames(), settings={"model.nonlinearity": "tanh"})):
        assert not {"saturated_units", "dead_relus"} & {each.name for each in told.unjudged}


def test_one_analysed_pass() -> None:
    torch.manual_seed(0)
    found = gradlab.diagnose(gradlab.analyse(Net(), torch.randn(60, 4, 2), lambda output: output.square().mean()))
    assert "vanishing" in [one.name for one in found]
    assert not [one for one in found if one.name in ("instrument", "nonfinite", "exploding", "chaotic")]
    assert "learning_rate: there are fewer than 10 training steps. Train longer." in str(found)


@pytest.mark.parametrize("wrong", [3, None, pd.DataFrame(), [timesteps()]])
def test_something_else_is_refused(wrong: object) -> None:
    with pytest.raises(ValueError, match=r"expected pandas frames by table name, such as recorder.frames\(\)"):
        diagnose(wrong)


def test_wrong_tables_are_refused() -> None:
    with pytest.raises(ValueError, match=r"expected tables among runs, steps, .* got stepz"):
        diagnose({"stepz": pd.DataFrame()})
    with pytest.raises(ValueError, match="table 'timesteps': expected a pandas frame with the columns step, module"):
        diagnose({"timesteps": timesteps().drop(columns="module")})
    two = pd.concat([runs(), runs(run="other")])
    with pytest.raises(ValueError, match="expected a column `run` in every table of 2 runs, got none in gates"):
        diagnose({**well(), "runs": two})


def test_the_frames_are_left_as_they_are() -> None:
    frames = well()
    before = {name: frame.copy() for name, frame in frames.items()}
    diagnose(frames)
    for name, frame in frames.items():
        pd.testing.assert_frame_equal(frame, before[name])
