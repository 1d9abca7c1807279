"""Compares durations fairly: every repetition measures every case, each time in another order."""

import gc
import statistics
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Comparison:
    """Durations of cases in seconds, one per repetition, repetition by repetition side by side."""

    seconds: Mapping[str, Sequence[float]]

    def median(self, case: str) -> float:
        """Median duration in seconds."""
        return statistics.median(self.seconds[case])

    def ratio(self, case: str, over: str) -> float:
        """Median over the repetitions of one case's duration over another's."""
        pairs = zip(self.seconds[case], self.seconds[over], strict=True)
        return statistics.median(one / other for one, other in pairs)


def compare(cases: Mapping[str, Callable[[], float]], repetitions: int) -> Comparison:
    """Measure cases that each give their own duration in seconds; one repetition more warms up."""
    names = list(cases)
    seconds: dict[str, list[float]] = {name: [] for name in names}
    for name in names:
        cases[name]()
    for repetition in range(repetitions):
        first = repetition % len(names)
        for name in names[first:] + names[:first]:
            gc.collect()  # nobody pays for another's litter
            seconds[name].append(cases[name]())
    return Comparison(seconds)


def print_table(headings: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    """Print a table in Markdown, a ratio with two digits, a duration as it comes."""
    print("| " + " | ".join(headings) + " |")
    print("|" + "---|" * len(headings))
    for row in rows:
        print("| " + " | ".join(f"{cell:.3f}" if isinstance(cell, float) else str(cell) for cell in row) + " |")
    print(flush=True)
