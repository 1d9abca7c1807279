"""Studies as a LaTeX document: question, claims, findings and tables, ready for pdflatex or to be copied from."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from gradlab.reports.contents import Contents, TextTable

_HEAD = r"""\documentclass{article}
\usepackage[T1]{fontenc}
\usepackage[utf8]{inputenc}
\usepackage[a4paper, margin=2.5cm]{geometry}
\usepackage{longtable}
\setlength{\parindent}{0pt}
\begin{document}
"""
_SPECIAL = {
    "\\": r"\textbackslash{}", "{": r"\{", "}": r"\}", "$": r"\$", "&": r"\&", "#": r"\#", "%": r"\%", "_": r"\_",
    "~": r"\textasciitilde{}", "^": r"\textasciicircum{}", "<": r"\textless{}", ">": r"\textgreater{}",
    '"': r"\textquotedbl{}", "'": r"\textquotesingle{}", "`": r"\textasciigrave{}", "|": r"\textbar{}",
}  # fmt: skip
_SYMBOLS = {
    "‖": r"\Vert", "∂": r"\partial", "σ": r"\sigma", "λ": r"\lambda", "χ": r"\chi", "η": r"\eta", "ρ": r"\rho",
    "γ": r"\gamma", "β": r"\beta", "δ": r"\delta", "Δ": r"\Delta", "Ω": r"\Omega", "φ": r"\phi", "Σ": r"\Sigma",
    "∞": r"\infty", "≤": r"\leq", "≥": r"\geq", "−": "-", "×": r"\times", "·": r"\cdot", "→": r"\to", "½": r"\frac12",
    "⟨": r"\langle", "⟩": r"\rangle", "ₜ": "_t", "²": "^2", "±": r"\pm", "√": r"\surd", "∈": r"\in", "≈": r"\approx",
}  # fmt: skip
_PLAIN = {"–": "--", "—": "---", "…": r"\dots{}", "“": "``", "”": "''", "’": "'", "\u00a0": "~"}
_LIGATURES = (("-–—", "-–—"), (",", ","), ("’”", "’”"), ("?!“", "“"))
_WORDS = {"held": "Held", "failed": "Failed", "undecided": "Undecided"}


def write_latex(studies: Sequence[Contents], path: Path, compared: TextTable | None = None) -> Path:
    """Write the document; what comes from study files and runs is escaped, so that it shows as it was written.

    Letters that pdflatex does not know, of other alphabets, become a question mark.
    """
    lines = [_HEAD]
    if compared is not None:
        lines += [r"\section*{Side by side}", *_table(compared)]
    for study in studies:
        lines += _study(study)
    path.write_text("\n".join([*lines, r"\end{document}", ""]), encoding="utf-8")
    return path


def escaped(text: str) -> str:
    """Text for LaTeX, on one line."""
    words = " ".join(str(text).split())
    pairs = zip(" " + words, words, strict=False)
    return "".join(("{}" if _melt(before, letter) else "") + _letter(letter) for before, letter in pairs)


def _melt(one: str, other: str) -> bool:
    """Whether TeX's fonts would print two letters as another one: `--` as a dash, `,,` as a quotation mark."""
    return any(one in before and other in after for before, after in _LIGATURES)


def _letter(letter: str) -> str:
    if letter in _SPECIAL:
        return _SPECIAL[letter]
    if letter in _SYMBOLS:
        return rf"\ensuremath{{{_SYMBOLS[letter]}}}"
    if letter in _PLAIN:
        return _PLAIN[letter]
    return letter if " " <= letter < "\u0180" and letter.isprintable() else "?"


def _study(study: Contents) -> list[str]:
    lines = [rf"\section*{{{escaped(study.name)}}}"]
    if study.question:
        lines += [rf"\emph{{{escaped(study.question)}}}", ""]
    if study.verdicts or study.sentences:
        told = [rf"\textbf{{{_WORDS[one.verdict]}}}: {escaped(one.claim)} {{\small [{escaped(one.told)}]}}"
                for one in study.verdicts]  # fmt: skip
        told += [rf"\textbf{{Not checked}}: {escaped(sentence)}" for sentence in study.sentences]
        lines += [r"\subsection*{Claims}", *_items(told)]
    lines += [r"\subsection*{What was found}", *_items([escaped(sentence) for sentence in study.findings])]
    for table in study.tables:
        lines += _table(table)
    if study.problems:
        lines += [r"\subsection*{What could not be read}", *_items([escaped(problem) for problem in study.problems])]
    return lines


def _items(items: Sequence[str]) -> list[str]:
    return [r"\begin{itemize}", *(rf"\item {{}}{item}" for item in items), r"\end{itemize}"] if items else []


def _table(table: TextTable) -> list[str]:
    """As wide as the page: the first column and long ones wrap."""
    share = 0.9 / max(1, len(table.header))
    columns = "".join(rf"p{{{share:.3f}\linewidth}}" for _ in table.header)
    # {} so that no cell that begins with [ or * is taken for an argument of the line's end before it
    rows = ["{}" + " & ".join(map(escaped, cells)) + r" \\" for cells in (table.header, *table.rows)]
    return [
        rf"\subsection*{{{escaped(table.title)}}}", escaped(table.how_to_read), "",
        rf"{{\small\begin{{longtable}}{{{columns}}}", r"\hline", rows[0], r"\hline\endhead", *rows[1:], r"\hline",
        r"\end{longtable}}",
    ]  # fmt: skip
