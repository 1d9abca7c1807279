"""Text that a user wrote, made safe to stand in a figure as text."""

import html
import re


def plain(text: object) -> str:
    """The text itself, for where plotly would read tags (`<b>`, `<a href=…>`) or formulas (`$…$`)."""
    return html.escape(str(text), quote=False).replace("$", "&#36;")


def formula(label: str) -> str:
    """A label of the catalogue with its indices set low, as plotly writes them: `h_t` → `h<sub>t</sub>`."""
    return re.sub(r"_(?:\{([^{}]+)\}|(\w+))", lambda found: f"<sub>{found[1] or found[2]}</sub>", plain(label))


def short(text: object, letters: int = 40) -> str:
    """The beginning of a text, as `plain` writes it, where a legend or an axis has no room for more."""
    whole = str(text)
    return plain(whole if len(whole) <= letters else whole[: letters - 1] + "…")


def count_of(number: int, noun: str) -> str:
    """`1 run`, `2 runs`, `1,000 runs`."""
    return f"{number:,} {noun}" + ("" if number == 1 else "s")


def number_in_words(value: float) -> str:
    """A number for a sentence: three digits, powers of ten, and words for what is no number."""
    if value != value:
        return "NaN"
    if value in (float("inf"), float("-inf")):
        return "∞" if value > 0 else "−∞"
    if value == 0:
        return "0"
    if 1e-3 <= abs(value) < 1e5:
        digits = f"{value:.3g}" if abs(value) < 1000 else f"{value:,.0f}"
        return digits.replace("-", "−")
    mantissa, exponent = f"{value:.1e}".split("e")
    superscript = str(int(exponent)).translate(str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹"))
    return f"{mantissa.replace('-', '−')}·10{superscript}"
