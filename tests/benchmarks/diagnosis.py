"""How good the diagnosis is, on the suite and held out: what it names, false alarms, and what its advice heals."""

import sys

from tests.benchmarks.interleaved import print_table
from tests.diagnosis.evaluation import GOALS, NOTHING_TO_HEAL, Rates, Verdict, rates, verdict
from tests.diagnosis.held_out_sick import HELD_OUT_SICK
from tests.diagnosis.held_out_well import HELD_OUT_HEALTHY
from tests.diagnosis.outcomes import contradiction
from tests.diagnosis.running import SetUp
from tests.diagnosis.sick import HEALTHY, SICK


def main() -> None:
    """Print the tables, and every set-up that went wrong."""
    sets = {
        "suite": [_judged(one) for one in (*SICK, *HEALTHY)],
        "held out": [_judged(one) for one in (*HELD_OUT_SICK, *HELD_OUT_HEALTHY)],
    }
    both = [*sets["suite"], *sets["held out"]]
    print("### Diagnosis of sick and healthy runs\n")
    goals = [f"goal: {GOALS['named']:.0%}", "", f"at most {GOALS['false alarms']:.0%}", f"{GOALS['healed']:.0%}", ""]
    headings = ["set", "sick runs named", "named first", "false alarms", "healed by the advice", "clearly better"]
    print_table(headings, [*([name, *_row(rates(found))] for name, found in sets.items()), ["", *goals]])
    print("### By rule\n")
    causes = dict.fromkeys(one.set_up.cause for one in both if one.set_up.cause)
    by_rule = [[cause, *_of(cause, sets["suite"]), *_of(cause, sets["held out"])] for cause in causes]
    print_table(["rule", "named, suite", "healed, suite", "named, held out", "healed, held out"], by_rule)
    for found in both:
        if line := _wrong(found):
            print(line)
    for found in sets["held out"]:
        if said := contradiction(found.set_up, found.ran):
            print(f"- {found.set_up.name}: is not what it says: {said}")
    seconds = [each.seconds for one in both for each in (one.ran, one.after) if each is not None]
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
