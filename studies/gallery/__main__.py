"""All figures of the gallery on one page that needs nothing else: `make gallery`, or `python studies/gallery`."""

import argparse
import html
import importlib.util
from pathlib import Path
from types import ModuleType

from gradlab.figures.theme import dark_colours
from gradlab.reports import Drawing
from gradlab.reports.webpage import Exhibit, write_exhibits

HERE = Path(__file__).parent
ORDER = (
    "retain_grad", "untrained_cells", "who_teaches_whom", "products", "weights_bound", "transient_growth",
    "edge_of_chaos", "mean_field", "random_matrices", "orthogonal", "forget_bias", "chrono", "residual_depth",
    "flossing", "cliff", "truncation", "half_precision",
)  # fmt: skip
"""From the question that everybody asks to those that come later."""


def script(name: str) -> ModuleType:
    """One script of the gallery, as a module."""
    specification = importlib.util.spec_from_file_location(f"gallery_{name}", HERE / f"{name}.py")
    assert specification is not None and specification.loader is not None
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    return module


def exhibit(name: str) -> Exhibit:
    """A script's figure, with what its docstring says: question, what one sees, source."""
    module = script(name)
    assert module.__doc__ is not None
    question, *seen, source = (" ".join(part.split()) for part in module.__doc__.strip().split("\n\n"))
    drawn = module.figure()
    finding, told = html.unescape(drawn.layout.title.text), " ".join(seen)
    drawing = Drawing(finding, told, f"{finding}. {told}", drawn.to_json(), dark_colours())
    code = (HERE / f"{name}.py").read_text(encoding="utf-8")
    return Exhibit(name, question, finding, told, source.removeprefix("Source: "), code, drawing)


def main() -> None:
    """Run every script and write the page."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--to", type=Path, default=Path("gallery.html"))
    asked = parser.parse_args()
    asked.to.parent.mkdir(parents=True, exist_ok=True)
    path = write_exhibits(
        [exhibit(name) for name in ORDER],
        asked.to,
        title="Gallery: gradients through time",
        introduction="Each figure is measured when this page is made, by the few lines of code below it.",
    )
    print(path)


if __name__ == "__main__":
    main()
