"""Reports as a web page and as LaTeX: they need nothing else, and words of users stay words."""

import json
import re
from html.parser import HTMLParser

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from gradlab.errors import StoreError
from gradlab.reports import Drawing, export, export_page
from gradlab.reports.contents import TextTable, comparison, contents
from gradlab.reports.latex import _PLAIN, _SPECIAL, _SYMBOLS, escaped, write_latex
from gradlab.reports.webpage import Exhibit, write_exhibits, write_webpage
from tests.reports.test_export import HOSTILE, hostile  # noqa: F401 (a fixture)


class Page(HTMLParser):
    """What a browser would see: tags with their attributes, scripts, and the text between."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.scripts: list[str] = []
        self.text = ""
        self._open: list[str] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        self._open.append(tag)
        if tag == "script":
            self.scripts.append("")

    def handle_endtag(self, tag):
        if tag in self._open:
            while self._open.pop() != tag:
                pass

    def handle_data(self, data):
        if self._open and self._open[-1] == "script":
            self.scripts[-1] += data
        elif self._open and self._open[-1] != "style":
            self.text += data


FIGURE = {
    "data": [{"y": [1, 2], "name": "</script><script>alert(1)</script>"}],
    "layout": {"title": {"text": "a&b<!--"}},
}
DRAWING = Drawing("What <b>flows</b>", "Look.", 'Says "nothing" <i>', json.dumps(FIGURE))


def test_a_page_needs_nothing_but_itself(filled, tmp_path):
    path = export_page(filled, ["reach"], folder=tmp_path, drawings={"reach": [DRAWING, DRAWING]})
    page = Page(path.read_text(encoding="utf-8"))
    loading = [name for _, attributes in page.tags for name in attributes if name in ("src", "href", "srcset", "data")]
    assert loading == []
    [policy] = [attributes["content"] for tag, attributes in page.tags if attributes.get("http-equiv")]
    assert policy.startswith("default-src 'none';")
    assert not re.search("https?:", policy)
    assert len(page.scripts) == 3, "plotly's once, and one a figure"
    assert len(page.scripts[0]) > 1_000_000
    for question_or_more in (
        "How far back does the gradient reach?",
        "cell lstm",
        "the lstm reaches farther",
        "Claims: 1 not checked",
    ):
        assert question_or_more in page.text
    assert path.name == "reach.html"


def test_without_figures_a_page_is_small(filled, tmp_path):
    [path] = export(filled, "reach", "html", tmp_path)
    assert path.stat().st_size < 50_000
    assert Page(path.read_text(encoding="utf-8")).scripts == []


def test_words_of_users_stay_words_on_a_page(hostile, tmp_path):  # noqa: F811
    path = export_page(hostile, ["hostile"], folder=tmp_path, drawings={"hostile": [DRAWING]})
    page = Page(path.read_text(encoding="utf-8"))
    assert len(page.scripts) == 2
    assert "alert" not in page.scripts[1].replace("\\u003cscript\\u003ealert(1)", "")
    figure = json.loads(re.search(r"var figure = (\{.*\}); gradlab", page.scripts[1])[1])
    assert figure == FIGURE, "what the script reads is what was given"
    for text in HOSTILE:
        assert " ".join(text.split()) in " ".join(page.text.split())
    assert "What <b>flows</b>" in page.text
    assert [attributes["aria-label"] for _, attributes in page.tags if "aria-label" in attributes] == [
        DRAWING.described
    ]
    assert not [tag for tag, _ in page.tags if tag in ("b", "i", "a")]


def test_exhibits_show_code_and_words_as_they_are(tmp_path):
    dark = Drawing(DRAWING.title, DRAWING.how_to_read, DRAWING.described, DRAWING.figure, {"#1f2430": "#f0f2f6"})
    said = [f"{name} <b>bold</b> & `x < y`" for name in ("question", "finding", "seen", "source", "code")]
    path = write_exhibits([Exhibit("one", *said, dark)], tmp_path / "g.html", title="<i>T", introduction="A </script>")
    page = Page(path.read_text(encoding="utf-8"))
    for words in ("question <b>bold</b> & `x < y`", "code <b>bold</b> & `x < y`", "seen <b>bold</b> & x < y", "<i>T"):
        assert words in page.text
    assert not [tag for tag, _ in page.tags if tag in ("b", "i")]
    assert [tag for tag, _ in page.tags].count("code") == 2, "of what one sees, and of the source"
    assert len(page.scripts) == 2 and '{"#1f2430":"#f0f2f6"}' in page.scripts[0]


def test_two_studies_side_by_side(filled, hostile, tmp_path):  # noqa: F811
    table = comparison(filled, "reach", "reach")
    assert table.header[0] == "group"
    assert [row[1] for row in table.rows] == [row[2] for row in table.rows]
    assert "cell lstm, clipping none" in [row[0] for row in table.rows]
    filled_page = contents(filled, "reach")
    path = write_webpage([filled_page, contents(hostile, "hostile")], tmp_path / "two.html", compared=table)
    text = Page(path.read_text(encoding="utf-8")).text
    assert text.index("Side by side") < text.index(filled_page.question)
    with pytest.raises(ValueError, match="two studies to compare"):
        export_page(filled, ["reach"], folder=tmp_path, compare=True)


def test_groups_of_two_studies_meet_where_their_settings_are_equal(tmp_path):
    from gradlab.store import Store

    store = Store(tmp_path)
    for study, rates in (("old", (1, 2)), ("new", (2, 3))):
        store.write_study(study, axes=["rate"])
        for rate in rates:
            with store.writer(f"{study}{rate}", study, config={"rate": rate, "batch": 8, "seed": 0}) as writer:
                writer.annotate(final_score=rate + (study == "new") / 2)
    table = comparison(store, "old", "new")
    assert {row[0]: row[1:3] for row in table.rows} == {
        "rate 1": ("1", "–"), "rate 2": ("2", "2.5"), "rate 3": ("–", "3.5"),
    }  # fmt: skip


def test_latex_shows_what_was_written(hostile, filled, tmp_path):  # noqa: F811
    [path] = export(hostile, "hostile", "tex", tmp_path)
    text = path.read_text(encoding="utf-8")
    assert text.count(r"\begin{") == text.count(r"\end{")
    assert all(letter < "\u0180" for letter in text)
    assert r"\textless{}script\textgreater{}alert(1)" in text
    [path] = export(filled, "reach", "tex", tmp_path)
    assert "How far back does the gradient reach?" in path.read_text(encoding="utf-8")


SAID = {
    r"\input{/etc/passwd}": r"\textbackslash{}input\{/etc/passwd\}",
    "50 % of $x_1$ & #2 ^~": r"50 \% of \$x\_1\$ \& \#2 \textasciicircum{}\textasciitilde{}",
    "‖∂L/∂h‖ ≥ ½": r"\ensuremath{\Vert}\ensuremath{\partial}L/\ensuremath{\partial}h\ensuremath{\Vert} "
    r"\ensuremath{\geq} \ensuremath{\frac12}",
    "two\nlines – one": "two lines -- one",
    "é 🙂": "é ?",
}


@pytest.mark.parametrize(("text", "latex"), SAID.items())
def test_text_in_latex(text, latex):
    assert escaped(text) == latex


TOKEN = re.compile(
    r"\\ensuremath\{(?P<symbol>[^{}]*)\}|(?P<named>\\text[a-z]+\{\})|(?P<dots>\\dots\{\})|\\(?P<plain>[{}$&#%_])"
    r"|(?P<nothing>\{\})|(?P<ligature>---|--|``|''|')|(?P<letter>[^\\{}$&#%_~^\"'`<>|])"
)
NAMED = {latex: letter for letter, latex in _SPECIAL.items()} | {r"\dots{}": "…"}
SYMBOLS = {latex: letter for letter, latex in _SYMBOLS.items()}
LIGATURES = {latex: letter for letter, latex in _PLAIN.items()}


def read_back(latex):
    """What LaTeX would print of some escaped text; fails at a letter that it would act on."""
    text, place = "", 0
    while place < len(latex):
        found = TOKEN.match(latex, place)
        assert found, f"expected nothing that LaTeX acts on, found {latex[place : place + 12]!r}"
        kind, said = found.lastgroup, found[found.lastgroup]
        text += {"symbol": SYMBOLS, "named": NAMED, "dots": NAMED, "ligature": LIGATURES, "nothing": {"{}": ""}}.get(
            kind, {said: said}
        )[said]
        assert kind != "letter" or (latex[place : place + 2] not in (",,", "?`", "!`")), "a ligature"
        place = found.end()
    return text


@given(
    st.text(st.one_of(st.characters(min_codepoint=32, max_codepoint=126), st.sampled_from([*_SYMBOLS, *"–—…“”’éß"])))
)
@example("".join(map(chr, range(32, 127))))
@example("".join(_SYMBOLS))
@example("a -- b --- c,, d ''' ``` ?` !“ “““ ’’ << >> –-")
def test_latex_prints_what_was_written(text):
    assert read_back(escaped(text)) == " ".join(text.split())


def test_no_cell_is_taken_for_an_argument(tmp_path):
    table = TextTable("t", "r", ("[1]", "*"), (("[2, 3]", "x"), ("*", "[")))
    text = write_latex([], tmp_path / "t.tex", compared=table).read_text(encoding="utf-8")
    assert text.count("\\\\\n") == 3
    assert not re.search(r"(?:\\\\|\\hline|\\endhead)\s*[\[*]", text)


def test_no_runs_no_page(filled, tmp_path):
    with pytest.raises(StoreError, match="no study 'rech'"):
        export_page(filled, ["reach", "rech"], folder=tmp_path)
    with pytest.raises(ValueError, match="html or tex"):
        export_page(filled, ["reach"], "csv", tmp_path)
