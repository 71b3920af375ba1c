"""What came of a soak, as Markdown."""

from collections import Counter
from collections.abc import Collection, Sequence

from tests.soak.rounds import Report


def summarise(
    reports: Sequence[Report], violations: Sequence[str], seed: int, profiles: int, seconds: float
) -> str:
    """Return totals and a table with a line per run."""
    states = Counter(report.state for report in reports)
    told = ", ".join(f"{count} {state}" for state, count in states.most_common())
    rounds = {tuple(report.log): report for report in reports}.values()
    counted, called = (
        sum(report.round_calls for report in rounds),
        sum(report.simulator_calls for report in rounds),
    )
    lines = [
        "## Soak",
        "",
        f"Seed {seed}: {len(reports)} runs of {profiles:,} people in {seconds / 60:.0f} minutes; "
        f"{len(violations)} violations.",
        f"They ended as: {told}; {sum(report.repaired for report in reports)} were repaired by the next run.",
        f"The host was killed {sum(len([line for line in r.log if 'killed' in line]) for r in rounds)} times; "
        f"the runs counted {counted:,} calls, the simulator {called:,}.",
        f"Autopilot's answers: {_shares(rounds)}.",
        "",
        "| run | kills | what else broke | s | calls | of its round: counted / simulator | state |",
        "|---|---|---|---|---|---|---|",
    ]
    for number, report in enumerate(reports, 1):
        state = report.state + (", then repaired" if report.repaired else "")
        lines.append(
            f"| {number} {report.kind} | {report.kills} | {', '.join(report.faults)} | {report.seconds:.0f} "
            f"| {report.calls} | {report.round_calls} / {report.simulator_calls} | {state} |"
        )
    lines += [f"\nViolation on {violation}" for violation in violations]
    return "\n".join([*lines, ""])


def _shares(rounds: Collection[Report]) -> str:
    """Return how often each outcome came, in per cent of all calls."""
    outcomes = sum((Counter(report.outcomes) for report in rounds), Counter[str]())
    return ", ".join(
        f"{100 * count / outcomes.total():.1f} % {name}" for name, count in outcomes.most_common()
    )
