"""What every figure of the gallery must do, whatever it draws: one list of frames feeds them all."""

import functools
import json
from collections.abc import Callable

import numpy as np
import pandas as pd
import plotly.graph_objects as go
import pytest

from gradlab.figures import FIGURES, Figure
from gradlab.figures.decimation import POINTS
from gradlab.figures.theme import DARK, LIGHT, dark_colours
from tests.figures.frames import (
    cliff_columns,
    clipping_columns,
    lags_columns,
    lyapunov_columns,
    parameters_columns,
    seeds_and_cells,
    spectra_columns,
    steps_columns,
    steps_frame,
    teaching_columns,
    timesteps_columns,
    truncation_columns,
)

_DARK = dark_colours()
NUMBERS = {
    "timesteps": ["grad_h", "grad_x", "sigma_max", "sigma_min", "mean_log_sigma"],
    "steps": ["loss", "score", "grad_norm", "grad_norm_clipped", "clip_coefficient"],
    "lags": ["log_sigma_max", "log_sigma_median", "log_sigma_min", "grad_norm", "log_bound"],
    "lyapunov": ["exponent", "standard_error"],
    "spectra": ["log_sigma"],
    "teaching": ["log_gradient"],
    "truncation": ["relative_error", "cosine", "sign_agreement", "predicted_error"],
    "cliff": ["loss"],
    "clipping": ["coefficient", "cosine"],
    "parameters": ["grad_norm", "spectral_norm", "spectral_radius"],
}


def rows_of(table: str, steps: list[int], length: int, decay: float = 0.9, size: float = 1.0) -> pd.DataFrame:
    """One run's rows; σ_w is the setting that the figure `mean_field` asks for."""
    if table == "steps":
        return pd.DataFrame(steps_columns(len(steps), 1))
    if table == "timesteps":
        return pd.DataFrame(timesteps_columns(steps, length, decay, size)).assign(sigma_w=2 * decay)
    if table == "spectra":
        return spectra_columns(steps, length, decay)
    builders = {
        "lags": lags_columns,
        "lyapunov": lyapunov_columns,
        "parameters": parameters_columns,
        "teaching": teaching_columns,
        "truncation": truncation_columns,
        "cliff": cliff_columns,
        "clipping": clipping_columns,
    }
    return builders[table](steps, length, decay, size)


def usual(table: str) -> pd.DataFrame:
    if table == "steps":
        return steps_frame()
    return seeds_and_cells(lambda decay, size: rows_of(table, [0, 50, 100], 40, decay, size))


def everywhere(value: float) -> Callable[[str], pd.DataFrame]:
    return lambda table: usual(table).assign(**dict.fromkeys(NUMBERS[table], value))


def mixed(table: str) -> pd.DataFrame:
    """Every special value at every fifth row."""
    frame = usual(table)
    for name in NUMBERS[table]:
        values = frame[name].to_numpy(copy=True)
        for place, special in enumerate((np.nan, np.inf, 0.0, -np.inf)):
            values[place::5] = special
        frame[name] = values
    return frame


def one_run(table: str) -> pd.DataFrame:
    """As `watch` gives it: no column `run`, no settings."""
    return rows_of(table, list(range(50)) if table == "steps" else [0, 10], 20)


def one_of_everything(table: str) -> pd.DataFrame:
    """T = 1, a single training step."""
    return rows_of(table, [0], 1)


def thousand_runs(table: str) -> pd.DataFrame:
    """Ten of a kind, a hundred times: what there are many of are runs."""
    kinds = [pd.DataFrame(steps_columns(4, n)) if table == "steps" else rows_of(table, [5], 6) for n in range(10)]
    frame = pd.concat(kinds * 100, ignore_index=True)
    number = np.repeat(np.arange(1000), [len(rows) for rows in kinds * 100])
    return frame.assign(run=np.char.add("r", number.astype(str)), **{"model.cell": "rnn", "seed": number})


def many_groups(table: str) -> pd.DataFrame:
    frame = usual(table)
    frame["model.cell"] = frame["run"]
    parts = [frame.assign(**{"model.cell": frame["run"] + str(i), "run": frame["run"] + str(i)}) for i in range(3)]
    return pd.concat(parts, ignore_index=True)


def long(table: str) -> pd.DataFrame:
    """More of everything than a screen has pixels."""
    steps = {"timesteps": range(0, 3000, 10), "steps": range(30_000)}.get(table, range(3))
    return rows_of(table, list(steps), 1200 if table == "timesteps" else 3000, 0.99).assign(run="r")


def markup(table: str) -> pd.DataFrame:
    """Names that a browser or a formula renderer could take for more than text."""
    frame = usual(table)
    frame["model.cell"] = "<img src=x onerror=alert(1)> $\\frac{1}{2}$ " + frame["model.cell"]
    frame["run"] = "<b>" + frame["run"]
    return frame


FRAMES: dict[str, Callable[[str], pd.DataFrame]] = {
    "usual": usual,
    "nan": everywhere(np.nan),
    "inf": everywhere(np.inf),
    "zero": everywhere(0.0),
    "minus_inf": everywhere(-np.inf),
    "mixed": mixed,
    "one_run": one_run,
    "one_of_everything": one_of_everything,
    "thousand_runs": thousand_runs,
    "many_groups": many_groups,
    "long": long,
    "markup": markup,
    "no_rows": lambda table: usual(table).iloc[:0],
    "nothing": lambda table: pd.DataFrame(),
    "nullable": lambda table: usual(table).convert_dtypes(),
}


@functools.cache
def frame_of(case: str, table: str) -> pd.DataFrame:
    return FRAMES[case](table)


def data_of(figure: Figure, frame: pd.DataFrame) -> pd.DataFrame:
    """The figure's data, grouped by cell where it groups and the frame knows cells."""
    if "by" in figure.data.__annotations__ and "model.cell" in frame.columns:
        return figure.data(frame, by=("model.cell",))
    return figure.data(frame)


@pytest.fixture(params=FIGURES, ids=lambda figure: figure.name)
def figure(request: pytest.FixtureRequest) -> Figure:
    return request.param


@pytest.mark.parametrize("case", FRAMES)
def test_draws_every_frame(figure: Figure, case: str) -> None:
    """And is never blank: a value, a mark at the edge, or a message is drawn for every frame."""
    frame = frame_of(case, figure.table)
    before = frame.copy()
    data = data_of(figure, frame)
    drawn = figure.draw(data)
    pd.testing.assert_frame_equal(frame, before)
    assert isinstance(data, pd.DataFrame)
    assert isinstance(drawn, go.Figure)
    json.loads(drawn.to_json())
    for trace in drawn.data:
        assert trace.type in ("scatter", "heatmap", "bar"), "anything with gl in its name needs a graphics card"
        if trace.type == "scatter":
            assert len(trace.x) == len(trace.y) <= POINTS
    assert figure.describe(data)
    visible = [trace for trace in drawn.data if _draws_something(trace)]
    assert visible or any(note.text for note in drawn.layout.annotations)
    if case in ("no_rows", "nothing"):
        assert "recorded" in drawn.layout.annotations[0].text


@pytest.mark.parametrize("case", ["usual", "mixed", "nothing"])
def test_is_drawn_in_the_dark(figure: Figure, case: str) -> None:
    drawn = figure.draw(data_of(figure, frame_of(case, figure.table)), theme="dark")
    assert drawn.layout.template.layout.font.color == DARK.text


def test_the_dark_one_is_the_light_one_in_other_colours(figure: Figure) -> None:
    """So that a page can follow its reader's choice without holding every figure twice."""
    data = data_of(figure, frame_of("mixed", figure.table))
    light, dark = (json.loads(figure.draw(data, theme=theme).to_json()) for theme in ("light", "dark"))
    assert recoloured(light) == recoloured(dark), "expected the same but for colours that the table knows"


def recoloured(value: object) -> object:
    """The figure with every colour of the light theme replaced by what stands for it in the dark."""
    if isinstance(value, dict):
        return {key: recoloured(each) for key, each in value.items()}
    if isinstance(value, list):
        return [recoloured(each) for each in value]
    if isinstance(value, str):
        numbers, mark, opacity = value.removeprefix("rgba(").rpartition(",")
        if value.startswith("rgba("):
            return f"rgba({_DARK.get(numbers, numbers)}{mark}{opacity}"
        # two colours of the dark theme that are one in the light
        return {DARK.infinite: DARK.categorical[1]}.get(value, _DARK.get(value, value))
    return value


def _draws_something(trace: go.Scatter | go.Heatmap | go.Bar) -> bool:
    numbers = trace.z if trace.type == "heatmap" else trace.x if trace.type == "bar" else trace.y
    return bool(np.isfinite(np.asarray(numbers, dtype=float)).any())


def test_no_tag_or_formula_survives(figure: Figure) -> None:
    text = figure.draw(data_of(figure, markup(figure.table))).to_json()
    assert "<img" not in text and "u003cimg" not in text
    assert "<b>" not in text and r"\u003cb\u003e" not in text
    assert "$" not in text


def test_says_how_to_read_it(figure: Figure) -> None:
    assert figure.how_to_read.endswith(".")
    assert 40 < len(figure.how_to_read) < 500


def test_axes_are_named(figure: Figure) -> None:
    drawn = figure.draw(data_of(figure, usual(figure.table)))
    titles = [axis.title.text for axis in (*drawn.select_xaxes(), *drawn.select_yaxes()) if axis.visible is not False]
    assert any(titles)
    assert drawn.layout.title.text


def test_public_call_is_data_then_drawing(figure: Figure) -> None:
    frame = usual(figure.table)
    assert figure.call(frame, theme="dark").to_json() == figure.draw(figure.data(frame), theme="dark").to_json()


def test_wrong_table_is_told(figure: Figure) -> None:
    with pytest.raises(ValueError, match=r"expected a frame of the table"):
        figure.data(pd.DataFrame({"apples": [1]}))


def test_unknown_theme_is_told(figure: Figure) -> None:
    with pytest.raises(ValueError, match="light, dark"):
        figure.draw(figure.data(usual(figure.table)), theme="blue")


@pytest.mark.parametrize("theme", [LIGHT, DARK], ids=lambda theme: theme.name)
def test_lines_differ_without_colour(theme: object) -> None:
    styles = [theme.style(index) for index in range(12)]  # type: ignore[attr-defined]
    assert len({(style.dash, style.symbol) for style in styles}) == 12


@pytest.mark.parametrize(("theme", "page"), [(LIGHT, "#ffffff"), (DARK, "#0e1117")], ids=["light", "dark"])
def test_lines_stand_out_from_the_page(theme: object, page: str) -> None:
    """WCAG 2.1, 1.4.11: graphics need a contrast of 3 to their background."""
    for colour in theme.categorical:  # type: ignore[attr-defined]
        light, dark = sorted((_luminance(colour), _luminance(page)), reverse=True)
        assert (light + 0.05) / (dark + 0.05) >= 3, colour


def _luminance(colour: str) -> float:
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [part / 12.92 if part <= 0.03928 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
