"""How good the diagnosis is: hit rate, false alarms, and how many sick runs its advice heals, by half and by rule."""

import sys

from tests.benchmarks.interleaved import print_table
from tests.diagnosis.evaluation import GOALS, NOTHING_TO_HEAL, Rates, Verdict, rates, verdict
from tests.diagnosis.running import SetUp
from tests.diagnosis.sick import DEVELOPMENT, HELD_OUT


def main() -> None:
    """Print the tables, and every set-up that went wrong."""
    halves = {
        "development": [_judged(one) for one in DEVELOPMENT],
        "held out": [_judged(one) for one in HELD_OUT],
    }
    halves["all"] = [*halves["development"], *halves["held out"]]
    print("### Diagnosis of sick and healthy runs\n")
    goals = [f"goal: {GOALS['named']:.0%}", "", f"at most {GOALS['false alarms']:.0%}", f"{GOALS['healed']:.0%}", ""]
    headings = ["half", "sick runs named", "named first", "false alarms", "healed by the advice", "clearly better"]
    print_table(headings, [*([half, *_row(rates(found))] for half, found in halves.items()), ["", *goals]])
    print("### By rule\n")
    causes = dict.fromkeys(one.set_up.cause for one in halves["all"] if one.set_up.cause)
    by_rule = [[cause, *_of(cause, halves["all"]), *_of(cause, halves["held out"])] for cause in causes]
    print_table(["rule", "named", "healed", "named, held out", "healed, held out"], by_rule)
    for found in halves["all"]:
        if line := _wrong(found):
            print(line)
    seconds = [each.seconds for one in halves["all"] for each in (one.ran, one.after) if each is not None]
    print(f"\n{len(seconds)} runs, {sum(seconds):.0f} s, the longest {max(seconds):.1f} s", flush=True)


def _judged(one: SetUp) -> Verdict:
    """The verdict; says on standard error where it is."""
    found = verdict(one)
    print(f"{one.name}: {found.ran.seconds:.1f} s", file=sys.stderr, flush=True)
    return found


def _row(found: Rates) -> list[str]:
    return [
        f"{found.named} of {found.sick} ({found.named / found.sick:.0%})",
        f"{found.named_first} of {found.sick}",
        f"{found.alarms} of {found.healthy} ({found.alarms / found.healthy:.0%})",
        f"{found.healed} of {found.curable} ({found.healed / found.curable:.0%})",
        f"{found.better} of {found.curable}",
    ]


def _of(cause: str, found: list[Verdict]) -> list[str]:
    own = rates(one for one in found if one.set_up.cause == cause)
    return [f"{own.named} of {own.sick}", f"{own.healed} of {own.curable}"]


def _wrong(found: Verdict) -> str:
    """A line about a set-up that was missed, alarmed about, or not healed."""
    names = ", ".join(f"{each.name} ({each.certainty})" for each in found.ran.diagnosis) or "nothing"
    if not found.set_up.cause:
        return f"- {found.set_up.name}: false alarm: {names}" if found.alarm else ""
    if not found.named:
        return f"- {found.set_up.name}: not named; found: {names}"
    if found.healed or found.after is None or found.set_up.cause in NOTHING_TO_HEAL:
        return ""
    before, after = found.ran, found.after
    still = ", ".join(each.name for each in after.diagnosis) or "nothing"
    return (
        f"- {found.set_up.name}: not healed: loss {before.loss:.3g} → {after.loss:.3g}, score {before.score:.3g} → "
        f"{after.score:.3g}, found then: {still}"
    )


if __name__ == "__main__":
    main()
