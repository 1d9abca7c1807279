"""A chart of one's own: what is drawn, in whose colour, and what is told of a mistake; other strategies, by formula."""

import numpy as np
import pandas as pd
import pytest

from gradlab.figures import Curve, chart, strategies, strategies_data
from tests.figures.frames import clipping_columns

WORDS = {"title": "A title", "x": "lag", "y": "size"}


def test_theory_takes_the_colour_of_its_measurement_and_is_dotted() -> None:
    drawn = chart(
        [
            Curve("a", [1, 2], [1, 2]),
            Curve("b", [1, 2], [2, 3], "points"),
            Curve("for b", [1, 2], [2, 3], "theory", like="b"),
        ],
        **WORDS,
    )
    a, b, theory = drawn.data
    assert theory.line.color == b.marker.color != a.line.color
    assert theory.line.dash == "dot" and (a.mode, b.mode, theory.mode) == ("lines+markers", "markers", "lines")


def test_what_the_axis_cannot_hold_is_marked() -> None:
    drawn = chart([Curve("a", range(5), [1.0, 0.0, np.inf, np.nan, 0.1])], log_y=True, levels={"here": 0.5}, **WORDS)
    assert {"exactly 0", "∞", "NaN"} <= {trace.name for trace in drawn.data}
    assert [shape.y0 for shape in drawn.layout.shapes] == [0.5]
    assert drawn.layout.yaxis.type == "log"


def test_spread_is_a_band_of_a_line_and_bars_of_points() -> None:
    spread = {"low": [0.5, 1.0], "high": [2.0, 4.0]}
    band, line, points = chart(
        [Curve("a", [1, 2], [1.0, 2.0], **spread), Curve("b", [1, 2], [1.0, 2.0], "points", **spread)], **WORDS
    ).data
    assert band.fill == "toself" and line.error_y.array is None
    assert list(points.error_y.array) == [1.0, 2.0] and list(points.error_y.arrayminus) == [0.5, 1.0]


def test_words_stay_words() -> None:
    text = chart([Curve("<b>$x$", [1], [1])], title="<i>", x="$a$", y="<img>").to_json()
    assert "$" not in text and not {"\\u003cb\\u003e", "\\u003ci\\u003e", "\\u003cimg"} & set(text.split('"'))


@pytest.mark.parametrize(
    ("curves", "message"),
    [
        ([], "at least one curve"),
        ([Curve("a", [1, 2], [1])], r"a: expected as many x as y, got \(2,\) and \(1,\)"),
        ([Curve("a", [1], [1], like="b")], "a: expected like to be one of a, got 'b'"),
    ],
)
def test_mistakes_are_told(curves: list[Curve], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        chart(curves, **WORDS)


def test_strategies_are_summed_up_over_the_measured_steps() -> None:
    frame = pd.concat(
        [clipping_columns([step], decay=0.8, size=size) for step, size in enumerate((0.5, 1.0, 2.0, 4.0, 8.0))],
        ignore_index=True,
    )
    data = strategies_data(frame).set_index(["strategy", "setting"])
    one = data.loc[("norm", 1.0)]
    assert (one["steps"], one["fired"], one["left"], one["cosine"]) == (5, 0.8, 0.25, 1.0)
    assert one["left_high"] == pytest.approx(np.exp(0.6 * np.log(1.0) + 0.4 * np.log(0.5)))
    assert data.loc[("value", 0.1), "cosine"] == 0.8
    assert data.loc["zclip", "left"].tolist() == [1.0]
    drawn = strategies(frame)
    labels = list(drawn.layout.yaxis.ticktext)
    assert labels == ["norm 0.1", "norm 1", "norm 10", "value 0.1"], "what would never have fired is counted, not drawn"
    assert "1 more would never have fired" in drawn.layout.xaxis.title.text
    left, cosine = (next(trace for trace in drawn.data if trace.xaxis == axis) for axis in ("x", "x2"))
    assert dict(zip(left.y, left.x, strict=True)) == pytest.approx({0.0: 0.025, 1.0: 0.25, 2.0: 1.0, 3.0: 0.025})
    assert cosine.x[list(cosine.y).index(3.0)] == 0.8


def test_strategies_that_never_fire_are_drawn_where_there_are_no_others() -> None:
    frame = clipping_columns([0], size=1e-3)
    frame = frame[~frame["fired"].astype(bool)]
    assert len(strategies(frame).layout.yaxis.ticktext) == len(frame)


def test_an_infinite_gradient_leaves_a_mark_at_the_side() -> None:
    frame = clipping_columns([0])
    frame.loc[frame["strategy"] == "norm", "coefficient"] = 0.0
    frame.loc[frame["strategy"] == "value", "cosine"] = np.nan
    names = [trace.name for trace in strategies(frame).data]
    assert "exactly 0" in names and "NaN" in names
